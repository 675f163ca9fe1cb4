"""Figures of the same seeds before and after a change."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from eval.plots.style import BLUE, GREY, VERMILION, new_figure


def draw_seed_pairs(outcomes: Sequence[dict], before: str, after: str) -> Figure:
    """A panel for each {"name", "before", "after"}, with a line from each seed's figure to its other one."""
    with new_figure(5.6, 3.2, columns=len(outcomes)) as (figure, panels):
        for axes, outcome in zip(panels, outcomes, strict=True):
            for pair in zip(outcome["before"], outcome["after"], strict=True):
                axes.plot([0, 1], pair, color=GREY, linewidth=1, zorder=1)
            axes.plot([0] * len(outcome["before"]), outcome["before"], "s", color=VERMILION, label=before)
            axes.plot([1] * len(outcome["after"]), outcome["after"], "o", color=BLUE, label=after)
            axes.set_xlim(-0.4, 1.4)
            axes.set_xticks([])
            axes.grid(False, axis="x")
            axes.set_title(outcome["name"])
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)
    return figure
