"""How strange each kind of text looks to a model, by each score."""

import numpy as np
from matplotlib.figure import Figure

from eval.plots.style import COLOURS, DASHES, GREY, new_figure

LABELS = {
    "confidence": "1 − confidence",
    "energy": "energy of the logits",
    "distance": "distance from training rows",
}


def draw_strangeness(quantiles: dict[str, dict[str, list]], figures: dict[str, dict], bar: float) -> Figure:
    """A panel a score: the share of each kind of text that looks stranger than a value, and the AUROC.

    `bar` is the distance above which a text is said to look unlike the training data.
    """
    with new_figure(8.4, 3.3, columns=len(quantiles)) as (figure, panels):
        for axes, (score, sets) in zip(panels, quantiles.items(), strict=True):
            for index, (name, values) in enumerate(sets.items()):
                shares = 100 * (1 - np.linspace(0, 1, len(values)))
                axes.plot(values, shares, color=COLOURS[index], linestyle=DASHES[index], label=name)
            if score == "distance":
                axes.axvline(bar, color=GREY, linestyle=":", linewidth=1.2, label="bar of the warning")
            axes.set_ylim(-2, 102)
            axes.set_xlabel(LABELS[score])
            axes.set_title(f"Other subjects: AUROC {figures[f'auroc_{score}']['value']:.3f}")
        panels[0].set_ylabel("texts that look stranger, %")
        handles, labels = panels[-1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)
    return figure
