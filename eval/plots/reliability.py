"""The reliability diagram."""

from matplotlib.figure import Figure

from eval.plots.bands import bars
from eval.plots.style import BLUE, GREY, MARKERS, VERMILION, new_figure


def draw_reliability(raw: list[dict], calibrated: list[dict], histogram: dict) -> Figure:
    """Accuracy against confidence in bins of equal mass, over a histogram of the rows' confidence."""
    with new_figure() as (figure, [axes]):
        counts = axes.twinx()
        counts.stairs(histogram["counts"], histogram["edges"], fill=True, color="#E3E3E3", zorder=0)
        counts.set_ylim(0, 4 * max(histogram["counts"]))
        counts.set_ylabel("Test rows by raw confidence (grey)", color="#555555")
        counts.grid(False)
        counts.spines["right"].set_visible(True)
        axes.set_zorder(1)
        axes.patch.set_visible(False)

        axes.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", linewidth=1.2, label="confidence = accuracy")
        shown = ((raw, "raw", BLUE, BLUE), (calibrated, "after temperature", VERMILION, "white"))
        for (bins, label, colour, face), marker in zip(shown, MARKERS, strict=False):
            x, accuracies = [each["confidence"] for each in bins], [each["accuracy"] for each in bins]
            y = [accuracy["value"] for accuracy in accuracies]
            style = {
                "color": colour,
                "marker": marker,
                "markerfacecolor": face,
                "markersize": 5,
                "linestyle": "none",
                "elinewidth": 1,
            }
            axes.errorbar(x, y, bars(accuracies), label=label, **style)
        axes.set(xlim=(0.49, 1.01), ylim=(0, 1.02))
        axes.set_xlabel("Confidence (probability of the answer)")
        axes.set_ylabel("Accuracy (share right), 95% Wilson")
        axes.set_title("Reliability on the test rows, bins of equal size")
        axes.legend(loc="upper left")
    return figure
