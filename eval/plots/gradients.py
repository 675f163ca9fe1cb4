"""Gradients by layer: over the run as a heat map, and at its start and end as a profile."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.diagnosis.depth_profile import evenly
from eval.diagnosis.history import Gradients
from eval.plots.style import BLUE, GREY, VERMILION, new_figure

DECADES = (3, 12)
"""The least and the most that the colours span, below the largest value: layers within a factor of 10 look alike."""


def layer_by_step(gradients: Gradients) -> dict:
    """What both figures show: layers from input to output, steps, and log10 of the norms as (layers, steps).

    A value is None where no gradient was recorded, or it is no number; `zero` holds the same places as booleans, true
    where it is exactly zero. At most 120 steps, evenly, with the first and the last.
    """
    rows = evenly(len(gradients.step)) if len(gradients.step) else np.empty(0, dtype=int)
    norms = gradients.norm[rows].T
    with np.errstate(all="ignore"):
        logs = np.log10(norms)
    return {
        "layers": list(gradients.layers),
        "steps": gradients.step[rows].tolist(),
        "log10_norm": [[float(v) if np.isfinite(v) else None for v in layer] for layer in logs],
        "zero": (norms == 0).tolist(),
    }


def draw_heat_map(data: dict, onset: float | None = None, most: float = DECADES[1]) -> Figure:
    """Layer by step: the darker the larger the gradient; grey where it is zero, white where there is none.

    `most`: the decades that the colours span at most.
    """
    values = _values(data)
    largest = np.nanmax(values) if np.isfinite(values).any() else 0.0
    least = largest - np.clip(largest - np.nanmin(values), DECADES[0], most) if np.isfinite(values).any() else -1.0
    count = len(data["layers"])
    steps = data["steps"]
    with new_figure(6.8, min(2.2 + 0.16 * count, 7.0)) as (figure, [axes]):
        edges = _edges(steps)
        rows = np.arange(count + 1) - 0.5
        zero = np.ma.masked_where(~np.array(data["zero"], dtype=bool), np.ones_like(values))
        axes.pcolormesh(edges, rows, zero, cmap="Greys", vmin=0, vmax=2.5)
        shown = axes.pcolormesh(
            edges, rows, np.ma.masked_invalid(values), cmap="viridis_r", vmin=least, vmax=largest, rasterized=True
        )
        extend = "min" if np.nanmin(values, initial=least) < least else "neither"
        bar = figure.colorbar(shown, ax=axes, label="gradient norm", extend=extend)
        bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:.0f}}}$")
        if onset is not None:
            axes.axvline(onset, color=VERMILION, linestyle="--", linewidth=1.4)
        axes.grid(False)
        _name_layers(axes.yaxis, data["layers"])
        axes.set_xlabel("step")
        zeros = bool(np.any(data["zero"]))
        axes.set_title("Gradients, input at the bottom" + (" (grey: exactly zero)" if zeros else ""))
    return figure


def draw_profile(data: dict) -> Figure:
    """The norm of every layer at the first recording, halfway and at the last, on a log axis, input on the left."""
    values = _values(data)
    last = len(data["steps"]) - 1
    looks = [(0, GREY, "--", "^"), (last // 2, BLUE, "-.", "s"), (last, VERMILION, "-", "o")]
    with new_figure(6.4, 4.0) as (figure, [axes]):
        drawn = set()
        for column, colour, dashes, marker in reversed(looks):
            if column < 0 or column in drawn:
                continue
            drawn.add(column)
            style = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4}
            axes.plot(10.0 ** values[:, column], label=f"step {data['steps'][column]:g}", **style)
        axes.set_yscale("log")
        axes.set_xlim(-0.5, len(data["layers"]) - 0.5)
        if zero := [layer for layer, cells in enumerate(data["zero"]) if cells and cells[-1]]:
            label = f"exactly zero at step {data['steps'][-1]:g}"
            style = {"color": GREY, "markersize": 5, "clip_on": False, "label": label}
            axes.plot(zero, [0.0] * len(zero), "x", transform=axes.get_xaxis_transform(), **style)
        _name_layers(axes.xaxis, data["layers"], most=16)
        if len(data["layers"]) > 6:
            for label in axes.get_xticklabels():
                label.set(rotation=45, ha="right", rotation_mode="anchor")
        axes.set_ylabel("gradient norm")
        axes.set_title("Gradient by layer, from input to output")
        axes.legend(loc="best", fontsize=8)
    return figure


def _values(data: dict) -> np.ndarray:
    shape = (len(data["layers"]), len(data["steps"]))
    return np.array([[np.nan if v is None else v for v in row] for row in data["log10_norm"]]).reshape(shape)


def _edges(steps: list[float]) -> np.ndarray:
    """The borders between recordings; a single one is a step wide."""
    if len(steps) < 2:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middles = (np.array(steps[1:]) + np.array(steps[:-1])) / 2
    return np.concatenate([[steps[0]], middles, [steps[-1]]])


def _name_layers(axis, layers: list[str], most: int = 24) -> None:
    """Every layer's name, or every second, third … where there are many."""
    shown = range(0, len(layers), -(-len(layers) // most))
    names = [layers[index].replace("$", r"\$") for index in shown]
    axis.set_ticks(shown, [name if len(name) <= 24 else f"…{name[-23:]}" for name in names], fontsize=8)
