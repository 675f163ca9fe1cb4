"""Intervals: as a band about a line, as bars about points."""

from collections.abc import Sequence

from matplotlib.axes import Axes

UNDEFINED = float("nan")


def draw_band(axes: Axes, curve: dict, colour: str, linestyle="-", label: str | None = None) -> None:
    """Draw a curve {"x", "y", "low", "high"}; where a value is null there is a gap."""
    y, low, high = ([UNDEFINED if value is None else value for value in curve[key]] for key in ("y", "low", "high"))
    axes.fill_between(curve["x"], low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(curve["x"], y, color=colour, linestyle=linestyle, label=label)


def bars(figures: Sequence[dict]) -> tuple[list[float], list[float]]:
    """How far each estimate's interval reaches below and above it, as `Axes.errorbar` takes it."""
    below = [max(figure["value"] - figure["low"], 0.0) for figure in figures]
    return below, [max(figure["high"] - figure["value"], 0.0) for figure in figures]
