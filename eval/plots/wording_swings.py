"""How many answers flip, and how far probabilities swing, under edits that mean the same."""

from matplotlib.figure import Figure

from eval.plots.style import BLUE, VERMILION, new_figure


def draw_wording_swings(edits: list[dict]) -> Figure:
    """Two panels over the edits, most flips first: flips and mean swings, each with its 95% interval."""
    effects = sorted(edits, key=lambda effect: effect["flips"]["value"])
    names = [f"{effect['edit'].replace('_', ' ')} ({effect['flips']['n']})" for effect in effects]
    with new_figure(7.2, 1.0 + 0.23 * len(effects), columns=2) as (figure, [left, right]):
        panels = (
            (left, "flips", 100, VERMILION, "s", "answers that flip, %"),
            (right, "swing", 1, BLUE, "o", "mean swing of P(positive)"),
        )
        for axes, key, unit, colour, marker, label in panels:
            for y, effect in enumerate(effects):
                estimate = effect[key]
                if estimate["low"] is not None:
                    axes.plot([unit * estimate["low"], unit * estimate["high"]], [y, y], color=colour)
                axes.plot(unit * estimate["value"], y, marker, color=colour, markersize=5)
            axes.set_xlim(left=0)
            axes.set_ylim(-0.7, len(effects) - 0.3)
            axes.set_xlabel(label)
        left.set_yticks(range(len(effects)), names, fontsize=8)
        right.set_yticks(range(len(effects)), [])
        left.set_title("The same meaning, other words (rows)")
    return figure
