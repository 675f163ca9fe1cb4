"""Precision, recall and their kin over all thresholds, with pointwise bootstrap bands, and over the epochs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import bootstrap, percentile_interval
from eval.metrics import Estimate, checked, estimates, ranking

POINTS = 200
HISTORY_KEYS = ("epoch", "step", "loss", "accuracy", "f1", "precision", "recall")


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve on a fixed grid with its pointwise 95% bootstrap band; None where it is undefined."""

    x: list[float]
    y: list[float | None]
    low: list[float | None]
    high: list[float | None]


def roc_curve(probabilities: np.ndarray, labels: np.ndarray, *, resamples: int = 2000, seed: int = 0) -> Curve:
    """The true positive rate at fixed false positive rates; its band is Fawcett's vertical averaging (2006, sec. 7)."""
    grid = np.linspace(0, 1, POINTS + 1)

    def true_positive_rate(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
        rates = np.interp(grid * negatives[-1], np.append(0, negatives), np.append(0, positives))
        return rates / positives[-1]

    return _ranked_curve(true_positive_rate, grid, probabilities, labels, resamples, seed)


def precision_recall_curve(
    probabilities: np.ndarray, labels: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> Curve:
    """The precision at the highest threshold whose recall is at least that of the grid: a step, not interpolated."""
    grid = np.linspace(0, 1, POINTS + 1)[1:]

    def precision(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
        at = np.searchsorted(positives, grid * positives[-1] * (1 - 1e-12))
        return positives[at] / (positives[at] + negatives[at])

    return _ranked_curve(precision, grid, probabilities, labels, resamples, seed)


def _ranked_curve(
    curve: Callable[[np.ndarray, np.ndarray], np.ndarray],
    grid: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
    resamples: int,
    seed: int,
) -> Curve:
    """A curve of the positive and the negative rows from the highest score down, both counted up, ties at once."""
    probabilities, labels = checked(probabilities, labels)
    order, ends = ranking(probabilities[:, 1])
    positive = labels[order] == 1

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights[:, order]
        positives = np.cumsum(weights * positive, axis=1)[:, ends]
        negatives = np.cumsum(weights * ~positive, axis=1)[:, ends]
        curves = np.full((len(weights), len(grid)), np.nan)
        for row in np.flatnonzero((positives[:, -1] > 0) & (negatives[:, -1] > 0)):
            curves[row] = curve(positives[row], negatives[row])
        return {"curve": curves}

    return _with_bands(weighted, grid, len(labels), resamples, seed)["curve"]


def threshold_curves(
    probabilities: np.ndarray, labels: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Curve]:
    """Precision, recall and F1 where a row is positive when its probability lies above the threshold."""
    grid = np.linspace(0, 1, 101)
    weighted = _weighted_at(probabilities, labels, grid)
    return _with_bands(weighted, grid, len(labels), resamples, seed)


def best_f1_threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The threshold with the highest F1 of the positive class, by trying all that differ.

    Half-way between two scores; 0.5 where that is as good as any, else the one nearest to it among equals.
    """
    probabilities, labels = checked(probabilities, labels)
    scores = probabilities[:, 1]
    order, ends = ranking(scores)
    found = np.cumsum(labels[order])[ends]
    f1 = 2 * found / np.maximum(ends + 1 + labels.sum(), 1)
    above = scores[order][ends]
    below = np.append(above[1:], 0.0)
    thresholds = np.where((below <= 0.5) & (above > 0.5), 0.5, (above + below) / 2)
    best = np.flatnonzero(f1 == f1.max())
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])


def f1_of_threshold(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """F1 at one half, F1 at the threshold, and what the threshold gains over one half (paired bootstrap)."""
    weighted = _weighted_at(probabilities, labels, np.array([0.5, threshold]))

    def compared(weights: np.ndarray) -> dict[str, np.ndarray]:
        at_half, at_threshold = weighted(weights)["f1"].T
        return {"f1_at_half": at_half, "f1_at_threshold": at_threshold, "f1_gain": at_threshold - at_half}

    return estimates(compared, len(labels), resamples=resamples, seed=seed)


def history(journal: list[dict]) -> list[dict[str, float | None]]:
    """Epoch, step, loss, accuracy, F1, precision and recall of every evaluation during training; None if not logged."""
    return [{key: line.get(key) for key in HISTORY_KEYS} for line in journal if line["kind"] == "eval"]


def _weighted_at(
    probabilities: np.ndarray, labels: np.ndarray, thresholds: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The function from row weights (k, n) to precision, recall and F1, each of shape (k, thresholds)."""
    probabilities, labels = checked(probabilities, labels)
    answered = (probabilities[:, 1, None] > thresholds).astype(np.float64)
    right = answered * labels[:, None]

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        tp, predicted, positives = weights @ right, weights @ answered, (weights @ labels)[:, None]
        with np.errstate(invalid="ignore"):
            precision, recall = tp / predicted, tp / positives
        return {"precision": precision, "recall": recall, "f1": 2 * tp / np.maximum(predicted + positives, 1)}

    return metrics


def _with_bands(
    weighted: Callable[[np.ndarray], dict[str, np.ndarray]], grid: np.ndarray, n: int, resamples: int, seed: int
) -> dict[str, Curve]:
    values = weighted(np.ones((1, n)))
    samples = bootstrap(weighted, n, resamples=resamples, seed=seed)
    curves = {}
    for name, (value,) in values.items():
        low, high = zip(*map(percentile_interval, samples[name].T), strict=True)
        y = [None if np.isnan(point) else float(point) for point in value]
        curves[name] = Curve(grid.tolist(), y, list(low), list(high))
    return curves
