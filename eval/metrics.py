"""The classification metrics of a binary model, with bootstrap intervals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from eval.bootstrap import bootstrap, percentile_interval

METRIC_NAMES = ("accuracy", "f1", "precision", "recall", "auc", "mcc", "log_loss")
"""What training logs and metrics.json holds."""

REPORT_METRIC_NAMES = (
    *("accuracy", "f1_macro", "f1", "precision", "recall", "f1_negative", "precision_negative", "recall_negative"),
    *("mcc", "auc", "average_precision", "log_loss", "brier"),
)
"""What an evaluation reports; a name without a class belongs to the positive one."""

CLASSES = ("negative", "positive")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval and the number of rows it rests on; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """The shape it has in metrics.json."""
        return asdict(self)


def proportion(count: int, n: int) -> Estimate:
    """A share with its 95% Wilson interval, which keeps its width at 0 and 1; undefined where n is 0.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    if n == 0:
        return Estimate(None, None, None, 0)
    share, z = count / n, ndtri(0.975)
    centre, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    low, high = np.clip(np.array([centre - half, centre + half]) / (1 + z**2 / n), 0, 1)
    return Estimate(share, float(min(low, share)), float(max(high, share)), n)


def share(hits: np.ndarray) -> Estimate:
    """The share of True in an array of any shape, with its 95% Wilson interval; undefined where there is nothing."""
    return proportion(int(np.sum(hits)), int(np.size(hits)))


def mean_with_interval(values: np.ndarray) -> Estimate:
    """The mean of values, (n,), with its 95% t interval; no interval for a single value."""
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def only_class(positive: np.ndarray) -> str | None:
    """The class that is answered throughout, by probabilities of POSITIVE; None where both are."""
    answers = np.unique(np.asarray(positive) > 0.5)
    return CLASSES[int(answers[0])] if len(answers) == 1 else None


def classification_metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, F1, precision, recall, AUC, MCC and log loss, as scikit-learn defines them.

    `probabilities` has shape (n, 2), `labels` shape (n,) of 0 and 1; class 1 is the positive one, and a row at exactly
    one half is given class 0. A ratio without a denominator is 0 (zero_division=0), the AUC of a single class is NaN,
    and log loss is in nats. Raises ValueError for any other shape or range.
    """
    weighted = weighted_metrics(probabilities, labels)
    return {name: float(value[0]) for name, value in weighted(np.ones((1, len(labels)))).items()}


def metrics_with_intervals(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    names: Sequence[str] = METRIC_NAMES,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The metrics of `weighted_metrics`, each with its 95% percentile bootstrap interval over rows.

    The accuracy, a share of rows, has Wilson's interval: it does not shrink to a point where every row is right.
    """
    weighted = weighted_metrics(probabilities, labels, names)
    found = estimates(weighted, len(labels), resamples=resamples, seed=seed)
    if "accuracy" in found:
        found["accuracy"] = share(np.asarray(probabilities).argmax(axis=1) == np.asarray(labels))
    return found


def estimates(
    weighted: Callable[[np.ndarray], dict[str, np.ndarray]], n: int, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """Statistics of n rows as `eval.bootstrap.bootstrap` takes them, with their 95% percentile intervals."""
    values = weighted(np.ones((1, n)))
    samples = bootstrap(weighted, n, resamples=resamples, seed=seed)
    return {
        name: Estimate(None if np.isnan(value) else float(value), *percentile_interval(samples[name]), n)
        for name, (value,) in values.items()
    }


def weighted_metrics(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str] = METRIC_NAMES
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The function from row weights of shape (k, n) to {metric: values of shape (k,)}.

    `names` are some of REPORT_METRIC_NAMES, each as scikit-learn defines it: the Brier score is the mean squared
    difference between the probability of the positive class and the label (0 to 1), macro F1 is the mean over both
    classes whether or not they occur, and average precision is NaN where there is no positive row. Rows are sorted and
    scored once, here, so that thousands of weightings cost a matrix product and a cumulative sum.
    """
    probabilities, labels = checked(probabilities, labels)
    scores, predicted = probabilities[:, 1], probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    eps = np.finfo(np.float64).eps
    per_row = np.stack(
        [
            (predicted == 1) & (labels == 1),
            (predicted == 1) & (labels == 0),
            (predicted == 0) & (labels == 1),
            (predicted == 0) & (labels == 0),
            -np.log(np.clip(own, eps, 1 - eps)),
            (scores - labels) ** 2,
        ],
        axis=1,
    )
    ranked = {"auc": _weighted_auc, "average_precision": _weighted_average_precision}
    ranked = {name: ranked[name](scores, labels) for name in names if name in ranked}

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        tp, fp, fn, tn, loss, squares = (weights @ per_row).T
        n = tp + fp + fn + tn
        f1, f1_negative = _ratio(2 * tp, 2 * tp + fp + fn), _ratio(2 * tn, 2 * tn + fp + fn)
        values = {
            "accuracy": (tp + tn) / n,
            "f1": f1,
            "precision": _ratio(tp, tp + fp),
            "recall": _ratio(tp, tp + fn),
            "f1_negative": f1_negative,
            "precision_negative": _ratio(tn, tn + fn),
            "recall_negative": _ratio(tn, tn + fp),
            "f1_macro": (f1 + f1_negative) / 2,
            "mcc": _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
            "log_loss": loss / n,
            "brier": squares / n,
        }
        values |= {name: metric(weights) for name, metric in ranked.items()}
        return {name: values[name] for name in names}

    return metrics


def confusion_matrix(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts of shape (2, 2): given labels are the rows, the model's answers the columns."""
    probabilities, labels = checked(probabilities, labels)
    return np.bincount(2 * labels + probabilities.argmax(axis=1), minlength=4).reshape(2, 2)


def ranking(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of descending scores, shape (n,), and the place in it where each run of equal scores ends."""
    order = np.argsort(-scores, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)


def _weighted_auc(scores: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    positives = np.flatnonzero(labels == 1)
    negatives = np.flatnonzero(labels == 0)
    negatives = negatives[np.argsort(scores[negatives])]
    below = np.searchsorted(scores[negatives], scores[positives], side="left")
    not_above = np.searchsorted(scores[negatives], scores[positives], side="right")

    def auc(weights: np.ndarray) -> np.ndarray:
        # Mann-Whitney: the share of (positive, negative) pairs in the right order, ties counting one half.
        cumulative = np.zeros((len(weights), len(negatives) + 1))
        np.cumsum(weights[:, negatives], axis=1, out=cumulative[:, 1:])
        of_positives = weights[:, positives]
        won = np.einsum("kp,kp->k", of_positives, cumulative[:, below] + cumulative[:, not_above]) / 2
        return _ratio(won, of_positives.sum(axis=1) * cumulative[:, -1], undefined=np.nan)

    return auc


def _weighted_average_precision(scores: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    order, ends = ranking(scores)
    positive = labels[order]

    def average_precision(weights: np.ndarray) -> np.ndarray:
        # The sum over thresholds of precision times what recall gains there.
        weights = weights[:, order]
        found = np.cumsum(weights * positive, axis=1)[:, ends]
        precision = _ratio(found, np.cumsum(weights, axis=1)[:, ends])
        area = np.einsum("kt,kt->k", np.diff(found, axis=1, prepend=0), precision)
        return _ratio(area, found[:, -1], undefined=np.nan)

    return average_precision


def _ratio(numerator: np.ndarray, denominator: np.ndarray, *, undefined: float = 0.0) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full_like(denominator, undefined), where=denominator > 0)


def checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of float64 and int64; raises ValueError for any shape or range but those of this module."""
    probabilities, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or probabilities.shape[1] != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(f"expected shapes (n, 2) and (n,), got {probabilities.shape} and {labels.shape}")
    if len(labels) == 0:
        raise ValueError("there are no rows to score")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("probabilities must lie between 0 and 1")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    return probabilities, labels.astype(np.int64)
