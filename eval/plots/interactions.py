"""How the levels of two factors go together."""

from matplotlib.figure import Figure

from eval.plots.style import COLOURS, DASHES, MARKERS, new_figure
from eval.units import plain_name

SHOWN = 3


def draw_interactions(data: dict) -> Figure:
    """The mean of the metric at each pair of levels, for the pairs of factors whose interaction is surest.

    Parallel lines say that the effects add up; the axis is shared, so heights can be compared.
    """
    means = {tuple(pair["factors"]): pair for pair in data["pair_means"]}
    surest = list(dict.fromkeys(tuple(row["factors"]) for row in data["interactions"]))[:SHOWN]
    with new_figure(1.2 + 2.6 * len(surest), 3.6, columns=len(surest)) as (figure, panels):
        for axes, names in zip(panels, surest, strict=True):
            if axes is not panels[0]:
                # Before anything is drawn: the limits are then those of all panels.
                axes.sharey(panels[0])
            pair = means[names]
            first, second = pair["levels"]
            for b, level in enumerate(second):
                heights = [float("nan") if row[b] is None else row[b] for row in pair["means"]]
                style = {"color": COLOURS[b % 5], "linestyle": DASHES[b % 5], "marker": MARKERS[b % 5]}
                axes.plot(range(len(first)), heights, label=_plain(level), **style)
            axes.set_xticks(range(len(first)), [_plain(level) for level in first], fontsize=8)
            axes.set_xlim(-0.3, len(first) - 0.7)
            axes.set_xlabel(_plain(names[0]))
            axes.legend(title=_plain(names[1]), fontsize=8, title_fontsize=8)
            axes.tick_params(axis="y", labelleft=axes is panels[0])
        panels[0].set_ylabel(f"mean {plain_name(data['metric'])}")
        panels[0].set_title("Where lines are parallel, effects add up")
    return figure


def _plain(text: str) -> str:
    # A dollar sign would open mathematics.
    return text.replace("$", r"\$")
