"""A scaling law drawn: its fit with the residuals, how surely its constants are known, and the plane of N and D."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from eval.plots.style import BLUE, DASHES, GREEN, GREY, ORANGE, SKY, VERMILION, new_figure
from eval.scaling_laws.plane import plane_of
from eval.scaling_laws.ticks import count_ticks, loss_ticks
from eval.scaling_laws.units import count

LABELS = {"parameters": "Parameters N", "tokens": "Tokens D", "compute": "Compute C, FLOP"}


def draw_fit(data: dict[str, Any]) -> Figure:
    """The losses on logarithmic axes with the law and its 95% band, dashed beyond the largest run; the residuals.

    A law of N and D is drawn along the optimum for each compute: runs lie above it.
    """
    curve = data["curve"]
    rows = data["rows"]
    at = np.array([row[curve["variable"]] for row in rows])
    with new_figure(9.0, 3.8, columns=2) as (figure, [left, right]):
        x, value = np.array(curve["x"]), np.array(curve["value"], dtype=float)
        inside = x <= at.max()
        if None not in curve["low"]:
            style = {"color": SKY, "alpha": 0.3, "linewidth": 0, "label": "95%"}
            left.fill_between(x, np.array(curve["low"]), np.array(curve["high"]), **style)
        label = data["law"]["formula"] if not data["separate"] else "best split"
        left.plot(x[inside], value[inside], color=BLUE, label=label)
        left.plot(x[~inside], value[~inside], color=BLUE, linestyle="--", label="beyond the runs")
        left.plot(at, [row["loss"] for row in rows], "o", color=VERMILION, markersize=4.5, label="runs", zorder=3)
        floor = data["law"]["constants"].get("E")
        # One far below would squeeze the runs together.
        if floor and floor["value"] and floor["value"] > 0.7 * value.min():
            left.axhline(floor["value"], color=GREY, linestyle=":", linewidth=1.2, label="floor E")
        asked = data["prediction"]
        if asked and asked["loss"] and asked.get(curve["variable"]) and not data["separate"]:
            estimate, place = asked["loss"], asked[curve["variable"]]
            if estimate["low"] is not None:
                left.plot([place] * 2, [estimate["low"], estimate["high"]], color=GREEN, linewidth=1.4)
            left.plot([place], [estimate["value"]], "D", color=GREEN, markersize=5.5, label="asked for", zorder=4)
        left.set_xscale("log")
        loss_axis(left)
        left.set(xlabel=LABELS[curve["variable"]], ylabel="Loss", title="Fit")
        left.legend(fontsize=8)
        right.axhline(0, color=GREY, linewidth=1)
        right.plot(at, [100 * row["residual"] for row in rows], "o", color=VERMILION, markersize=4.5)
        right.set_xscale("log")
        right.set(xlabel=LABELS[curve["variable"]], ylabel="Observed above fitted, %", title="Residuals")
        for axes in (left, right):
            count_axis(axes.xaxis, axes.get_xlim(), plain=curve["variable"] == "compute")
    return figure


def draw_profiles(data: dict[str, Any]) -> Figure | None:
    """How much worse the law fits with one constant held, and what the rows allow; None where nothing was profiled."""
    profiles = data["profiles"]
    if not profiles:
        return None
    with new_figure(max(3.2 * len(profiles), 4.2), 3.2, columns=len(profiles)) as (figure, panels):
        for axes, profile in zip(panels, profiles, strict=True):
            axes.plot(profile["values"], profile["excess"], color=BLUE, marker="o", markersize=2.5)
            axes.axhline(profile["allowed"], color=VERMILION, linestyle="--", linewidth=1.2, label="95%")
            axes.set_ylim(0, 2.2 * profile["allowed"])
            axes.axvline(data["law"]["constants"][profile["constant"]]["value"], color=GREY, linewidth=1)
            axes.set(xlabel=profile["constant"], title=_range(profile))
        panels[0].set_ylabel("Deviance above the best fit")
        panels[0].legend(fontsize=8)
    return figure


def draw_plane(data: dict[str, Any]) -> Figure | None:
    """Parameters against tokens: the runs, lines of equal loss and the compute-optimal line.

    Where the runs cannot tell N from D there are no such lines, only the published optima. None without N and D.
    """
    plane = plane_of(data)
    if plane is None:
        return None
    with new_figure(6.4, 4.6) as (figure, [axes]):
        for loss, (n, d) in plane.equal.items():
            axes.plot(n, d, color=GREY, linewidth=0.9)
            at = min(len(n) - 1, int(0.92 * len(n)))
            axes.annotate(f"{loss:.3g}", (n[at], d[at]), color=GREY, fontsize=8, ha="center", va="bottom")
        for (name, (n, d)), colour, dashes in zip(plane.optima.items(), (BLUE, ORANGE), DASHES, strict=False):
            axes.plot(n, d, color=colour, linestyle=dashes, label=name)
        n, d = ([row[name] for row in data["rows"]] for name in ("parameters", "tokens"))
        axes.scatter(n, d, c=VERMILION, s=26, zorder=3, label="runs")
        for (x, y, words), marker in zip(plane.marked, "D^*P", strict=False):
            axes.plot([x], [y], marker, color=GREEN, markersize=7, label=words, zorder=4, linestyle="none")
        axes.set(xscale="log", yscale="log", xlim=plane.parameters, ylim=plane.tokens)
        axes.set(xlabel=LABELS["parameters"], ylabel=LABELS["tokens"])
        axes.set_title("Equal loss and the best split" if data["separate"] else "The runs, and published best splits")
        count_axis(axes.xaxis, axes.get_xlim())
        count_axis(axes.yaxis, axes.get_ylim())
        axes.legend(fontsize=8, loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


def draw_scaling(data: dict[str, Any]) -> dict[str, Figure]:
    """Every picture that there is: fit, profiles, plane."""
    figures = {"fit": draw_fit(data), "profiles": draw_profiles(data), "plane": draw_plane(data)}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _range(profile: dict[str, Any]) -> str:
    ends = ["no end" if profile[side] is None else f"{profile[side]:.3g}" for side in ("low", "high")]
    return f"{ends[0]} to {ends[1]}"


def loss_axis(axes: Axes) -> None:
    """Few plain numbers: a loss seldom spans a decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(loss_ticks(*axes.get_ylim())))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def count_axis(axis, limits: tuple[float, float], plain: bool = False) -> None:
    """Counts as 1M, 1B; FLOP as powers of ten."""
    axis.set_major_locator(FixedLocator(count_ticks(*limits)))
    words = (lambda value: f"{value:.0e}".replace("e+", "e")) if plain else count
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))
    axis.set_minor_formatter(NullFormatter())
