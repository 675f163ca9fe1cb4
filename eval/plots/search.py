"""A search: how soon it found what, and how its figures lie over what was searched."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eval.plots.style import COLOURS, DASHES, GREY, MARKERS, SKY, new_figure
from eval.search import sampler_name
from eval.units import plain_name

SHOWN = 4
"""Factors, those that matter most."""

ORDER = ("tpe", "random")
"""Whose colours stay the same from search to search."""


def draw_search(data: dict) -> Figure:
    """The best metric so far after each trial of each sampler, and what that many random trials come to on average."""
    with new_figure(6.8, 4.2) as (figure, [axes]):
        expected = data["expected"]
        if expected:
            trials = [one["n"] for one in expected]
            band = [[one[end] for one in expected] for end in ("low", "high")]
            axes.fill_between(trials, *band, color=SKY, alpha=0.25, linewidth=0, label="95% of random draws")
            label = "best of so many random trials, on average"
            axes.plot(trials, [one["value"] for one in expected], color=GREY, linewidth=1.2, label=label)
        for sampler in data["samplers"]:
            colour, dashes, _ = _look(sampler["sampler"])
            heights = [float("nan") if value is None else value for value in sampler["best_so_far"]]
            style = {
                "color": colour,
                "linestyle": dashes,
                "label": f"{_plain(sampler_name(sampler['sampler']))}, as it went",
            }
            axes.plot(range(1, len(heights) + 1), heights, drawstyle="steps-post", **style)
            if best := sampler["best"]:
                axes.plot(best["trial"], best["score"], "o", color=colour, markersize=5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel(f"best {plain_name(data['metric'])} so far")
        axes.set_title("How soon the best was found")
        axes.legend(loc="best", fontsize=8)
    return figure


def draw_factors(data: dict, trials: pd.DataFrame) -> Figure:
    """The metric of each trial over each factor's values; `trials` are the complete ones."""
    shown = [one["factor"] for one in data["importances"]][:SHOWN]
    kinds = {factor["name"]: factor for factor in data["factors"]}
    with new_figure(1.2 + 2.4 * len(shown), 3.4, columns=len(shown)) as (figure, panels):
        for axes, name in zip(panels, shown, strict=True):
            values = trials[name]
            if kinds[name]["numeric"]:
                values = pd.to_numeric(values)
                axes.set_xscale("log" if kinds[name]["log"] else "linear")
            else:
                levels = sorted(set(values))
                values = values.map(levels.index)
                axes.set_xticks(range(len(levels)), [_plain(level) for level in levels], fontsize=8)
            for sampler, chosen in values.groupby(trials["sampler"], sort=False):
                colour, _, marker = _look(sampler)
                style = {"color": colour, "markersize": 4, "alpha": 0.8, "label": _plain(sampler_name(sampler))}
                axes.plot(chosen, trials.loc[chosen.index, data["metric"]], marker, **style)
            axes.set_xlabel(_plain(name))
            axes.sharey(panels[0])
            axes.tick_params(axis="y", labelleft=axes is panels[0])
        panels[0].set_ylabel(plain_name(data["metric"]))
        panels[0].set_title("Every complete trial")
        panels[0].legend(loc="best", fontsize=8)
    return figure


def _look(sampler: str) -> tuple:
    """A sampler's colour, dashes and marker."""
    index = ORDER.index(sampler) if sampler in ORDER else len(ORDER)
    return COLOURS[index], DASHES[index], MARKERS[index]


def _plain(text: str, limit: int = 24) -> str:
    # A dollar sign would open mathematics.
    text = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return text.replace("$", r"\$")
