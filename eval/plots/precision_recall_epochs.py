"""Precision-recall curves of one run at several epochs."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from eval.plots.style import COLOURS, DASHES, GREY, new_figure


def draw_precision_recall_epochs(curves: Sequence[dict], positive_share: float) -> Figure:
    """Precision against recall of each {"label", "x", "y"}, without bands: they would cover each other."""
    with new_figure(5.2, 3.8) as (figure, [axes]):
        for curve, colour, dashes in zip(curves, COLOURS, DASHES, strict=False):
            precision = [float("nan") if value is None else value for value in curve["y"]]
            axes.plot(curve["x"], precision, color=colour, linestyle=dashes, label=curve["label"])
        axes.axhline(positive_share, color=GREY, linestyle=":", linewidth=1.2, label="a guess")
        axes.set(xlim=(-0.01, 1.01), ylim=(min(0.4, positive_share) - 0.02, 1.02))
        axes.set_xlabel("Recall (share of positive rows found)")
        axes.set_ylabel("Precision")
        axes.set_title("Validation rows")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
    return figure
