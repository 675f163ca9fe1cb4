"""An outcome against the learning rate, a line for each optimiser or momentum."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eval.plots.style import COLOURS, DASHES, GREY, MARKERS, new_figure

Runs = Sequence[tuple[float, float]]


def draw_rates(series: Mapping[str, Runs], label: str, reference: float | None = None, most: float = np.inf) -> Figure:
    """The median over the seeds at each rate, and a tick for each run, on log axes: {name: [(rate, value), …]}.

    `reference` is a value to compare with; what is above `most` or no number stands at `most`, which is then said.
    """
    capped = False
    with new_figure(5.2, 3.8) as (figure, [axes]):
        if reference is not None:
            axes.axhline(reference, color=GREY, linestyle=":", zorder=1)
        for index, (name, runs) in enumerate(series.items()):
            rates, values = np.array(sorted(runs), dtype=float).T
            broken = ~(values <= most)
            values, capped = np.where(broken, most, values), capped or bool(broken.any())
            at = np.unique(rates)
            style = {"color": COLOURS[index % 5], "linestyle": DASHES[index % 5], "marker": MARKERS[index % 5]}
            axes.plot(at, [np.median(values[rates == rate]) for rate in at], label=_plain(name), zorder=3, **style)
            axes.plot(rates, values, "_", color=COLOURS[index % 5], markersize=9, alpha=0.7, zorder=2)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("Learning rate")
        axes.set_ylabel(label)
        axes.set_title(f"Median of the seeds{', cut at ' + format(most, 'g') if capped else ''}")
        handles, _ = axes.get_legend_handles_labels()
        handles.append(Line2D([], [], color=GREY, marker="_", linestyle="", label="one seed"))
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _plain(text: str) -> str:
    # A dollar sign would open mathematics.
    return text.replace("$", r"\$")
