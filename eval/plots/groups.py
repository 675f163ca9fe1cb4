"""Runs in groups and series: every seed, and the means."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eval.plots.style import COLOURS, GREY, MARKERS, new_figure


def draw_groups(
    groups: Mapping[str, Mapping[str, Sequence[float]]], label: str, reference: float | None = None
) -> Figure:
    """A row a group, in it a marker for the mean of each series and a tick for each run: {group: {series: values}}.

    `label` is that of the axis of values, `reference` a value to compare with. What is no number is left out.
    """
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    height = 1.5 + len(groups) * (0.2 + 0.18 * len(series))
    with new_figure(5.2, height) as (figure, [axes]):
        if reference is not None:
            axes.axvline(reference, color=GREY, linestyle=":", zorder=1)
        for y, group in enumerate(groups.values()):
            for index, name in enumerate(series):
                values = np.array(group.get(name, ()), dtype=float)
                values = values[np.isfinite(values)]
                if not len(values):
                    continue
                at = y + 0.7 * ((index + 0.5) / len(series) - 0.5)
                colour = COLOURS[index % 5]
                axes.plot(values, [at] * len(values), "|", color=colour, markersize=8, alpha=0.7, zorder=2)
                axes.plot(values.mean(), at, MARKERS[index % 5], color=colour, markersize=6, zorder=3)
        axes.set_yticks(range(len(groups)), [_plain(name) for name in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.set_xlabel(label)
        handles = [
            Line2D([], [], color=COLOURS[index % 5], marker=MARKERS[index % 5], linestyle="", label=_plain(name))
            for index, name in enumerate(series)
            if len(series) > 1
        ]
        handles.append(Line2D([], [], color=GREY, marker="|", linestyle="", label="one seed"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, columnspacing=1.2)
    return figure


def _plain(text: str) -> str:
    # A dollar sign would open mathematics.
    return text.replace("$", r"\$")
