"""What each level of a study costs, against what it may."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.guard_panels import Panel, guard_panels
from eval.guards import BROKEN, HELD, OPEN
from eval.plots.style import GREEN, GREY, SKY, VERMILION, new_figure, short_name
from eval.units import plain_name

LOOKS = {HELD: (GREEN, "^"), BROKEN: (VERMILION, "v"), OPEN: (GREY, "o")}
"""By verdict: its colour and marker."""
ALLOWED = "#EEEEEE"
HALF = 0.4
"""Half the height of what is shaded."""


def draw_guards(guards: list[dict]) -> Figure:
    """The loss of each guard of effects.json with its 95% interval, over the single seeds; right is worse.

    What may be lost is shaded and ends in a mark; the verdict is told by colour and marker. Figures that are not read
    in points have an axis each.
    """
    panels = guard_panels(guards)
    with new_figure(6.8, 0.8 + sum(0.6 + 0.42 * len(panel.rows) for panel in panels), rows=len(panels)) as (
        figure,
        columns,
    ):
        columns[0].get_gridspec().set_height_ratios([len(panel.rows) for panel in panels])
        for axes, panel in zip(columns, panels, strict=True):
            _draw(axes, panel)
        columns[0].set_title("What each level costs, against what it may")
        shown = {guard["verdict"] for guard in guards}
        handles = [
            Line2D([], [], color=colour, marker=marker, markerfacecolor=_face(verdict), label=verdict)
            for verdict, (colour, marker) in LOOKS.items()
            if verdict in shown
        ]
        if any(len(guard["differences"]) > 1 for guard in guards):
            handles.append(Line2D([], [], color=SKY, marker="|", linestyle="", label="one seed"))
        handles.append(Patch(color=ALLOWED, label="allowed"))
        handles.append(
            Line2D([], [], color="black", marker="|", markersize=11, linestyle="", label="the most that is allowed")
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8, columnspacing=1.2)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    for y, row in enumerate(panel.rows):
        axes.barh(y, row.margin - panel.low, 2 * HALF, panel.low, color=ALLOWED, linewidth=0, zorder=0)
        axes.plot([row.margin] * 2, [y - HALF, y + HALF], color="black", linewidth=1.5, zorder=2)
        if len(row.seeds) > 1:
            axes.plot(row.seeds, [y + 0.24] * len(row.seeds), "|", color=SKY, markersize=6, zorder=2)
        if row.loss.value is None:
            axes.annotate("no run to compare", (0, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
            continue
        colour, marker = LOOKS[row.guard["verdict"]]
        if row.loss.low is not None:
            axes.plot([row.loss.low, row.loss.high], [y, y], color=colour, zorder=3)
        axes.plot(row.loss.value, y, marker, color=colour, markerfacecolor=_face(row.guard["verdict"]), zorder=4)
    axes.set_yticks(range(len(panel.rows)), [_name(row.guard) for row in panel.rows], fontsize=8)
    axes.set_ylim(len(panel.rows) - 0.4, -0.6)
    axes.set_xlim(panel.low, panel.high)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"{panel.quantity} (left is better)")


def _name(guard: dict) -> str:
    arm = f"{short_name(guard['factor'])}: {short_name(guard['level'])} vs {short_name(guard['baseline'])}"
    return f"{short_name(plain_name(guard['figure']), 40)}\n{arm}"


def _face(verdict: str) -> str:
    return "white" if verdict == OPEN else LOOKS[verdict][0]
