"""How often the model is right on each kind of row."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from eval.plots.style import BLUE, GREY, VERMILION, new_figure

STYLES = {"lower": (VERMILION, "s"), "higher": (BLUE, "^"), "not told apart": (GREY, "o"), None: (GREY, "x")}
NAMES = {"lower": "lower", "higher": "higher", "not told apart": "not told apart from the rest", None: "too few rows"}


def slice_accuracies(slices: Sequence[dict], overall: dict) -> Figure:
    """A line a slice with its Wilson interval, against the accuracy on all rows; the least accurate on top."""
    with new_figure(6.4, 1.6 + 0.3 * len(slices)) as (figure, [axes]):
        axes.axvspan(overall["low"], overall["high"], color="#EDEDED", linewidth=0)
        axes.axvline(overall["value"], color="black", linewidth=1, label=f"all {overall['n']:,} rows")
        shown = set()
        for place, row in enumerate(slices):
            colour, marker = STYLES[row["verdict"]]
            value, low, high = (row["accuracy"][key] for key in ("value", "low", "high"))
            axes.errorbar(
                value,
                place,
                xerr=[[value - low], [high - value]],
                color=colour,
                marker=marker,
                capsize=3,
                linestyle="none",
                label=None if row["verdict"] in shown else NAMES[row["verdict"]],
            )
            shown.add(row["verdict"])
        axes.set_yticks(range(len(slices)), [f"{row['name']}, n = {row['accuracy']['n']:,}" for row in slices])
        axes.set_ylim(len(slices) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.set_xlabel("right, with 95% interval")
        figure.legend(loc="outside lower center", ncols=3)
    return figure
