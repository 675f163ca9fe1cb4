"""Where two models differ: each test row by what both say to it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from eval.plots.style import BLUE, GREY, ORANGE, VERMILION, new_figure

TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def disagreement(points: Sequence[Sequence[float]]) -> Figure:
    """Each point is (other's probability of POSITIVE, this model's, label); the axes are logits, cut at 0.001."""
    x, y, labels = np.clip(np.array(points, dtype=float).T, 0.001, 0.999)
    right, other_right = (y > 0.5) == (labels > 0.5), (x > 0.5) == (labels > 0.5)
    kinds = [
        ("both right", right & other_right, GREY, ".", 0.35),
        ("both wrong", ~right & ~other_right, ORANGE, "x", 0.9),
        ("only this one right", right & ~other_right, BLUE, "^", 0.9),
        ("only the other right", ~right & other_right, VERMILION, "s", 0.9),
    ]
    with new_figure(5.6, 5.6) as (figure, [axes]):
        for kind, mask, colour, marker, alpha in kinds:
            axes.scatter(
                x[mask],
                y[mask],
                s=22,
                color=colour,
                marker=marker,
                alpha=alpha,
                linewidth=1 if marker == "x" else 0,
                label=f"{kind}: {mask.sum():,}",
            )
        axes.axhline(0.5, color="black", linewidth=0.8)
        axes.axvline(0.5, color="black", linewidth=0.8)
        edge = 0.7 * min(x.min(), y.min(), 1 - x.max(), 1 - y.max(), 0.3)
        ticks = [tick for tick in TICKS if edge <= tick <= 1 - edge]
        for axis in ("x", "y"):
            axes.set(**{f"{axis}scale": "logit", f"{axis}lim": (edge, 1 - edge)})
            axes.set(**{f"{axis}ticks": ticks, f"{axis}ticklabels": [f"{tick:g}" for tick in ticks]})
        axes.minorticks_off()
        axes.set_xlabel("probability of POSITIVE by the other model")
        axes.set_ylabel("by this model")
        figure.legend(loc="outside lower center", ncols=2)
    return figure
