"""Two models on the same rows: which is better, and whether these rows can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.special import bdtr, ndtri

from eval.bootstrap import bootstrap, percentile_interval
from eval.metrics import Estimate, classification_metrics, weighted_metrics
from eval.slices import SMALLEST_JUDGED, holm

COMPARED = ("accuracy", "f1", "auc", "log_loss")

SAME = 0.01
"""An interval of the difference within this much of zero on both sides says that the accuracies are the same."""


@dataclass(frozen=True, slots=True)
class Discordance:
    """The rows that only one of two models gets right, and McNemar's test on them."""

    n: int
    only_this: int
    only_other: int
    p: float

    @property
    def difference(self) -> float:
        """This model's accuracy minus the other's."""
        return (self.only_this - self.only_other) / self.n


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison of two accuracies comes to."""

    kind: str
    """"better", "worse", "same" (no difference larger than `bound`) or "not resolvable"."""
    bound: float
    """The larger end of the interval of the difference, without its sign (see difference_interval)."""
    rows_needed: int | None
    """For 80% power at the difference and discordance seen; None where the difference is 0."""
    detectable: float | None
    """The difference that n rows would tell with 80% power at the discordance seen; None where nothing differs."""


@dataclass(frozen=True, slots=True)
class MovedSlice:
    """The difference of the accuracies in one slice; p is McNemar's after Holm, None where the rows are too few."""

    name: str
    n: int
    this: float
    other: float
    p: float | None


@dataclass(frozen=True, slots=True)
class MovedProbe:
    """The failures of one behavioural test by either model; p is McNemar's after Holm."""

    capability: str
    test: str
    n: int
    this: int
    other: int
    p: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A row to which two models give different classes."""

    row: int
    text: str
    label: int
    this: float
    """Its probability of POSITIVE, raw."""
    other: float


def mcnemar(this: np.ndarray, other: np.ndarray) -> Discordance:
    """McNemar's exact test on which rows two models get right: (n,) of bool each.

    Always the exact binomial one: it costs nothing at any size, and the chi-squared test with continuity correction,
    common above 25 discordant rows, only approximates it (McNemar, Note on the sampling error of the difference between
    correlated proportions, 1947).
    """
    only_this, only_other = int((this & ~other).sum()), int((other & ~this).sum())
    return Discordance(len(this), only_this, only_other, float(exact_p(only_this, only_other)))


def exact_p(only_this: np.ndarray | int, only_other: np.ndarray | int) -> np.ndarray:
    """The two-sided p-value of McNemar's exact test, for counts of any one shape; 1 where no row is discordant."""
    fewer, discordant = np.minimum(only_this, only_other), np.add(only_this, only_other)
    return np.minimum(1.0, 2 * bdtr(fewer, discordant, 0.5))


def paired_differences(
    this: np.ndarray, other: np.ndarray, labels: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """This model's metrics minus the other's, with 95% percentile bootstrap intervals.

    `this` and `other` are probabilities (n, 2) of the same rows. Both are scored on the same resamples, so that what is
    hard for both cancels out.
    """
    of_this, of_other = weighted_metrics(this, labels), weighted_metrics(other, labels)

    def differences(weights: np.ndarray) -> dict[str, np.ndarray]:
        one, two = of_this(weights), of_other(weights)
        return {name: one[name] - two[name] for name in COMPARED}

    samples = bootstrap(differences, len(labels), resamples=resamples, seed=seed)
    seen_this, seen_other = classification_metrics(this, labels), classification_metrics(other, labels)
    estimates = {}
    for name in COMPARED:
        value = seen_this[name] - seen_other[name]
        estimates[name] = Estimate(
            None if np.isnan(value) else float(value), *percentile_interval(samples[name]), len(labels)
        )
    return estimates


def difference_interval(discordance: Discordance) -> tuple[float, float]:
    """The 95% interval of the difference in accuracy: Wald's, with half a row more in each cell of the table.

    Unlike the bootstrap's it does not shrink to nothing where hardly a row is discordant. Source: Agresti and Min,
    Simple improved confidence intervals for comparing matched proportions, Statistics in Medicine 24, 2005.
    """
    n = discordance.n + 2
    difference = (discordance.only_this - discordance.only_other) / n
    spread = sqrt((discordance.only_this + discordance.only_other + 1) / n - difference**2)
    reach = -ndtri(0.025) * spread / sqrt(n)
    return difference - reach, difference + reach


def judge_accuracies(discordance: Discordance) -> Verdict:
    """Better or worse by McNemar's test at 5%; else the same, where the interval of the difference lies within SAME."""
    bound = max(map(abs, difference_interval(discordance)))
    if discordance.p < 0.05:
        kind = "better" if discordance.difference > 0 else "worse"
    else:
        kind = "same" if bound <= SAME else "not resolvable"
    share = (discordance.only_this + discordance.only_other) / discordance.n
    return Verdict(
        kind,
        bound,
        rows_needed(discordance.difference, share) if discordance.difference else None,
        detectable_difference(discordance.n, share) if share else None,
    )


def rows_needed(difference: float, discordant: float, *, level: float = 0.05, power: float = 0.8) -> int:
    """How many rows McNemar's test needs to tell a difference in accuracy with the given power.

    `discordant` is the share of rows that one model alone gets right; 0 < |difference| <= discordant. Source: Connor,
    Sample size for testing differences in proportions for the paired-sample design, Biometrics 43, 1987, page 209.
    It is for the asymptotic test: the exact one has 77% to 79% power at that many rows.
    """
    z_level, z_power = -ndtri(level / 2), ndtri(power)
    # At |difference| = discordant = 1 the root is 0 but for rounding.
    spread = sqrt(max(0.0, discordant - difference**2))
    return ceil(((z_level * sqrt(discordant) + z_power * spread) / difference) ** 2)


def detectable_difference(n: int, discordant: float, *, level: float = 0.05, power: float = 0.8) -> float | None:
    """The difference in accuracy that n rows tell with the given power: Connor's equation solved for the difference.

    None where even models that differ in one direction only (|difference| = discordant) would not be told apart.
    """
    z_level, z_power = -ndtri(level / 2), ndtri(power)
    # (n + z_power^2) d^2 - 2 z_level sqrt(n discordant) d + (z_level^2 - z_power^2) discordant = 0
    a, half_b, c = n + z_power**2, z_level * sqrt(n * discordant), (z_level**2 - z_power**2) * discordant
    under_root = half_b**2 - a * c
    if under_root < 0:  # fewer than four rows
        return None
    difference = (half_b + sqrt(under_root)) / a
    return difference if difference <= discordant else None


def moved_slices(masks: dict[str, np.ndarray], this: np.ndarray, other: np.ndarray) -> list[MovedSlice]:
    """McNemar's test in each slice, corrected over the slices with enough rows (Holm); the surest first.

    `masks` are (n,) of bool, as are `this` and `other`: which rows each model gets right.
    """
    corrected = holm(
        {name: mcnemar(this[mask], other[mask]).p for name, mask in masks.items() if mask.sum() >= SMALLEST_JUDGED}
    )
    slices = [
        MovedSlice(name, int(mask.sum()), float(this[mask].mean()), float(other[mask].mean()), corrected.get(name))
        for name, mask in masks.items()
    ]
    return sorted(slices, key=lambda row: (row.p is None, row.p, -abs(row.this - row.other)))


def moved_probes(counts: dict[tuple[str, str], np.ndarray]) -> list[MovedProbe]:
    """McNemar's test in each behavioural test, corrected over the tests (Holm); the surest first.

    `counts` is {(capability, test): cases, (2, 2)}: the row tells whether this model fails, the column the other.
    """
    tables = np.array(list(counts.values())).reshape(-1, 2, 2)
    corrected = holm(dict(zip(counts, exact_p(tables[:, 1, 0], tables[:, 0, 1]).tolist(), strict=True)))
    probes = [
        MovedProbe(*key, int(table.sum()), int(table[1].sum()), int(table[:, 1].sum()), corrected[key])
        for key, table in counts.items()
    ]
    return sorted(probes, key=lambda probe: (probe.p, -abs(probe.this - probe.other)))


def disagreements(
    texts: Sequence[str], this: np.ndarray, other: np.ndarray, labels: np.ndarray, limit: int = 10
) -> list[Disagreement]:
    """The `limit` rows of different classes whose probabilities, (n, 2) each, lie farthest apart."""
    rows = np.flatnonzero(this.argmax(axis=1) != other.argmax(axis=1))
    farthest = rows[np.argsort(-np.abs(this[rows, 1] - other[rows, 1]), kind="stable")][:limit]
    return [
        Disagreement(int(row), texts[row], int(labels[row]), float(this[row, 1]), float(other[row, 1]))
        for row in farthest
    ]
