"""Shares of failures beside the targets that they are held to, of one model or of two."""

from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from eval.plots.bands import bars
from eval.plots.style import BLUE, GREY, VERMILION, new_figure

APART = 0.17
"""How far a model lies above or below the middle of a row, so that two intervals can be told apart."""
TICKS = (0, 1, 3, 10, 20, 40, 60, 80, 100)
WIDEST = 26


def draw_targets(
    rows: dict[str, dict], this: str = "this model", other: str = "the other model", *, compact: bool = False
) -> Figure:
    """A row for each figure {name: Held}, in order: this model, the other where there is one, the target as a tick.

    this, other: what they are called; compact: for paper, where a name has a line of its own.
    The axis goes with the square root: the targets of 3% and failures of 70% can both be read.
    """
    held, paired = list(rows.values()), all(row["other"] for row in rows.values())
    size = (8.0, 1.0 + 0.18 * len(rows)) if compact else (6.4, 1.4 + 0.4 * len(rows))
    with new_figure(*size) as (figure, [axes]):
        axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        sides = [("this", this, APART if paired else 0.0, BLUE, BLUE, "o")]
        if paired:
            sides.append(("other", other, -APART, GREY, "white", "s"))
            for y, row in enumerate(held):
                ends = [100 * row[side]["value"] for side in ("other", "this")]
                axes.plot(ends, [y - APART, y + APART], color=GREY, linewidth=0.8, zorder=1, clip_on=False)
        for side, label, offset, colour, inside, marker in sides:
            shares = [{key: 100 * row[side][key] for key in ("value", "low", "high")} for row in held]
            axes.errorbar(
                [share["value"] for share in shares],
                [y + offset for y in range(len(rows))],
                xerr=bars(shares),
                fmt=marker,
                color=colour,
                markerfacecolor=inside,
                markersize=5.5,
                linewidth=1.5,
                clip_on=False,
                label=label,
            )
        targets = [(100 * row["below"], y) for y, row in enumerate(held) if row["below"] is not None]
        style = {
            "color": VERMILION,
            "marker": "|",
            "markersize": 12 if compact else 18,
            "markeredgewidth": 2.4,
            "linestyle": "",
        }
        axes.plot(*zip(*targets, strict=True), **style, zorder=3, label="target: left of it")
        axes.set_yticks(range(len(rows)), list(rows) if compact else [fill(name, WIDEST) for name in rows], fontsize=9)
        axes.set_ylim(len(rows) - 0.45, -0.55)
        farthest = max(100 * row[side]["high"] for row in held for side, *_ in sides)
        axes.set_xlim(0, min(100, 1.05 * max(farthest, 25)))
        axes.set_xticks([tick for tick in TICKS if tick <= axes.get_xlim()[1]])
        axes.xaxis.set_major_formatter("{x:.0f}%")
        axes.set_xlabel("of the cases, with 95% intervals (scale: square root)")
        axes.grid(False, axis="y")
        figure.legend(loc="outside lower center", ncols=3, fontsize=9, handletextpad=0.4, columnspacing=1.4)
    return figure
