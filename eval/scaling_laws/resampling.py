"""Intervals of constants and predictions: rows resampled, or Student's t where there are too few of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from eval.bootstrap import percentile_interval, resampled_weights
from eval.metrics import Estimate
from eval.scaling_laws.fitting import Fit, minimise
from eval.scaling_laws.table import ScalingTable
from eval.scaling_laws.threads import one_thread

RESAMPLES = 400
ROWS_A_CONSTANT = 3
"""Rows for each constant below which resampled rows say too little, and Student's t is used."""

Quantity = Callable[[np.ndarray], np.ndarray]
"""A function from theta (..., p) to a figure (...)."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What else the constants of a fit could be.

    resampled: theta of each resample, of shape (k, p), NaN where too few different rows were drawn. covariance: of
    theta by the delta method, None without a degree of freedom.
    """

    fit: Fit
    resampled: np.ndarray
    covariance: np.ndarray | None

    @property
    def few_rows(self) -> bool:
        """Whether rows are too few to be resampled."""
        return self.fit.rows < ROWS_A_CONSTANT * self.fit.size

    def interval(self, quantity: Quantity) -> Estimate:
        """A figure that hangs on the constants, positive, with its 95% interval: the more believable of the two."""
        low, high = self.by_student(quantity) if self.few_rows else self.by_resampling(quantity)
        return Estimate(float(quantity(self.fit.theta)), low, high, self.fit.rows)

    def by_resampling(self, quantity: Quantity) -> tuple[float, float] | tuple[None, None]:
        """The percentile interval of the resamples."""
        with np.errstate(all="ignore"):
            drawn = np.asarray(quantity(self.resampled), dtype=np.float64)
        return percentile_interval(np.where(np.isfinite(drawn), drawn, np.nan))

    def by_student(self, quantity: Quantity) -> tuple[float, float] | tuple[None, None]:
        """Student's t on n - p degrees of freedom, of the logarithm of the figure by the delta method."""
        fit = self.fit
        value = float(quantity(fit.theta))
        if self.covariance is None or not value > 0:
            return None, None
        steps = 1e-5 * np.maximum(np.abs(fit.theta), 1e-3)
        moved = fit.theta + np.diag(steps), fit.theta - np.diag(steps)
        with np.errstate(all="ignore"):
            gradient = (np.log(quantity(moved[0])) - np.log(quantity(moved[1]))) / (2 * steps)
        variance = gradient @ self.covariance @ gradient
        if not np.isfinite(variance):
            return None, None
        half = student.ppf(0.975, fit.rows - fit.size) * np.sqrt(max(variance, 0.0))
        with np.errstate(over="ignore"):
            return float(value * np.exp(-half)), float(value * np.exp(half))


@one_thread
def resample(
    fit: Fit, table: ScalingTable, *, resamples: int = RESAMPLES, seed: int = 0, noise: float = 0.0
) -> Uncertainty:
    """Fit resamples of the rows, drawn with replacement, each from the constants of the fit.

    noise: a relative error that the losses surely have, such as from being rounded.
    """
    law = fit.law
    x, y = table.inputs(law.inputs) - fit.centre[:, None], np.log(table.loss / fit.scale)
    thetas = np.full((resamples, fit.size), np.nan)
    for weights, theta in zip(_draws(len(y), resamples, seed), thetas, strict=True):
        drawn = weights > 0
        if drawn.sum() >= fit.size:
            theta[:], _ = minimise(law, x[:, drawn], y[drawn], weights[drawn], _inside(law, fit.theta))
    return Uncertainty(fit, thetas, _covariance(fit, x, noise))


def _draws(rows: int, resamples: int, seed: int):
    for some in resampled_weights(rows, resamples=resamples, seed=seed):
        yield from some


def _inside(law, theta: np.ndarray) -> np.ndarray:
    """theta moved off its bounds, from where it could not come back if its term is zero."""
    low, high = law.bounds.T
    return np.clip(theta, low + 1e-3, high - 1e-3)


def _covariance(fit: Fit, x: np.ndarray, noise: float) -> np.ndarray | None:
    if fit.rows <= fit.size:
        return None
    _, jacobian = fit.law.with_jacobian(fit.theta, x)
    return max(fit.spread, noise) ** 2 * np.linalg.pinv(jacobian @ jacobian.T, rcond=1e-12)
