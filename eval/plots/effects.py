"""The effects of a study's factors with their intervals."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.plots.style import BLUE, GREEN, GREY, SKY, VERMILION, new_figure, short_name
from eval.units import Unit, plain_name

LOOKS = {
    "helps": ("helps", GREEN, "^"),
    "hurts": ("hurts", VERMILION, "v"),
    "no_effect_larger_than": ("no effect", BLUE, "s"),
    "not_resolvable": ("not resolvable", GREY, "o"),
}
"""By verdict: its words, colour and marker."""


def draw_effects(
    data: dict, unit: Unit, title: str = "What each level does", difference: str = "level minus baseline"
) -> Figure:
    """A forest plot: a level against its baseline with the 95% interval, over the differences of the single seeds.

    The band is what does not matter; the verdict is told by colour and marker.
    """
    effects = data["effects"]
    with new_figure(6.8, 1.7 + 0.36 * len(effects)) as (figure, [axes]):
        margin = unit.scale * data["margin"]
        axes.axvspan(-margin, margin, color="#EEEEEE", linewidth=0, zorder=0)
        axes.axvline(0, color=GREY, linewidth=1, zorder=1)
        for y, effect in enumerate(effects):
            _, colour, marker = LOOKS[effect["verdict"]]
            estimate = effect["estimate"]
            if len(effect["differences"]) > 1:
                seeds = [unit.scale * value for value in effect["differences"]]
                axes.plot(seeds, [y + 0.24] * len(seeds), "|", color=SKY, markersize=6, zorder=2)
            if estimate["value"] is None:
                axes.annotate("no run to compare", (0, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
                continue
            if estimate["low"] is not None:
                ends = [unit.scale * estimate["low"], unit.scale * estimate["high"]]
                axes.plot(ends, [y, y], color=colour, zorder=3)
            face = "white" if effect["verdict"] == "not_resolvable" else colour
            axes.plot(unit.scale * estimate["value"], y, marker, color=colour, markerfacecolor=face, zorder=4)
        names = [
            f"{short_name(effect['factor'])}: {short_name(effect['level'])} vs {short_name(effect['baseline'])}"
            for effect in effects
        ]
        axes.set_yticks(range(len(effects)), names, fontsize=8)
        axes.set_ylim(len(effects) - 0.4, -0.6)
        axes.grid(False, axis="y")
        better = "right" if data["higher_is_better"] else "left"
        name = f", {unit.name}" if unit.name else ""
        axes.set_xlabel(f"{plain_name(data['metric'])}{name}: {difference} ({better} is better)")
        axes.set_title(title)
        shown = dict.fromkeys(effect["verdict"] for effect in effects)
        handles = [
            _handle(*LOOKS[verdict], filled=verdict != "not_resolvable") for verdict in LOOKS if verdict in shown
        ]
        if any(len(effect["differences"]) > 1 for effect in effects):
            handles.append(Line2D([], [], color=SKY, marker="|", linestyle="", label="one seed"))
        handles.append(Patch(color="#EEEEEE", label="does not matter"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8, columnspacing=1.2)
    return figure


def _handle(label: str, colour: str, marker: str, *, filled: bool) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, markerfacecolor=colour if filled else "white", label=label)
