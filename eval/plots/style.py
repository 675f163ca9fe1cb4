"""The one style of every figure: colour-blind safe, readable in grey, sized for a page and a phone."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, dark to light, so that the order holds in grey too; told apart by dashes and markers as well.
BLUE, VERMILION, GREEN, ORANGE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#7F7F7F"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, SKY)
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")

SETTINGS = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "clinic",
}


@contextmanager
def new_figure(
    width: float = 6.4, height: float = 4.0, columns: int = 1, rows: int = 1
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure in the house's style and its axes, row by row; inches. Without pyplot: nothing to close."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(width, height))
        yield figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def short_name(name: str, limit: int = 24) -> str:
    """A user's word as it reads beside an axis, cut at `limit` characters."""
    name = name if len(name) <= limit else f"{name[: limit - 1]}…"
    # A dollar sign would open mathematics.
    return name.replace("$", r"\$")
