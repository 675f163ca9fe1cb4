"""Charts of a run's journal, to hover and zoom in."""

import math
import textwrap
from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

# The house's palette is made for paper: these can be read on a dark page too.
BLUE, VERMILION, GREEN, OCHRE, PURPLE, GREY = "#2B8CCB", "#D55E00", "#009E73", "#C28000", "#B36BB0", "#7F7F7F"

CURVES = {"accuracy": BLUE, "precision": VERMILION, "recall": GREEN, "auc": OCHRE, "mcc": PURPLE}
COLUMNS = 200
"""Of the heat map: where a journal holds more records, each column is the largest norm of several."""
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


def loss_chart(journal: list[dict], axis: str) -> go.Figure:
    """The training and the validation loss against "step" or "epoch", with what happened to the run."""
    figure = _figure("Loss", axis, "loss")
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
        figure.update_yaxes(type="log", title="loss (log scale)")
    _mark_events(figure, journal, axis)
    broken = [x for (x, loss) in zip(*training, strict=True) if loss is None]
    if broken and not any(line.get("event") == "non_finite" for line in journal):
        _mark(figure, broken[0], "not finite", VERMILION)
    return figure


def metric_chart(journal: list[dict], axis: str) -> go.Figure:
    """The metrics of every evaluation on the validation rows, F1 apart."""
    figure = _figure("Metrics", axis, "on validation rows")
    for number, (name, colour) in enumerate(CURVES.items()):
        x, y = _series(journal, "eval", name, axis)
        if any(value is not None for value in y):
            figure.add_scatter(
                x=x,
                y=y,
                name=name.upper() if name in ("auc", "mcc") else name,
                mode="lines+markers",
                line=dict(color=colour),
                marker=dict(size=7, symbol=number),
                **_hover(axis),
            )
    return figure


def f1_chart(journal: list[dict]) -> go.Figure:
    """F1 on the validation rows against the epoch; the highest is ringed."""
    figure = _figure("F1 against epoch", "epoch", "F1 on validation rows")
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
    return figure


def norm_chart(journal: list[dict]) -> go.Figure:
    """The gradient norms (before clipping) as a heat map, layer x step, its colours on a log scale.

    Layers run from the input at the top to the output. A norm that is zero or not finite has no colour but a mark.
    """
    layers, steps, norms, words = gradient_norms(journal)
    figure = _figure("Gradient norms by layer", "step", "")
    figure.update_layout(
        height=252 + 26 * len(layers),
        margin=dict(l=88, t=66, b=110),
        legend=dict(y=1, yref="paper", yanchor="bottom", xanchor="right", x=1),
    )
    positive = np.isfinite(norms) & (norms > 0)
    logs = np.log10(norms, where=positive, out=np.full(norms.shape, np.nan))
    figure.add_heatmap(
        x=steps,
        y=layers,
        z=[[None if math.isnan(value) else round(value, 4) for value in row] for row in logs.tolist()],
        text=words,
        hovertemplate="%{y}, %{text}<extra></extra>",
        colorscale="Viridis",
        colorbar=dict(
            orientation="h",
            y=-0.28 if len(layers) > 6 else -0.4,
            yanchor="top",
            thickness=12,
            title=dict(text="gradient norm, log scale", side="bottom"),
            **_log_ticks(logs[positive]),
        ),
        hoverongaps=False,
    )
    kinds = [("zero", norms == 0, "circle-open", GREY), ("not finite", np.isposinf(norms), "x", VERMILION)]
    for name, mask, symbol, colour in kinds:
        rows, columns = np.nonzero(mask)
        if len(rows):
            figure.add_scatter(
                x=[steps[column] for column in columns],
                y=[layers[row] for row in rows],
                text=[words[row][column] for row, column in zip(rows, columns, strict=True)],
                hovertemplate="%{y}, %{text}<extra></extra>",
                name=name,
                mode="markers",
                marker=dict(symbol=symbol, color=colour, size=8),
                showlegend=True,
            )
    # From the top down in the order of the forward pass.
    figure.update_yaxes(autorange="reversed", title="", showgrid=False, type="category")
    return figure


def gradient_norms(journal: list[dict]) -> tuple[list[str], list[int], np.ndarray, list[list[str]]]:
    """The layers, the steps, the norms (layers, steps) and what to say of each.

    Infinity stands for every norm that is not finite, NaN where a layer was not recorded.
    """
    records = [line for line in journal if line["kind"] == "grad_norms"]
    layers = list(dict.fromkeys(layer for record in records for layer in record["layers"]))
    norms = np.full((len(layers), len(records)), np.nan)
    for column, record in enumerate(records):
        for row, layer in enumerate(layers):
            figures = record["layers"].get(layer)
            if isinstance(figures, dict) and isinstance(figures.get("norm"), int | float):
                norms[row, column] = figures["norm"] if math.isfinite(figures["norm"]) else math.inf
    several = max(1, math.ceil(len(records) / COLUMNS))
    starts = range(0, len(records), several)
    largest = [np.fmax.reduce(norms[:, start : start + several], axis=1) for start in starts]
    norms = np.stack(largest, axis=1) if largest else norms
    words = [
        [_norm_in_words(norm, records[start : start + several]) for norm, start in zip(row, starts, strict=True)]
        for row in norms
    ]
    return layers, [records[start]["step"] for start in starts], norms, words


def agreement_chart(
    texts: Sequence[str], labels: np.ndarray, this: np.ndarray, other: np.ndarray, this_name: str, other_name: str
) -> go.Figure:
    """Each row by what two models, (n, 2) each, say to it; hovering shows the text.

    Of more than 4,000 rows every k-th is drawn; those on which the models disagree always are.
    """
    x, y = other[:, 1], this[:, 1]
    right, other_right = (y > 0.5) == labels, (x > 0.5) == labels
    drawn = (np.arange(len(x)) % math.ceil(len(x) / POINTS) == 0) | (right != other_right)
    figure = _figure("Both models on each test row", f"P(POSITIVE) by {_plain(other_name)}", f"by {_plain(this_name)}")
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


def _norm_in_words(norm: float, records: Sequence[dict]) -> str:
    first, last = records[0]["step"], records[-1]["step"]
    steps = f"step {first}" if first == last else f"steps {first} to {last}, the largest"
    clipped = ", clipped" if any(record["clipped"] for record in records) else ""
    return f"{steps}: {'not finite' if math.isinf(norm) else f'{norm:.3g}'}{clipped}"


def _series(journal: list[dict], kind: str, key: str, axis: str) -> tuple[list, list]:
    """Where and what; None where a figure is not finite."""
    lines = [line for line in journal if line["kind"] == kind and line[axis] is not None and key in line]
    return [line[axis] for line in lines], [_finite(line[key]) for line in lines]


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _figure(title: str, axis: str, quantity: str) -> go.Figure:
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


def _log_ticks(logs: np.ndarray) -> dict:
    """Ticks of a colour bar whose values are decimal logarithms."""
    if len(logs) == 0:
        return {}
    low, high = float(logs.min()), float(logs.max())
    factors = (1, 2, 5) if high - low < 2 else (1,)
    every = max(1, round((high - low) / 5))
    values = [f * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1, every) for f in factors]
    shown = [value for value in values if low <= math.log10(value) <= high] or [10**low]
    return {"tickvals": [math.log10(value) for value in shown], "ticktext": [f"{value:g}" for value in shown]}
