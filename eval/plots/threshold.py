"""Precision, recall and F1 against the threshold."""

from matplotlib.figure import Figure

from eval.plots.bands import draw_band
from eval.plots.style import BLUE, DASHES, GREEN, GREY, VERMILION, new_figure


def draw_threshold(curves: dict, best: float) -> Figure:
    """Three curves with their bands; the threshold chosen on validation and one half are upright lines."""
    with new_figure() as (figure, [axes]):
        shown = (("f1", "F1", BLUE), ("precision", "precision", VERMILION), ("recall", "recall", GREEN))
        for (name, label, colour), dashes in zip(shown, DASHES, strict=False):
            draw_band(axes, curves[name], colour, dashes, label)
        axes.axvline(0.5, color=GREY, linewidth=1.2, label="0.5")
        if best != 0.5:
            axes.axvline(best, color="black", linestyle=":", linewidth=1.4, label=f"{best:.3f}, best F1 on validation")
        axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.02))
        axes.set_xlabel("Threshold on the probability of positive (raw)")
        axes.set_ylabel("Score on the test rows, 95% band")
        axes.set_title("What another threshold would give")
        axes.legend(loc="lower left")
    return figure
