"""The gradient from layer to layer on a log axis: what was measured, and what was predicted."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.plots.style import COLOURS, DASHES, MARKERS, new_figure


def draw_profiles(
    measured: Mapping[str, Sequence[float]], predicted: Mapping[str, Sequence[float]] | None = None
) -> Figure:
    """Norms by hidden layer, input on the left, {label: norms}; a prediction is a line through the points of its label.

    Without predictions the points are joined. What is zero or no number has no place on the axis.
    """
    with new_figure(5.2, 3.6) as (figure, [axes]):
        for index, (label, norms) in enumerate(measured.items()):
            layers, norms = np.arange(1, len(norms) + 1), _positive(norms)
            style = {"color": COLOURS[index % 5], "marker": MARKERS[index % 5], "markersize": 4}
            dashes = DASHES[index % 5]
            if predicted is None:
                axes.plot(layers, norms, linestyle=dashes, label=label, **style)
                continue
            axes.plot(layers, norms, linestyle="", label=f"{label}, measured", **style)
            if label in predicted:
                line = {"color": COLOURS[index % 5], "linestyle": dashes, "linewidth": 1.2}
                axes.plot(layers, _positive(predicted[label]), label=f"{label}, chain rule", **line)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("hidden layer, from input to output")
        axes.set_ylabel("gradient norm")
        axes.legend(fontsize=8)
    return figure


def _positive(norms: Sequence[float]) -> np.ndarray:
    values = np.array([np.nan if norm is None else norm for norm in norms], dtype=float)
    return np.where(values > 0, values, np.nan)
