"""Charts of what a run logged and of two models' answers, to hover and zoom in."""

import math
import textwrap
from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from eval.diagnosis.finding import Finding
from eval.diagnosis.words import named

# The house's palette is made for paper: these can be read on a dark page too.
BLUE, VERMILION, GREEN, OCHRE, PURPLE, GREY = "#2B8CCB", "#D55E00", "#009E73", "#C28000", "#B36BB0", "#7F7F7F"

CURVES = ("accuracy", "precision", "recall", "auc", "mcc")
COLOURS = (BLUE, VERMILION, GREEN, OCHRE, PURPLE)
ROW = 16
"""Pixels that the name of a finding takes above a chart."""
POINTS = 4000
MARKED = {
    "resume": ("resumed", GREY),
    "early_stopping": ("early stop", OCHRE),
    "non_finite": ("not finite", VERMILION),
}
LAYOUT = dict(
    template="none",
    paper_bgcolor="rgba(0,0,0,0)",
    plot_bgcolor="rgba(0,0,0,0)",
    font=dict(family="system-ui, sans-serif", size=12, color=GREY),
    margin=dict(l=56, r=16, t=44, b=100),
    height=370,
    hoverlabel=dict(bgcolor="#222222", font=dict(color="white")),
    # At the very bottom: it takes three lines on a phone.
    legend=dict(orientation="h", x=0, y=0, yref="container", yanchor="bottom"),
    # A finger that scrolls the page must not zoom; the tool bar does.
    dragmode=False,
)


def loss_chart(journal: list[dict], axis: str, findings: Sequence[Finding] = ()) -> go.Figure:
    """The training and the validation loss against "step" or "epoch", with what happened to the run and was found."""
    figure = blank_figure("Loss", axis, "loss")
    training, validation = _series(journal, "train", "loss", axis), _series(journal, "eval", "loss", axis)
    figure.add_scatter(x=training[0], y=training[1], name="training", line=dict(color=BLUE), **_hover(axis))
    figure.add_scatter(
        x=validation[0],
        y=validation[1],
        name="validation",
        mode="lines+markers",
        line=dict(color=VERMILION, dash="dash"),
        marker=dict(size=8, symbol="square"),
        **_hover(axis),
    )
    seen = [loss for loss in training[1] + validation[1] if loss is not None]
    if seen and min(seen) > 0 and max(seen) > 100 * min(seen):
        figure.update_yaxes(type="log", title="loss (log scale)", exponentformat="e")
    _mark_events(figure, journal, axis)
    broken = [x for (x, loss) in zip(*training, strict=True) if loss is None]
    if broken and not any(line.get("event") == "non_finite" for line in journal):
        _mark(figure, broken[0], "not finite", VERMILION)
    mark_onsets(figure, findings, axis)
    return figure


def metric_chart(
    journal: list[dict], axis: str, findings: Sequence[Finding] = (), names: Sequence[str] = CURVES
) -> go.Figure:
    """The metrics of every evaluation on the validation rows, by these names; F1 has a chart of its own."""
    figure = blank_figure("Metrics", axis, "on validation rows")
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        x, y = _series(journal, "eval", name, axis)
        if any(value is not None for value in y):
            figure.add_scatter(
                x=x,
                y=y,
                name=name.upper() if name in ("auc", "mcc", "f1") else _plain(named(name)),
                mode="lines+markers",
                line=dict(color=colour),
                marker=dict(size=7, symbol=number),
                **_hover(axis),
            )
    # The name of a single curve is in no legend unless it is asked for.
    figure.update_layout(showlegend=True)
    mark_onsets(figure, findings, axis)
    return figure


def f1_chart(journal: list[dict], findings: Sequence[Finding] = ()) -> go.Figure:
    """F1 on the validation rows against the epoch; the highest is ringed."""
    figure = blank_figure("F1 against epoch", "epoch", "F1 on validation rows")
    x, y = _series(journal, "eval", "f1", "epoch")
    figure.add_scatter(x=x, y=y, name="F1", mode="lines+markers", line=dict(color=GREEN), **_hover("epoch"))
    finite = [(value, position) for position, value in zip(x, y, strict=True) if value is not None]
    if finite:
        (lowest, _), (value, position) = min(finite), max(finite)
        margin = max(0.01, 0.1 * (value - lowest))
        figure.update_yaxes(range=[lowest - margin, value + margin])
        figure.add_scatter(
            x=[position],
            y=[value],
            name=f"highest: {value:.3f}",
            mode="markers",
            marker=dict(symbol="circle-open", size=16, color=OCHRE, line=dict(width=3)),
            hoverinfo="skip",
        )
    mark_onsets(figure, findings, "epoch")
    return figure


def mark_onsets(figure: go.Figure, findings: Sequence[Finding], axis: str) -> int:
    """Draw an upright line where each finding begins, its name above the axes; returns how many rows the names take."""
    begun = [(getattr(finding.onset, axis), named(finding.name)) for finding in findings if finding.onset]
    begun = [(x, name) for x, name in begun if x is not None and math.isfinite(x)]
    end = max((x for trace in figure.data for x in trace.x), default=0)
    for row, (x, name) in enumerate(begun):
        first = row == 0
        if x not in [other for other, _ in begun[:row]]:
            figure.add_vline(x, line=dict(color=PURPLE if first else GREY, width=2, dash="solid" if first else "dash"))
        # On the side where there is more room.
        late = x > end / 2
        figure.add_annotation(
            x=x,
            y=1,
            yref="paper",
            yanchor="bottom",
            yshift=2 + ROW * row,
            text=f"{name} ▸" if late else f"◂ {name}",
            xanchor="right" if late else "left",
            showarrow=False,
        )
    above = ROW * len(begun)
    figure.update_layout(margin_t=figure.layout.margin.t + above, height=figure.layout.height + above)
    return len(begun)


def agreement_chart(
    texts: Sequence[str], labels: np.ndarray, this: np.ndarray, other: np.ndarray, this_name: str, other_name: str
) -> go.Figure:
    """Each row by what two models, (n, 2) each, say to it; hovering shows the text.

    Of more than 4,000 rows every k-th is drawn; those on which the models disagree always are.
    """
    x, y = other[:, 1], this[:, 1]
    right, other_right = (y > 0.5) == labels, (x > 0.5) == labels
    drawn = (np.arange(len(x)) % math.ceil(len(x) / POINTS) == 0) | (right != other_right)
    figure = blank_figure(
        "Both models on each test row", f"P(POSITIVE) by {_plain(other_name)}", f"by {_plain(this_name)}"
    )
    kinds = [
        ("both right", right & other_right, GREY, "circle", 0.4),
        ("both wrong", ~right & ~other_right, OCHRE, "x", 0.9),
        (f"only {_plain(this_name)} right", right & ~other_right, BLUE, "triangle-up", 0.9),
        (f"only {_plain(other_name)} right", ~right & other_right, VERMILION, "square", 0.9),
    ]
    for name, mask, colour, symbol, opacity in kinds:
        rows = np.flatnonzero(mask & drawn)
        figure.add_scatter(
            x=x[rows].round(4).tolist(),
            y=y[rows].round(4).tolist(),
            text=[_plain(texts[row]) for row in rows],
            hovertemplate="%{text}<br>%{y:.3f} against %{x:.3f}",
            name=f"{name}: {mask.sum():,}",
            mode="markers",
            marker=dict(color=colour, symbol=symbol, opacity=opacity, size=7),
        )
    figure.update_layout(height=480)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(range=[-0.03, 1.03])
    return figure


def _plain(text: str) -> str:
    """A text in lines that fit a phone; Plotly reads some HTML."""
    return "<br>".join(escape(line) for line in textwrap.wrap(text, 44, max_lines=5, placeholder=" …"))


def _series(journal: list[dict], kind: str, key: str, axis: str) -> tuple[list, list]:
    """Where and what; None where a figure is not finite."""
    lines = [line for line in journal if line["kind"] == kind and line[axis] is not None and key in line]
    return [line[axis] for line in lines], [_finite(line[key]) for line in lines]


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def blank_figure(title: str, axis: str, quantity: str) -> go.Figure:
    """Axes without a curve, in the style of the page."""
    figure = go.Figure(layout=LAYOUT)
    figure.update_layout(title=dict(text=title, x=0.02, y=0.97, yanchor="top", font=dict(size=15)))
    grid = dict(gridcolor="rgba(127,127,127,0.25)", zeroline=False, automargin=True)
    figure.update_xaxes(title=axis, rangemode="tozero", **grid)
    figure.update_yaxes(title=quantity, **grid)
    return figure


def _hover(axis: str) -> dict:
    return {"hovertemplate": f"{axis} %{{x:.4~g}}: %{{y:.4f}}" if axis == "epoch" else "step %{x}: %{y:.4f}"}


def _mark_events(figure: go.Figure, journal: list[dict], axis: str) -> None:
    for line in journal:
        if line["kind"] == "event" and line["event"] in MARKED and line[axis] is not None:
            _mark(figure, line[axis], *MARKED[line["event"]])


def _mark(figure: go.Figure, x: float, words: str, colour: str) -> None:
    figure.add_vline(
        x=x, line=dict(color=colour, dash="dot"), annotation=dict(text=words, textangle=-90, xanchor="right")
    )
