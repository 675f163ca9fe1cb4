"""Charts of gradient norms by layer, to hover and zoom in."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from eval.diagnosis.finding import Finding
from space.charts import BLUE, GREY, ROW, VERMILION, blank_figure, mark_onsets

DECADES = (3, 12)
"""The least and the most that the colours span, below the largest norm: layers within a factor of 10 look alike."""
TALLEST = 520
"""Pixels of the heat map's cells, 26 a layer up to here."""
LONGEST = 18
"""Characters of a layer's name that are shown; the end tells more."""
COLUMNS = 200
"""Of the heat map: where a journal holds more records, each column is the largest norm of several."""


def norm_chart(journal: list[dict], findings: Sequence[Finding] = ()) -> go.Figure:
    """The gradient norms (before clipping) as a heat map, layer x step, its colours on a log scale, with the onsets.

    Layers run from the input at the top to the output. A norm that is zero or not finite has no colour but a mark.
    """
    layers, steps, norms, words = gradient_norms(journal)
    figure = blank_figure("Gradient norms by layer", "step", "")
    cells = min(26 * len(layers), TALLEST)
    figure.update_layout(height=252 + cells, margin=dict(l=88, t=66, b=110))
    positive = np.isfinite(norms) & (norms > 0)
    logs = np.log10(norms, where=positive, out=np.full(norms.shape, np.nan))
    least, largest = _span(logs[positive])
    figure.add_heatmap(
        x=steps,
        y=layers,
        z=[[None if math.isnan(value) else round(value, 4) for value in row] for row in logs.tolist()],
        text=words,
        hovertemplate="%{y}, %{text}<extra></extra>",
        colorscale="Viridis",
        zmin=least,
        zmax=largest,
        colorbar=dict(
            orientation="h",
            y=-70 / (76 + cells),
            yanchor="top",
            thickness=12,
            title=dict(text="gradient norm, log scale", side="bottom"),
            **_log_ticks(least, largest),
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
    figure.update_yaxes(autorange="reversed", title="", showgrid=False, type="category", **_names(layers, 24))
    rows = mark_onsets(figure, findings, "step")
    # Seen on every colour of the scale.
    figure.update_shapes(line=dict(color=VERMILION, width=3))
    # Above the names of the findings.
    figure.update_layout(legend=dict(y=1 + ROW * rows / (76 + cells), yref="paper", xanchor="right", x=1))
    return figure


def profile_chart(journal: list[dict]) -> go.Figure:
    """The norm of every layer at the first record, halfway and at the last, on a log axis, input on the left."""
    records = [line for line in journal if line["kind"] == "grad_norms"]
    layers = list(dict.fromkeys(layer for record in records for layer in record["layers"]))
    figure = blank_figure("Gradient by layer, from input to output", "", "gradient norm (log scale)")
    looks = {0: (GREY, "dash"), len(records) // 2: (BLUE, "dashdot"), len(records) - 1: (VERMILION, "solid")}
    for number, (colour, dash) in sorted(looks.items()):
        norms = [_norm(records[number], layer) for layer in layers]
        figure.add_scatter(
            x=layers,
            y=[norm if 0 < norm < math.inf else None for norm in norms],
            name=f"step {records[number]['step']:,}",
            mode="lines+markers",
            line=dict(color=colour, dash=dash),
            hovertemplate="%{x}: %{y:.3g}",
        )
    figure.update_layout(showlegend=True)
    figure.update_yaxes(type="log", exponentformat="e", dtick=_decades(figure))
    figure.update_xaxes(type="category", tickangle=-45 if len(layers) > 4 else 0, **_names(layers, 16))
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
            norms[row, column] = _norm(record, layer)
    several = max(1, math.ceil(len(records) / COLUMNS))
    starts = range(0, len(records), several)
    largest = [np.fmax.reduce(norms[:, start : start + several], axis=1) for start in starts]
    norms = np.stack(largest, axis=1) if largest else norms
    words = [
        [_norm_in_words(norm, records[start : start + several]) for norm, start in zip(row, starts, strict=True)]
        for row in norms
    ]
    return layers, [records[start]["step"] for start in starts], norms, words


def _norm(record: dict, layer: str) -> float:
    """The norm of a layer, infinite where it is not finite, NaN where the layer was not recorded."""
    figures = record["layers"].get(layer)
    if not isinstance(figures, dict) or not isinstance(figures.get("norm"), int | float):
        return math.nan
    return figures["norm"] if math.isfinite(figures["norm"]) else math.inf


def _norm_in_words(norm: float, records: Sequence[dict]) -> str:
    first, last = records[0]["step"], records[-1]["step"]
    steps = f"step {first}" if first == last else f"steps {first} to {last}, the largest"
    clipped = ", clipped" if any(record["clipped"] for record in records) else ""
    return f"{steps}: {'not finite' if math.isinf(norm) else f'{norm:.3g}'}{clipped}"


def _span(logs: np.ndarray) -> tuple[float, float]:
    """The least and the largest logarithm that the colours tell apart."""
    if len(logs) == 0:
        return -1.0, 0.0
    largest = float(logs.max())
    return largest - float(np.clip(largest - logs.min(), *DECADES)), largest


def _log_ticks(low: float, high: float) -> dict:
    """Ticks of a colour bar whose values are decimal logarithms from low to high."""
    every = max(1, round((high - low) / 5))
    values = [10.0**k for k in range(math.floor(low), math.ceil(high) + 1, every) if low <= k <= high]
    return {"tickvals": [math.log10(value) for value in values], "ticktext": [f"{value:g}" for value in values]}


def _decades(figure: go.Figure) -> int:
    """Decades from tick to tick of a log axis."""
    values = [y for trace in figure.data for y in trace.y if y]
    return max(1, round(math.log10(max(values) / min(values)) / 6)) if values else 1


def _names(layers: list[str], most: int) -> dict:
    """The ticks of an axis of layers: every layer, or every second, third … where there are many; long names cut."""
    shown = layers[:: -(-len(layers) // most)] if layers else []
    return {"tickvals": shown, "ticktext": [name if len(name) <= LONGEST else f"…{name[-LONGEST:]}" for name in shown]}
