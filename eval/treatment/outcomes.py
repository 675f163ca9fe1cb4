"""What a treatment judges a run by: figures of one log."""

from collections.abc import Mapping

import numpy as np

from eval.calibration import plug_in_calibration_error
from eval.diagnosis import divergence
from eval.diagnosis.dead_units import shares
from eval.diagnosis.depth_profile import LATE, learned, profile, ratios
from eval.diagnosis.history import EMPTY, Curve, History
from eval.diagnosis.metrics import accuracy, plain
from eval.diagnosis.series import last_part, level

HIGHER_IS_BETTER = ("accuracy", "f1", "training_fall", "gradient_ratio")
"""Outcomes of which more is better; of the gradient ratio, where gradients vanish."""
LOGARITHMIC = ("swing",)
"""Outcomes that are compared by their ratio."""
SETTLED = 1 / 3
"""The share of the run that is left out before the swing is measured: the fall of the start."""
FEWEST = 8
"""Evaluations after it, for a swing to be told."""
REACH = 5.0
"""Standard deviations at which a residual is cut: one evaluation shall not make a swing."""
LAST = 0.2
"""The share of the training losses that says how the run ended."""


def outcomes(
    history: History, metrics: Mapping | None = None, predictions: tuple[np.ndarray, np.ndarray] | None = None
) -> dict[str, float]:
    """Every figure that a treatment may judge by, {name: figure}, NaN where the log cannot tell.

    `metrics` is metrics.json, whose test figures are taken; without it accuracy and f1 are the last of the log's.
    `predictions` are probabilities (n, 2) and labels (n,) of the test rows, for the expected calibration error. Swing,
    level and losses are in nats, the capped training loss is that of a guess at most, gradient_ratio is log10 of first
    to last hidden layer at the end, dead_share the median over layers at the end, diverged is 0 or 1.
    """
    validation, train = history.validation.finite, history.train.finite
    test = (metrics or {}).get("test", {})
    return {
        "swing": swing(validation),
        "validation_level": level(settled(validation).value) if len(validation) else np.nan,
        "best_validation_loss": float(validation.value.min()) if len(validation) else np.nan,
        "validation_loss": _last(history.validation),
        "training_loss": level(last_part(train, LAST, 3).value) if len(train) and not _broken(history) else np.nan,
        "capped_training_loss": _capped(history, train),
        "training_fall": _number(learned(history)),
        "accuracy": _figure(test, "accuracy", accuracy(history.metrics)),
        "f1": _figure(test, "f1", _metric(history, "f1")),
        # Its bias is that of n rows, the same in every run that is compared.
        "calibration": plug_in_calibration_error(*predictions) if predictions is not None else np.nan,
        "gradient_ratio": _gradient_ratio(history),
        "dead_share": _dead_share(history),
        "diverged": _diverged(history),
    }


def swing(curve: Curve) -> float:
    """How far the validation loss moves about its trend once it has settled, as a standard deviation in nats.

    The mean distance from a parabola of least absolute deviations through what follows the first third, each cut at
    REACH standard deviations; NaN for fewer than FEWEST evaluations there. Every evaluation has the same rows, so what
    moves the loss is the parameters: under plain SGD with rate r and batches of B, on a loss of curvature h whose
    gradient has the variance s^2 from row to row, theirs is r s^2 / (B h (2 - r h)), and the loss above its minimum,
    h x^2 / 2, moves in proportion to h times that. A training loss moves with the rows of its batch too, whatever the
    parameters do. Nats, not shares of the level: a level that rises with the swing would hide it. Evaluations an even
    number of steps apart can miss a swing of two steps. Source of the variance, for small r h: Mandt, Hoffman and Blei,
    Stochastic gradient descent as approximate Bayesian inference, JMLR 18, 2017.
    """
    late = settled(curve.finite)
    if len(late) < FEWEST:
        return float("nan")
    sizes = np.abs(late.value - _parabola(late))
    limit = REACH * 1.4826 * np.median(sizes)
    # A normal distribution's mean distance is sqrt(2 / pi) of its standard deviation.
    return float(np.sqrt(np.pi / 2) * np.minimum(sizes, limit).mean())


def settled(curve: Curve) -> Curve:
    """What follows the first third of the points."""
    first = int(len(curve) * SETTLED)
    return Curve(curve.step[first:], curve.value[first:])


def _parabola(curve: Curve, rounds: int = 20) -> np.ndarray:
    """A parabola of least absolute deviations, by least squares weighted anew."""
    at = 2 * (curve.step - curve.step[0]) / (curve.step[-1] - curve.step[0]) - 1
    powers, weights = np.vander(at, 3), np.ones(len(at))
    for _ in range(rounds):
        root = np.sqrt(weights)[:, None]
        line = powers @ np.linalg.lstsq(root * powers, root[:, 0] * curve.value, rcond=None)[0]
        sizes = np.abs(curve.value - line)
        # Below half the median distance all count alike, or the line would stick to three points.
        least = np.median(sizes) / 2
        if not least > 1e-12 * np.abs(curve.value).max():
            break
        weights = least / np.maximum(sizes, least)
    return line


def _gradient_ratio(history: History) -> float:
    shape = profile(history.gradients) if history.gradients is not None else None
    if shape is None:
        return float("nan")
    late = ratios(shape)[int(len(shape.step) * (1 - LATE)) :]
    return float(np.nanmedian(late)) if np.isfinite(late).any() else float("nan")


def _dead_share(history: History) -> float:
    found = shares(history.gradients) if history.gradients is not None else None
    return float(np.median(found[2][-1])) if found else float("nan")


def _capped(history: History, train: Curve) -> float:
    """The training loss at the end, or that of a guess where it is worse or broken: neither has learned anything."""
    if not len(train):
        return float("nan")
    guess = np.log(history.classes) if history.classes and history.classes > 1 else level(train.value[:3])
    return float(guess if _broken(history) else min(guess, level(last_part(train, LAST, 3).value)))


def _broken(history: History) -> bool:
    return divergence.broken_from(history.train, history.grad_norm) is not None


def _diverged(history: History) -> float:
    if not len(history.train):
        return float("nan")
    return float(divergence.detect(history) is not None)


def _metric(history: History, name: str) -> Curve:
    return next((curve for key, curve in sorted(history.metrics.items()) if plain(key) == name), EMPTY)


def _figure(test: Mapping, name: str, curve: Curve) -> float:
    if name in test:
        return _number(test[name]["value"])
    return _last(curve)


def _last(curve: Curve) -> float:
    return float(curve.value[-1]) if len(curve) and np.isfinite(curve.value[-1]) else float("nan")


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
