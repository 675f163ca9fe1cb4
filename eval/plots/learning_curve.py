"""A test figure against the number of training rows."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from eval.plots.bands import bars
from eval.plots.style import BLUE, SKY, new_figure


def draw_learning_curve(sizes: Sequence[dict], label: str) -> Figure:
    """The mean over the seeds with its 95% interval, and each seed, for every {"rows", "mean", "seeds"}."""
    with new_figure(5.2, 3.4) as (figure, [axes]):
        rows = [size["rows"] for size in sizes]
        for size in sizes:
            axes.plot([size["rows"]] * len(size["seeds"]), size["seeds"], "_", color=SKY, markersize=9, zorder=2)
        means = [size["mean"] for size in sizes]
        style = {"color": BLUE, "marker": "o", "markersize": 4, "capsize": 3}
        axes.errorbar(rows, [mean["value"] for mean in means], bars(means), **style)
        axes.set_xscale("log")
        axes.set_xticks(rows)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("Training rows")
        axes.set_ylabel(label)
        axes.set_title("Mean with its 95% interval; dashes: seeds")
    return figure
