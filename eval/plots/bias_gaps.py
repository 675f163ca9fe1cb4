"""The gaps between groups, each against the bar above which it counts."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.plots.style import BLUE, GREY, VERMILION, new_figure


def draw_bias_gaps(data: dict) -> Figure:
    """A forest plot: a gap with its interval a line, on the band within which a gap does not count."""
    gaps = data["gaps"]
    with new_figure(6.8, 1.4 + 0.24 * len(gaps)) as (figure, [axes]):
        axes.use_sticky_edges = False  # a margin beside the bands
        for y, gap in enumerate(gaps):
            colour = VERMILION if gap["counts"] else BLUE
            estimate = gap["difference"]
            axes.barh(y, 2 * gap["bar"], left=-gap["bar"], height=0.8, color="#E8E8E8", zorder=1)
            axes.plot([estimate["low"], estimate["high"]], [y, y], color=colour, zorder=2)
            marker, face = ("s", colour) if gap["counts"] else ("o", "white")
            axes.plot(estimate["value"], y, marker, color=colour, markerfacecolor=face, markersize=5, zorder=3)
        axes.axvline(0, color=GREY, linewidth=1, zorder=1)
        axes.set_yticks(range(len(gaps)), [f"{gap['group']} vs {gap['reference']}" for gap in gaps], fontsize=8)
        axes.set_ylim(len(gaps) - 0.4, -0.6)
        axes.grid(False, axis="y")
        for y in range(1, len(gaps)):
            if gaps[y]["dimension"] != gaps[y - 1]["dimension"]:
                axes.axhline(y - 0.5, color="#CCCCCC", linewidth=0.8)
        axes.set_xlabel("P(positive), first group minus second")
        axes.set_title("The same sentences about different people")
        figure.legend(
            handles=[
                Line2D([], [], color=VERMILION, marker="s", label="counts"),
                Line2D([], [], color=BLUE, marker="o", markerfacecolor="white", label="not told from noise"),
                Patch(color="#E8E8E8", label="too small to count"),
            ],
            loc="outside lower center",
            ncols=3,
        )
    return figure
