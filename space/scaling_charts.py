"""A scaling law to hover over: its fit, what it leaves of each run, and the plane of parameters and tokens."""

import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from eval.scaling_laws import units
from eval.scaling_laws.plane import plane_of
from eval.scaling_laws.ticks import count_ticks, loss_ticks
from space.charts import BLUE, GREEN, GREY, OCHRE, VERMILION, blank_figure

LABELS = {"parameters": "parameters N", "tokens": "tokens D", "compute": "compute C, FLOP"}
BAND = "rgba(43,140,203,0.22)"
NEAR = 0.7
"""The floor is drawn from this share of the lowest loss on: one far below would squeeze the runs together."""
LEGEND = 30
"""Characters of a line of the legend: a phone has no room for more."""
SYMBOLS = ("diamond", "star", "cross")


def fit_chart(data: dict[str, Any]) -> go.Figure:
    """The losses with the law and its 95% band, dashed beyond the largest run.

    A law of N and D is drawn along the best split of each compute: runs lie above it.
    """
    curve, rows = data["curve"], data["rows"]
    variable = curve["variable"]
    at = [row[variable] for row in rows]
    x, value = np.array(curve["x"]), np.array(curve["value"], dtype=float)
    figure = blank_figure("Fit", LABELS[variable], "loss")
    if None not in curve["low"] and None not in curve["high"]:
        around = {"x": [*x, *x[::-1]], "y": [*curve["high"], *curve["low"][::-1]]}
        figure.add_scatter(
            **around, fill="toself", fillcolor=BAND, line=dict(width=0), mode="lines", name="95%", hoverinfo="skip"
        )
    inside = x <= max(at)
    label = "best split" if data["separate"] else data["law"]["formula"]
    hover = {"customdata": [_amount(variable, each) for each in x], "hovertemplate": "%{customdata}: %{y:.4g}"}
    for name, part, dash in ((label, inside, "solid"), ("beyond the runs", ~inside, "dash")):
        shown = {**hover, "customdata": [each for each, kept in zip(hover["customdata"], part, strict=True) if kept]}
        figure.add_scatter(x=x[part], y=value[part], mode="lines", line=dict(color=BLUE, dash=dash), name=name, **shown)
    _add_runs(figure, rows, at, [row["loss"] for row in rows], "loss %{y:.4g}")
    floor = (data["law"]["constants"].get("E") or {}).get("value")
    if floor and floor > NEAR * np.nanmin(value):
        figure.add_hline(y=floor, line=dict(color=GREY, dash="dot"), annotation=dict(text=f"floor E = {floor:.3g}"))
    asked = data["prediction"]
    if asked and asked["loss"] and asked.get(variable) and not data["separate"]:
        _add_asked(figure, asked, variable)
    _log_axis(figure, "x", variable)
    _loss_axis(figure, [float(y) for trace in figure.data for y in trace.y if np.isfinite(y) and y > 0])
    return figure


def residual_chart(data: dict[str, Any]) -> go.Figure:
    """How far each run lies above the law, in percent of its loss."""
    variable, rows = data["curve"]["variable"], data["rows"]
    figure = blank_figure("Residuals", LABELS[variable], "observed above fitted, %")
    figure.add_hline(y=0, line=dict(color=GREY, width=1))
    _add_runs(figure, rows, [row[variable] for row in rows], [100 * row["residual"] for row in rows], "%{y:+.2f}%")
    figure.update_layout(showlegend=False)
    _log_axis(figure, "x", variable)
    return figure


def plane_chart(data: dict[str, Any]) -> go.Figure | None:
    """Parameters against tokens: the runs, lines of equal loss and the best split; None without N and D.

    Where the runs cannot tell N from D there are no such lines, only the published best splits.
    """
    plane = plane_of(data)
    if plane is None:
        return None
    title = "Equal loss and the best split" if data["separate"] else "The runs, and published best splits"
    figure = blank_figure(title, LABELS["parameters"], LABELS["tokens"])
    for index, (loss, (n, d)) in enumerate(plane.equal.items()):
        figure.add_scatter(
            x=n,
            y=d,
            mode="lines",
            line=dict(color=GREY, width=1),
            name="equal loss",
            legendgroup="equal",
            showlegend=index == 0,
            hovertemplate=f"loss {loss:.4g}<extra></extra>",
        )
        _add_label(figure, n, d, f"{loss:.3g}")
    for (name, (n, d)), colour, dash in zip(plane.optima.items(), (BLUE, OCHRE), ("solid", "dash"), strict=False):
        words = [f"{units.count(each)} on {units.count(tokens)}" for each, tokens in zip(n, d, strict=True)]
        line = {"mode": "lines", "line": dict(color=colour, dash=dash), "hovertemplate": "%{customdata}"}
        figure.add_scatter(x=n, y=d, name=name, customdata=words, **line)
    rows = data["rows"]
    _add_runs(figure, rows, [row["parameters"] for row in rows], [row["tokens"] for row in rows], "")
    for (n, d, words), symbol in zip(plane.marked, SYMBOLS, strict=False):
        figure.add_scatter(
            x=[n],
            y=[d],
            mode="markers",
            name="<br>".join(textwrap.wrap(words, LEGEND)),
            marker=dict(color=GREEN, size=12, symbol=symbol),
            hovertemplate=f"{units.count(n)} on {units.count(d)}",
        )
    _log_axis(figure, "x", "parameters", plane.parameters)
    _log_axis(figure, "y", "tokens", plane.tokens)
    figure.update_layout(height=520, margin_b=120)
    return figure


def _add_runs(figure: go.Figure, rows: list[dict], x: list[float], y: list[float], quantity: str) -> None:
    words = [", ".join(_amount(name, row[name]) for name in LABELS if row[name]) for row in rows]
    figure.add_scatter(
        x=x,
        y=y,
        name="runs",
        mode="markers",
        marker=dict(color=VERMILION, size=8),
        customdata=words,
        hovertemplate=f"%{{customdata}}{f'<br>{quantity}' if quantity else ''}<extra></extra>",
    )


def _add_asked(figure: go.Figure, asked: dict[str, Any], variable: str) -> None:
    """The run that was asked for, with its interval."""
    loss = asked["loss"]
    reach = None
    if loss["low"] is not None:
        reach = dict(
            type="data", symmetric=False, array=[loss["high"] - loss["value"]], arrayminus=[loss["value"] - loss["low"]]
        )
    figure.add_scatter(
        x=[asked[variable]],
        y=[loss["value"]],
        error_y=reach,
        name="asked for",
        mode="markers",
        marker=dict(color=GREEN, size=10, symbol="diamond"),
        hovertemplate=f"{_amount(variable, asked[variable])}: %{{y:.4g}}",
    )


def _add_label(figure: go.Figure, n: np.ndarray, d: np.ndarray, words: str) -> None:
    """The loss of a line, where that leaves the plane below or on the right."""
    at = min(len(n) - 1, int(0.92 * len(n)))
    # On a logarithmic axis an annotation stands at the exponent.
    figure.add_annotation(
        x=np.log10(n[at]), y=np.log10(d[at]), text=words, showarrow=False, font=dict(size=11, color=GREY), yshift=7
    )


def _amount(variable: str, value: float) -> str:
    return f"{value:.3g} FLOP" if variable == "compute" else f"{'ND'[variable == 'tokens']} {units.count(value)}"


def _log_axis(figure: go.Figure, axis: str, variable: str, ends: tuple[float, float] | None = None) -> None:
    """Decades as 1M, 1B, threes too where there are few; FLOP as powers of ten."""
    seen = [float(each) for trace in figure.data for each in getattr(trace, axis)] if ends is None else list(ends)
    low, high = np.log10(min(seen)), np.log10(max(seen))
    if ends is None:
        margin = 0.04 * (high - low)
        low, high = low - margin, high + margin
    ticks = count_ticks(10**low, 10**high)
    words = [f"{tick:.0e}".replace("e+", "e") if variable == "compute" else units.count(tick) for tick in ticks]
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    update(type="log", range=[low, high], tickvals=ticks, ticktext=words)


def _loss_axis(figure: go.Figure, losses: list[float]) -> None:
    """Few plain numbers: a loss seldom spans a decade."""
    low, high = np.log10(min(losses)), np.log10(max(losses))
    margin = 0.06 * max(high - low, 1e-3)
    ticks = loss_ticks(10 ** (low - margin), 10 ** (high + margin))
    words = [f"{tick:.3g}" for tick in ticks]
    figure.update_yaxes(type="log", range=[low - margin, high + margin], tickvals=ticks, ticktext=words)
