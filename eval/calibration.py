"""Whether a model's confidence is the share of answers that are right, and what can be done where it is not.

Confidence is the probability of the class that is answered, 0.5 to 1; at exactly one half that is class 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from eval.bootstrap import bootstrap, percentile_interval
from eval.curves import Curve
from eval.metrics import Estimate, checked, mean_with_interval, ranking, share

BINS = 15
ROWS_A_BIN = 10
COVERAGES = 200
TEMPERATURES = (0.05, 20.0)
ACCEPTED_ERROR = 0.05
FEWEST_ACCEPTED = 20


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows of like confidence."""

    confidence: float
    """Their mean."""
    accuracy: Estimate
    """The share of them that is right, with its Wilson interval."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """What a model's logits are divided by; 1 where there was nothing to fit it to."""

    value: float
    fitted: bool

    @property
    def at_bound(self) -> bool:
        """Whether an end of the range that is searched fits best: a better one may lie beyond."""
        low, high = TEMPERATURES
        return not 1.001 * low < self.value < high / 1.001


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The error of the most confident rows as more and more of them are answered."""

    curve: Curve
    """Error against coverage, both shares."""
    area: Estimate
    """AURC: the mean error over all coverages."""


@dataclass(frozen=True, slots=True)
class Abstention:
    """What happens where only rows of some confidence are answered; Wilson intervals."""

    coverage: Estimate
    """The share of rows that is answered."""
    error: Estimate
    """The share of those that is wrong."""


def confidence_and_correct(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of each row, shape (n,), and whether its answer is right."""
    probabilities, labels = checked(probabilities, labels)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def equal_mass_bins(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The bin of each value, shape (n,): `bins` of equal size, fewer where a bin would hold under 10 rows.

    Equal values share a bin, so that the order of the rows never matters; no bin is empty.
    """
    bins = max(1, min(bins, len(values) // ROWS_A_BIN))
    edges = np.quantile(values, np.arange(1, bins) / bins)
    return np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """The root mean square difference between confidence and accuracy over bins of equal mass, debiased.

    Each bin's squared difference loses its sampling variance, since that would count as miscalibration; a sum below
    zero is 0. Source: Kumar, Liang and Ma, Verified uncertainty calibration, 2019, section 5.

    The interval is a 95% percentile bootstrap interval over rows whose bins' differences were first shrunk, all by one
    factor, until the error they carry is the debiased one. Resampled as they are, they would bring the data's noise and
    their own: that interval lies too high and near zero misses the truth in one set of five.
    """
    confidence, correct = confidence_and_correct(probabilities, labels)
    residuals, assigned, n = correct - confidence, equal_mass_bins(confidence, bins), len(correct)
    (squared,), (noise,) = _weighted_squared_error(residuals, assigned)(np.ones((1, n))).values()
    debiased = max(squared - noise, 0.0)

    differences = np.bincount(assigned, residuals) / np.bincount(assigned)
    shrinkage = np.sqrt(debiased / squared) if squared > 0 else 1.0
    shrunk = residuals - (1 - shrinkage) * differences[assigned]
    samples = bootstrap(_weighted_squared_error(shrunk, assigned), n, resamples=resamples, seed=seed)
    low, high = percentile_interval(samples["squared"] - samples["noise"])
    return Estimate(*(float(np.sqrt(max(figure, 0.0))) for figure in (debiased, low, high)), n)


def plug_in_calibration_error(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS) -> float:
    """The mean absolute difference over bins of equal mass, as papers quote it: above zero for every finite sample.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, 2015.
    """
    confidence, correct = confidence_and_correct(probabilities, labels)
    assigned = equal_mass_bins(confidence, bins)
    return float(np.abs(np.bincount(assigned, correct - confidence)).sum() / len(correct))


def overconfidence(probabilities: np.ndarray, labels: np.ndarray) -> Estimate:
    """Mean confidence minus accuracy, with its t interval: above zero too sure of itself, below not sure enough."""
    confidence, correct = confidence_and_correct(probabilities, labels)
    return mean_with_interval(confidence - correct)


def reliability(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS) -> list[ReliabilityBin]:
    """Confidence and accuracy in bins of equal mass, from the least to the most confident."""
    confidence, correct = confidence_and_correct(probabilities, labels)
    assigned = equal_mass_bins(confidence, bins)
    return [
        ReliabilityBin(float(confidence[assigned == number].mean()), share(correct[assigned == number]))
        for number in range(assigned.max() + 1)
    ]


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> Temperature:
    """The temperature between 0.05 and 20 whose scaled logits have the lowest log loss.

    It is 1 and not fitted where every row is right, so that any lower temperature looks better, or where the model says
    one half to every row. Source: Guo et al., On calibration of modern neural networks, 2017, section 4.2.
    """
    probabilities, labels = checked(probabilities, labels)
    margins = _margins(probabilities)
    own = np.where(labels == 1, margins, -margins)
    if (own >= 0).all():
        return Temperature(1.0, False)

    def log_loss(log_temperature: float) -> float:
        return np.logaddexp(0, -own / np.exp(log_temperature)).mean()

    # Convex in 1 / T, so with one minimum in log T too.
    found = minimize_scalar(log_loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return Temperature(float(np.exp(found.x)), True)


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """The calibrated probabilities, shape (n, 2); the class that is answered stays the same."""
    positive = expit(_margins(np.asarray(probabilities, dtype=np.float64)) / temperature)
    return np.stack([1 - positive, positive], axis=1)


def risk_coverage(
    probabilities: np.ndarray, labels: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> RiskCoverage:
    """The risk-coverage curve with its pointwise 95% band, and the area under it (AURC) with its interval.

    Rows are answered from the most confident down; rows of equal confidence come in random order, on average. Source:
    Geifman, Uziel and El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers, 2019, equation 2.
    """
    confidence, correct = confidence_and_correct(probabilities, labels)
    n = len(correct)
    order, ends = ranking(confidence)
    wrong = ~correct[order]
    answered = np.arange(1, n + 1)
    kept = np.unique(np.ceil(np.linspace(0, 1, COVERAGES + 1)[1:] * n).astype(int)) - 1

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = weights[:, order]
        rows, errors = np.cumsum(weights, axis=1)[:, ends], np.cumsum(weights * wrong, axis=1)[:, ends]
        curves, areas = np.empty((len(weights), len(kept))), np.empty(len(weights))
        for number in range(len(weights)):
            expected = np.interp(answered, np.append(0, rows[number]), np.append(0, errors[number]))
            risk = expected / answered
            curves[number], areas[number] = risk[kept], risk.mean()
        return {"curve": curves, "area": areas}

    values, samples = weighted(np.ones((1, n))), bootstrap(weighted, n, resamples=resamples, seed=seed)
    low, high = zip(*map(percentile_interval, samples["curve"].T), strict=True)
    curve = Curve((answered[kept] / n).tolist(), values["curve"][0].tolist(), list(low), list(high))
    return RiskCoverage(curve, Estimate(float(values["area"][0]), *percentile_interval(samples["area"]), n))


def abstention_threshold(
    probabilities: np.ndarray, labels: np.ndarray, *, error: float = ACCEPTED_ERROR
) -> float | None:
    """The lowest confidence at which the rows that are as confident have an error below `error`.

    Half-way to the next row below it, one half where every row may be answered, and None where there is no such
    confidence. At least 20 rows must be left: of fewer, a single one is an error of more than 5%.
    """
    confidence, correct = confidence_and_correct(probabilities, labels)
    order, ends = ranking(confidence)
    risk = np.cumsum(~correct[order])[ends] / (ends + 1)
    good = np.flatnonzero((risk < error) & (ends + 1 >= FEWEST_ACCEPTED))
    if len(good) == 0:
        return None
    levels = np.append(confidence[order][ends], 0.5)
    last = good[-1]
    return 0.5 if last == len(ends) - 1 else float((levels[last] + levels[last + 1]) / 2)


def abstain(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> Abstention:
    """Answer only the rows whose confidence is at least the threshold."""
    confidence, correct = confidence_and_correct(probabilities, labels)
    answered = confidence >= threshold
    return Abstention(coverage=share(answered), error=share(~correct[answered]))


def _weighted_squared_error(residuals: np.ndarray, assigned: np.ndarray) -> Callable[[np.ndarray], dict]:
    """From row weights (k, n) to the plug-in squared error over the bins and the part of it that is sampling noise."""
    members = np.eye(assigned.max() + 1)[assigned]
    sums = np.concatenate([members, members * residuals[:, None], members * residuals[:, None] ** 2], axis=1)

    def squared_error(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows, total, squares = np.split(weights @ sums, 3, axis=1)
        mean = total / np.maximum(rows, 1)
        variance_of_mean = (squares / np.maximum(rows, 1) - mean**2) / np.maximum(rows - 1, 1)
        shares = rows / rows.sum(axis=1, keepdims=True)
        return {"squared": (shares * mean**2).sum(axis=1), "noise": (shares * variance_of_mean).sum(axis=1)}

    return squared_error


def _margins(probabilities: np.ndarray) -> np.ndarray:
    """The logit of the positive class; probabilities are clipped as in log loss."""
    negative, positive = np.log(np.maximum(probabilities, np.finfo(np.float64).eps)).T
    return positive - negative
