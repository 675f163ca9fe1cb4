"""The risk-coverage curve."""

from matplotlib.figure import Figure

from eval.plots.bands import bars, draw_band
from eval.plots.style import BLUE, VERMILION, new_figure


def draw_risk_coverage(curve: dict, abstention: dict | None) -> Figure:
    """The error of the most confident rows against their share; a point at the abstention threshold."""
    curve = {key: [None if value is None else 100 * value for value in values] for key, values in curve.items()}
    with new_figure() as (figure, [axes]):
        draw_band(axes, curve, BLUE, label="model, 95% band")
        if abstention and abstention["error"]["value"] is not None:
            error = {key: 100 * abstention["error"][key] for key in ("value", "low", "high")}
            axes.errorbar(
                [100 * abstention["coverage"]["value"]],
                [error["value"]],
                bars([error]),
                color=VERMILION,
                marker="D",
                capsize=4,
                linestyle="none",
                label="at the threshold chosen on validation",
            )
        axes.set(xlim=(0, 101))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Coverage (% of the test rows answered, most confident first)")
        axes.set_ylabel("Error of those (%)")
        axes.set_title("Error falls as the model may abstain")
        axes.legend(loc="upper left")
    return figure
