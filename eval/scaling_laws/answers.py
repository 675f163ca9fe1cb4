"""What a law says of runs that were not made: the loss of one, and the best use of a budget."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from eval.metrics import Estimate
from eval.scaling_laws.laws import two_terms
from eval.scaling_laws.resampling import Uncertainty
from eval.scaling_laws.table import ScalingTable

FLAT = 0.005
"""How much above the best loss, relatively, still counts as the best."""
FARTHEST = np.log(1e6)
"""How far from the best N the range of equally good ones is looked for, as a factor."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best parameters and tokens for a compute C = factor * N * D.

    flat_low and flat_high bound the N whose loss lies within 0.5% of the best; None where that is a factor of 10^6
    away.
    """

    compute: float
    factor: float
    parameters: Estimate
    tokens: Estimate
    tokens_per_parameter: Estimate
    loss: Estimate
    flat_low: float | None
    flat_high: float | None


@dataclass(frozen=True, slots=True)
class Frontier:
    """The line along which a table's N and D grew with C: N = parameters_at C^growth, D = tokens_at C^tokens_growth."""

    parameters_at: float
    growth: float
    tokens_at: float
    tokens_growth: float

    def split(self, compute: float) -> tuple[float, float]:
        """Parameters and tokens that the table's own habit gives a compute."""
        return self.parameters_at * compute**self.growth, self.tokens_at * compute**self.tokens_growth


def best_split(A, B, alpha, beta, compute, factor: float = 6.0):
    """N and D that minimise A/N^alpha + B/D^beta where factor N D = compute; arrays are welcome.

    Hoffmann et al. 2022, equation 4: N = G (C / factor)^(beta / (alpha + beta)), G = (alpha A / (beta B))^(1 / (alpha
    + beta)).
    """
    with np.errstate(all="ignore"):
        share = beta / (alpha + beta)
        parameters = np.exp(np.log(alpha * A / (beta * B)) / (alpha + beta) + share * np.log(compute / factor))
        return parameters, compute / factor / parameters


def flat_range(loss: Callable[[float], float], best: float) -> tuple[float | None, float | None]:
    """The range of N around the best one whose loss is within FLAT of its; None for an end that is too far away."""
    worse = loss(best) * (1 + FLAT)
    ends = []
    for side in (-1, 1):
        far = best * np.exp(side * FARTHEST)
        beyond = loss(far) > worse
        found = beyond and brentq(lambda t, side=side: loss(best * np.exp(side * t)) - worse, 0, FARTHEST)
        ends.append(float(best * np.exp(side * found)) if beyond else None)
    return ends[0], ends[1]


def optimum(known: Uncertainty, compute: float, *, factor: float = 6.0) -> Optimum:
    """The compute-optimal run by a law of N and D, each figure with its 95% interval."""
    fit = known.fit

    def split(theta: np.ndarray):
        return best_split(*two_terms(fit.law, fit.constants_of(theta)), compute, factor)

    best = float(split(fit.theta)[0])
    low, high = flat_range(
        lambda parameters: float(fit.loss(np.log([[parameters], [compute / factor / parameters]]))[0]), best
    )
    return Optimum(
        compute,
        factor,
        known.interval(lambda theta: split(theta)[0]),
        known.interval(lambda theta: split(theta)[1]),
        known.interval(lambda theta: split(theta)[1] / split(theta)[0]),
        best_loss(known, compute, factor=factor),
        low,
        high,
    )


def best_loss(known: Uncertainty, compute: float, *, factor: float = 6.0) -> Estimate:
    """The loss at the compute-optimal run, wherever that is for the constants in question."""
    fit = known.fit

    def loss(theta: np.ndarray) -> np.ndarray:
        split = best_split(*two_terms(fit.law, fit.constants_of(theta)), compute, factor)
        with np.errstate(all="ignore"):
            points = np.log(np.stack(split, axis=-1))[..., None]
        return fit.loss(points, theta)[..., 0]

    return known.interval(loss)


def predict(known: Uncertainty, point: np.ndarray) -> Estimate:
    """The loss at the inputs of the law, shape (inputs,), with its 95% interval: of the law, not of a single run."""
    at = np.log(np.asarray(point, dtype=np.float64))[:, None]
    return known.interval(lambda theta: known.fit.loss(at, theta)[..., 0])


def extrapolation(table: ScalingTable, **point: float | None) -> dict[str, float]:
    """How many times beyond the largest run a point lies in each of its coordinates; below 1 is inside the table."""
    columns = {name: getattr(table, name) for name, value in point.items() if value is not None}
    return {name: float(point[name] / column.max()) for name, column in columns.items() if column is not None}


def frontier_of(table: ScalingTable, *, by_column: bool, factor: float = 6.0) -> Frontier:
    """The line of a table, by regressions of logarithms.

    by_column: what a run of N parameters costs is read off the compute column; else it is factor * N * D.
    """
    n, d, c = table.inputs(("parameters", "tokens", "compute"))
    if not by_column:
        c = np.log(factor) + n + d
    growth, at = np.polyfit(c, n, 1)
    tokens_growth, tokens_at = np.polyfit(c, d, 1)
    return Frontier(float(np.exp(at)), float(growth), float(np.exp(tokens_at)), float(tokens_growth))
