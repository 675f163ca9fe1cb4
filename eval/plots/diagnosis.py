"""The curves of a run with what was found marked where it begins."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from eval.diagnosis.finding import Finding
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import best_metric
from eval.diagnosis.series import smoothed, thinned
from eval.diagnosis.words import named
from eval.plots.style import BLUE, COLOURS, DASHES, GREY, MARKERS, VERMILION, new_figure

DECADES = 30.0
"""Largest over smallest loss from which the axis is logarithmic."""
LARGEST = 1e100
"""The largest value that is drawn."""
DRAWN = 1200
"""Points of a curve that are drawn, each the mean of a stretch."""
NOISY = 60
"""Points from which the running median is drawn over them."""
MARKED = 3
"""Findings that are marked, the weightiest first: more could not be read."""
LIKE = 5.0
"""Metrics share an axis where their sizes differ by no more than this factor."""
DARK = "#222222"
SIZE = (5.2, 3.4)
"""Inches: half a page, and letters that can be read on a telephone."""


def draw_loss(history: History, findings: Sequence[Finding] = ()) -> Figure | None:
    """Training and evaluation loss against the step, with onsets and restarts; None where neither was logged."""
    if not len(history.train) and not len(history.validation):
        return None
    train, validation = _drawable(history.train), _drawable(history.validation)
    with new_figure(*SIZE) as (figure, [axes]):
        _draw_training(axes, train)
        values = np.concatenate([train.finite.value, validation.finite.value])
        validation = thinned(validation, DRAWN)
        if len(validation):
            marker = "s" if len(validation) <= 40 else None
            style = {"color": VERMILION, "linestyle": "--", "marker": marker, "markersize": 3.5}
            axes.plot(validation.step, validation.value, label="evaluation", zorder=3, **style)
        if not len(values):
            axes.set_yticks([])
        elif values.min() > 0 and values.max() / values.min() > DECADES:
            axes.set_yscale("log")
            # Beyond four decades 1, 2 and 5 of each would be too many.
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if values.max() / values.min() < 1e4 else (1,)))
            axes.yaxis.set_major_formatter(FormatStrFormatter("%.4g"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("Loss")
        _finish(axes, history, findings, [history.train, history.validation])
    return figure


def draw_metrics(history: History, findings: Sequence[Finding] = ()) -> Figure | None:
    """The metrics of the evaluations, those of one scale, with onsets and restarts; None where there are none."""
    curves = _alike(history)
    if not curves:
        return None
    with new_figure(*SIZE) as (figure, [axes]):
        for (name, curve), colour, dashes, marker in zip(curves.items(), COLOURS, DASHES, MARKERS, strict=False):
            style = {"color": colour, "linestyle": dashes, "marker": marker if len(curve) <= 40 else None}
            axes.plot(curve.step, curve.value, label=_plain(named(name)), markersize=3.5, **style)
        axes.set_ylabel("Evaluation metrics" if len(curves) > 1 else _plain(named(next(iter(curves)))))
        _finish(axes, history, findings, list(curves.values()))
    return figure


def _drawable(curve: Curve) -> Curve:
    """What is too large to be drawn taken as infinite."""
    return Curve(curve.step, np.where(np.abs(curve.value) > LARGEST, np.inf, curve.value))


def _extremes(curve: Curve) -> Curve:
    """The least and the greatest value of each of at most DRAWN stretches, so that no spike is lost."""
    if len(curve) <= 2 * DRAWN:
        return curve
    edges = np.linspace(0, len(curve), DRAWN + 1).astype(int)[:-1]
    both = [np.minimum.reduceat(curve.value, edges), np.maximum.reduceat(curve.value, edges)]
    return Curve(np.repeat(curve.step[edges], 2), np.column_stack(both).ravel())


def _draw_training(axes: Axes, curve: Curve) -> None:
    drawn = thinned(curve, DRAWN)
    if len(drawn) >= NOISY:
        whole = _extremes(curve.finite)
        axes.plot(whole.step, whole.value, color=BLUE, linewidth=0.7, alpha=0.35)
        width = 2 * (len(drawn) // 50) + 3
        axes.plot(drawn.step, smoothed(drawn.value, width), color=BLUE, label="training (running median)")
    elif len(drawn):
        axes.plot(drawn.step, drawn.value, color=BLUE, marker="o", markersize=3, label="training")
    broken = curve.step[~np.isfinite(curve.value)]
    if len(broken):
        # On the lower edge: they have no height of their own.
        shown = broken[:: -(-len(broken) // 60)]
        style = {"color": BLUE, "markersize": 5, "clip_on": False, "label": "training loss no number"}
        axes.plot(shown, np.full(len(shown), 0.03), "x", transform=axes.get_xaxis_transform(), **style)


def _alike(history: History) -> dict[str, Curve]:
    """The metric that says most, and up to four whose size is like its; another loss is none of them."""
    curves = {name: thinned(_drawable(curve), DRAWN) for name, curve in history.metrics.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve)}
    first = best_metric(history) or next(iter(curves), None)
    if first is None or first not in curves:
        return {}
    size = {name: float(np.abs(curve.value).max()) for name, curve in curves.items()}
    others = [
        name
        for name in curves
        if name != first and "loss" not in name.lower() and size[first] / LIKE <= size[name] <= size[first] * LIKE
    ]
    return {name: curves[name] for name in [first, *others][: len(COLOURS)]}


def _finish(axes: Axes, history: History, findings: Sequence[Finding], curves: Sequence[Curve]) -> None:
    """Mark restarts and onsets, and name the axes."""
    for number, restart in enumerate(history.restarts):
        label = {"label": "restart"} if number == 0 else {}
        axes.axvline(restart, color=GREY, linestyle=":", linewidth=1.2, zorder=1, **label)
    steps = np.concatenate([curve.step for curve in curves if len(curve)])
    first, last = float(steps.min()), float(steps.max())
    begun = [finding for finding in findings if finding.onset and finding.onset.step is not None][:MARKED]
    for row, finding in enumerate(begun):
        _mark(axes, finding, row, first, last)
    axes.set_xlabel("Epoch" if history.steps_per_epoch == 1 else "Step")
    whole = last - first >= 6 or (steps == np.round(steps)).all()
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=whole, min_n_ticks=1))
    handles, labels = axes.get_legend_handles_labels()
    if labels != [axes.get_ylabel()]:
        # Under the axes it covers nothing, however the curves go.
        axes.figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5)


def _mark(axes: Axes, finding: Finding, row: int, first: float, last: float) -> None:
    """An upright line where a finding begins, with its name above the axes; one row a finding."""
    step = finding.onset.step
    colour = DARK if row == 0 else GREY
    axes.axvline(step, color=colour, linestyle="-" if row == 0 else "--", linewidth=1.4, zorder=2)
    late = last > first and (step - first) / (last - first) > 0.5
    axes.annotate(
        f"{named(finding.name)} ▸" if late else f"◂ {named(finding.name)}",
        (step, 1),
        (0, 3 + 12 * row),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if late else "left",
        color=colour,
        fontsize=9,
        annotation_clip=False,
    )


def _plain(text: str, limit: int = 28) -> str:
    # A dollar sign would open mathematics.
    return (text if len(text) <= limit else f"{text[: limit - 1]}…").replace("$", r"\$")
