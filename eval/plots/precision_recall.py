"""The precision-recall curve."""

from matplotlib.figure import Figure

from eval.markup import estimate
from eval.plots.bands import draw_band
from eval.plots.style import BLUE, GREY, new_figure


def draw_precision_recall(curve: dict, average_precision: dict, positive_share: float) -> Figure:
    """Precision against recall, with its band and the precision of a guess."""
    with new_figure() as (figure, [axes]):
        draw_band(axes, curve, BLUE, label="model, 95% band")
        label = f"a guess ({positive_share:.1%} of the rows are positive)"
        axes.axhline(positive_share, color=GREY, linestyle="--", linewidth=1.2, label=label)
        axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.02))
        axes.set_xlabel("Recall (share of positive rows found)")
        axes.set_ylabel("Precision (share of answers right)")
        axes.set_title(f"Precision and recall on the test rows, AP {estimate(average_precision)}")
        axes.legend(loc="lower left")
    return figure
