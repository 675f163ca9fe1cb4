"""What treatments do to their risk, and beside it what they do to accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.plots.effects import LOOKS
from eval.plots.style import BLUE, GREY, new_figure


@dataclass(frozen=True, slots=True)
class Treatment:
    """One arm: differences to the control in points, each (value, low, high)."""

    name: str
    risk: tuple[float, float, float]
    verdict: str
    """Of the risk; one of eval/plots/effects.py."""
    accuracy: tuple[float, float, float]


def draw_treatments(treatments: Mapping[str, Sequence[Treatment]], margin: float) -> Figure:
    """Two forest plots side by side, {risk: its arms} from top to bottom.

    margin: how many points of accuracy may be lost; what is more is left of the tick.
    """
    rows = [arm for arms in treatments.values() for arm in arms]
    with new_figure(8.0, 1.1 + 0.19 * len(rows), columns=2) as (figure, [risk, price]):
        for y, arm in enumerate(rows):
            _, colour, marker = LOOKS[arm.verdict]
            _interval(risk, y, arm.risk, colour, marker)
            _interval(price, y, arm.accuracy, BLUE, "o")
        start = 0
        for arms in treatments.values():
            start += len(arms)
            for axes in (risk, price):
                if start < len(rows):
                    axes.axhline(start - 0.5, color="#CCCCCC", linewidth=0.8, zorder=0)
        for axes in (risk, price):
            axes.axvline(0, color=GREY, linewidth=1, zorder=1)
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.grid(False, axis="y")
        price.axvspan(-margin, margin, color="#EEEEEE", linewidth=0, zorder=0)
        risk.set_yticks(range(len(rows)), [arm.name for arm in rows], fontsize=8.5)
        price.set_yticks([])
        risk.set_title("The risk (left is better)")
        price.set_title("Test accuracy (right is better)")
        for axes in (risk, price):
            axes.set_xlabel("points, treated minus control, 95%", fontsize=9)
        shown = dict.fromkeys(arm.verdict for arm in rows)
        handles = [
            Line2D([], [], color=colour, marker=marker, label=words)
            for verdict, (words, colour, marker) in LOOKS.items()
            if verdict in shown
        ]
        handles.append(Patch(color="#EEEEEE", label=f"{margin:g} points of accuracy"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8, columnspacing=1.2)
    return figure


def _interval(axes: Axes, y: int, estimate: tuple[float, float, float], colour: str, marker: str) -> None:
    value, low, high = estimate
    axes.plot([low, high], [y, y], color=colour, zorder=3)
    axes.plot(value, y, marker, color=colour, zorder=4)
