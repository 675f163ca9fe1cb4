"""The confusion matrix, with counts and the share of each row."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from eval.plots.style import new_figure


def draw_confusion_matrix(counts: list[list[int]], classes: Sequence[str]) -> Figure:
    """Given labels are the rows, answers the columns; a cell is as dark as its share of the row."""
    totals = [max(sum(row), 1) for row in counts]
    shares = [[count / total for count in row] for row, total in zip(counts, totals, strict=True)]
    with new_figure() as (figure, [axes]):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.grid(False)
        axes.spines[:].set_visible(False)
        for row, of_row in enumerate(counts):
            for column, count in enumerate(of_row):
                share = shares[row][column]
                colour = "white" if share > 0.5 else "black"
                text = f"{count:,}\n{share:.1%}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=13)
        axes.set_xticks(range(len(classes)), classes)
        labels = [f"{name}\n({sum(row):,} rows)" for name, row in zip(classes, counts, strict=True)]
        axes.set_yticks(range(len(classes)), labels)
        axes.tick_params(length=0)
        axes.set_xlabel("Model's answer")
        axes.set_ylabel("Given label")
        axes.set_title("Confusion matrix on the test rows (% of each given label)")
    return figure
