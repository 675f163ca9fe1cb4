"""What tells one planted cause from another: the swing that larger batches and a lower rate leave."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from eval.plots.style import COLOURS, MARKERS, new_figure

Runs = Sequence[tuple[float, float, bool]]


def draw_causes(groups: Mapping[str, Runs]) -> Figure:
    """A point a run on log axes, {what is planted: [(with larger batches, with a lower rate, told right), …]}; nats.

    A ring is round a run whose cause was told wrongly.
    """
    wrong: list[tuple[float, float]] = []
    with new_figure(6.4, 3.0) as (figure, [axes]):
        for index, (name, runs) in enumerate(groups.items()):
            batches, rates, right = zip(*runs, strict=True)
            style = {"color": COLOURS[index % 5], "markersize": 7, "markeredgecolor": "white", "linestyle": ""}
            axes.plot(batches, rates, MARKERS[index % 5], label=name, **style)
            wrong += [(x, y) for x, y, told in zip(batches, rates, right, strict=True) if not told]
        if wrong:
            ring = {"color": "black", "markersize": 12, "markerfacecolor": "none", "linestyle": ""}
            axes.plot(*zip(*wrong, strict=True), "o", label="told wrongly", **ring)
        axes.set(xscale="log", yscale="log", title="The swing that each change leaves")
        axes.set(xlabel="Swing with larger batches, nats", ylabel="Swing with a lower rate, nats")
        figure.legend(loc="outside lower center", ncols=5, fontsize=8, columnspacing=1.2, handletextpad=0.3)
    return figure
