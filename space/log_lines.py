"""A log from elsewhere as the lines of a journal, so that one set of charts draws both."""

from collections.abc import Iterator

import numpy as np

from eval.diagnosis.depth_profile import evenly
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import best_metric
from eval.diagnosis.series import thinned

POINTS = 2000
"""Of a curve: where it has more, each is the mean of a stretch."""
METRICS = 5
"""Curves in one chart that can still be told apart."""
ALIKE = 5.0
"""Metrics share an axis where their sizes differ by no more than this factor."""


def axis_of(history: History) -> str:
    """What the log counts in: "epoch", or "step"."""
    return "epoch" if history.steps_per_epoch == 1 else "step"


def lines_of(history: History) -> list[dict]:
    """What a journal would hold of a log: its losses, metrics, gradients by layer and where it was taken up again.

    At most 120 records of 120 layers each, evenly, with the first and the last.
    """
    lines = [{**_place(history, step), "kind": "event", "event": "resume"} for step in history.restarts]
    curves = [("train", "loss", history.train), ("eval", "loss", history.validation)]
    curves += [("eval", name, curve) for name, curve in history.metrics.items()]
    for kind, name, curve in curves:
        lines += [{**_place(history, step), "kind": kind, name: value} for step, value in _points(curve)]
    return [*lines, *_records(history)]


def metrics_alike(history: History) -> list[str]:
    """The metric that says most of the decisions, and those that fit on its axis; another loss is none of them."""
    sizes = {name: np.abs(curve.finite.value).max(initial=0.0) for name, curve in history.metrics.items()}
    names = [name for name in sizes if len(history.metrics[name].finite) and "loss" not in name.lower()]
    first = best_metric(history) or next(iter(names), None)
    if first is None:
        return []
    others = [
        name for name in names if name != first and sizes[first] <= ALIKE * sizes[name] <= ALIKE**2 * sizes[first]
    ]
    return [first, *others][:METRICS]


def _place(history: History, step: float) -> dict:
    return {"step": int(step) if float(step).is_integer() else float(step), "epoch": history.epoch_at(float(step))}


def _points(curve: Curve) -> Iterator[tuple[float, float]]:
    if len(curve) > POINTS:
        # The first that is no number keeps its mark.
        broken = np.flatnonzero(~np.isfinite(curve.value))[:1]
        few = thinned(curve, POINTS)
        step, value = np.append(few.step, curve.step[broken]), np.append(few.value, curve.value[broken])
        order = np.argsort(step, kind="stable")
        curve = Curve(step[order], value[order])
    yield from zip(curve.step.tolist(), curve.value.tolist(), strict=True)


def _records(history: History) -> list[dict]:
    gradients = history.gradients
    if gradients is None or not len(gradients.step):
        return []
    layers = evenly(len(gradients.layers))
    return [
        {
            **_place(history, float(gradients.step[row])),
            "kind": "grad_norms",
            "clipped": gradients.clipped is not None and bool(gradients.clipped[row]),
            "layers": {
                # What was not recorded has no norm.
                gradients.layers[layer]: {} if np.isnan(norm) else {"norm": float(norm)}
                for layer, norm in zip(layers, gradients.norm[row, layers], strict=True)
            },
        }
        for row in evenly(len(gradients.step))
    ]
