"""What a treatment shows: arms against the control, the 2 by 2, and the validation loss before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eval.diagnosis.history import Curve
from eval.plots.effects import LOOKS
from eval.plots.interactions import draw_interactions
from eval.plots.style import BLUE, GREY, SKY, VERMILION, new_figure
from eval.units import plain_name


def draw_arms(arms: Mapping, words: Mapping[str, str] | None = None) -> Figure:
    """Each arm against the control with its 95% interval, over its seeds; ratios on a log axis.

    `arms` is that of treatment.json, `words` says what each changes. The band is what does not matter.
    """
    shown = [arm for arm in arms["arms"] if arm["effect"]["value"] is not None]
    nothing, margin = (1.0, np.exp(arms["margin"])) if arms["logarithmic"] else (0.0, arms["margin"])
    band = (1 / margin, margin) if arms["logarithmic"] else (-margin, margin)
    with new_figure(6.8, 1.7 + 0.4 * max(1, len(shown))) as (figure, [axes]):
        if arms["logarithmic"]:
            axes.set_xscale("log")
        axes.axvspan(*band, color="#EEEEEE", linewidth=0, zorder=0)
        axes.axvline(nothing, color=GREY, linewidth=1, zorder=1)
        for y, arm in enumerate(shown):
            label, colour, marker = LOOKS[arm["verdict"]]
            effect = arm["effect"]
            axes.plot(arm["differences"], [y + 0.24] * len(arm["differences"]), "|", color=SKY, zorder=2)
            if effect["low"] is not None:
                axes.plot([effect["low"], effect["high"]], [y, y], color=colour, zorder=3)
            face = "white" if arm["verdict"] == "not_resolvable" else colour
            axes.plot(effect["value"], y, marker, color=colour, markerfacecolor=face, zorder=4)
        names = [_plain((words or {}).get(arm["name"], arm["name"])) for arm in shown]
        axes.set_yticks(range(len(shown)), names, fontsize=8)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(False, axis="y")
        better = "right" if arms["higher_is_better"] else "left"
        against = "times the control" if arms["logarithmic"] else "arm minus control"
        axes.set_xlabel(f"{plain_name(arms['outcome'])}: {against} ({better} is better)")
        axes.set_title("What each change does")
        verdicts = [verdict for verdict in LOOKS if any(arm["verdict"] == verdict for arm in shown)]
        handles = [
            Line2D([], [], color=colour, marker=marker, label=label, markerfacecolor=face)
            for verdict in verdicts
            for label, colour, marker in [LOOKS[verdict]]
            for face in ["white" if verdict == "not_resolvable" else colour]
        ]
        handles.append(Line2D([], [], color=SKY, marker="|", linestyle="", label="one seed"))
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)
    return figure


def draw_interaction(cause: Mapping) -> Figure | None:
    """How two factors go together, by the `cause` of treatment.json; None where there was no factorial."""
    effects = cause["effects"]
    return draw_interactions(effects) if effects and effects["interactions"] else None


def draw_before_after(before: Sequence[Curve], after: Sequence[Curve], remedy: str) -> Figure:
    """The validation loss of every seed, thin, and their median, without and with the remedy."""
    with new_figure(6.8, 3.6) as (figure, [axes]):
        sides = [(before, VERMILION, "--", "as it was"), (after, BLUE, "-", _plain(remedy))]
        for curves, colour, dashes, label in sides:
            for curve in curves:
                axes.plot(curve.step, curve.value, color=colour, linewidth=0.8, alpha=0.5)
            step, middle = _median(curves)
            axes.plot(step, middle, color=colour, linestyle=dashes, label=label)
        axes.set_xlabel("step")
        axes.set_ylabel("validation loss")
        axes.set_title("Every seed, and their median")
        axes.legend(fontsize=8)
    return figure


def _median(curves: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray]:
    """At the steps that all have."""
    finite = [curve.finite for curve in curves]
    steps = [set(curve.step.tolist()) for curve in finite]
    step = np.array(sorted(set.intersection(*steps))) if steps else np.empty(0)
    values = [curve.value[np.isin(curve.step, step)] for curve in finite]
    return step, np.median(values, axis=0) if len(step) else step


def _plain(text: str, limit: int = 40) -> str:
    # A dollar sign would open mathematics.
    return (text if len(text) <= limit else f"{text[: limit - 1]}…").replace("$", r"\$")
