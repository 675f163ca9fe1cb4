"""Loss, F1 and calibration of one run against the epoch, each on its own scale."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.plots.bands import bars
from eval.plots.style import BLUE, DASHES, GREEN, GREY, MARKERS, VERMILION, new_figure

SHOWN = (("log_loss", "Loss", VERMILION), ("f1", "F1", BLUE), ("calibration", "Calibration error", GREEN))


def draw_figures_by_epoch(epochs: Sequence[dict], onset: float | None) -> Figure:
    """Three panels one above the other, with 95% intervals; an upright line where the loss is lowest.

    `epochs`: {"epoch", and an estimate of each of SHOWN}.
    """
    with new_figure(5.2, 6.0, rows=len(SHOWN)) as (figure, panels):
        at = [point["epoch"] for point in epochs]
        for axes, (name, label, colour), dashes, marker in zip(panels, SHOWN, DASHES, MARKERS, strict=False):
            found = [point[name] for point in epochs]
            values = [each["value"] for each in found]
            style = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4, "linewidth": 1.4}
            axes.errorbar(at, values, bars(found), capsize=2, elinewidth=1, **style)
            axes.set_ylabel(label)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if onset is not None:
                axes.axvline(onset, color=GREY, linestyle=":", linewidth=1.4, zorder=1)
        panels[0].set_title("Validation rows; dotted: the lowest loss")
        panels[-1].set_xlabel("Epoch")
    return figure
