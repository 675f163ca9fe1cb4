"""Metrics of the validation rows against the epoch."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.plots.style import BLUE, DASHES, GREEN, GREY, MARKERS, VERMILION, new_figure


def draw_epochs(history: list[dict], lowest_loss: dict | None) -> Figure:
    """F1, precision and recall of every evaluation during training; an upright line where the loss was lowest."""
    with new_figure() as (figure, [axes]):
        shown = (("f1", "F1", BLUE), ("precision", "precision", VERMILION), ("recall", "recall", GREEN))
        for (name, label, colour), dashes, marker in zip(shown, DASHES, MARKERS, strict=False):
            points = [(line["epoch"], line[name]) for line in history if None not in (line["epoch"], line[name])]
            if points:
                axes.plot(*zip(*points, strict=True), color=colour, linestyle=dashes, marker=marker, label=label)
        if lowest_loss:
            axes.axvline(lowest_loss["epoch"], color=GREY, linestyle=":", label="lowest loss", zorder=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Epoch (passes over the training rows)")
        axes.set_ylabel("Score on the validation rows")
        axes.set_title("Evaluations during training")
        axes.legend()
    return figure
