"""What the optimiser's own state says over time, layer by layer."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from eval.diagnosis.history import Curve
from eval.plots.style import COLOURS, DASHES, new_figure


def draw_optimizer_signals(panels: Mapping[str, Mapping[str, Sequence[Curve]]], label: str) -> Figure:
    """A panel for each optimiser on one log axis, in it a line a layer: {title: {layer: (median, low, high)}}.

    Where a layer has three curves, the second and third bound a band; `label` is that of the axis of values.
    """
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with new_figure(5.6, 0.9 + 2.1 * rows, columns=columns, rows=rows) as (figure, axes):
        for place, (title, layers) in zip(axes, panels.items(), strict=False):
            if place is not axes[0]:
                place.sharey(axes[0])
            for index, (layer, (middle, *band)) in enumerate(layers.items()):
                style = {"color": COLOURS[index % 5], "linestyle": DASHES[index % 5]}
                place.plot(middle.step, middle.value, label=layer, **style)
                if band:
                    low, high = band
                    place.fill_between(low.step, low.value, high.value, color=style["color"], alpha=0.15, linewidth=0)
            place.set_yscale("log")
            place.set_title(title)
            place.set_xlabel("Step")
        for place in axes[len(panels) :]:
            place.set_visible(False)
        for place in axes[::columns]:
            place.set_ylabel(label)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8.5)
    return figure
