"""The ROC curve."""

from matplotlib.figure import Figure

from eval.markup import estimate
from eval.plots.bands import draw_band
from eval.plots.style import BLUE, GREY, new_figure


def draw_roc(curve: dict, auc: dict) -> Figure:
    """True against false positive rate, with its band and the diagonal of a guess."""
    with new_figure() as (figure, [axes]):
        draw_band(axes, curve, BLUE, label="model, 95% band")
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="a guess")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        axes.set_xlabel("False positive rate (share of negative rows called positive)")
        axes.set_ylabel("True positive rate (recall)")
        axes.set_title(f"ROC on the test rows, AUC {estimate(auc)}")
        axes.legend(loc="lower right")
    return figure
