"""The Huber loss of log losses, and the likelihood it stands for."""

from math import erf, exp, log, pi, sqrt

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import f as f_distribution

DELTA = 1e-3
"""Where the Huber loss of log losses turns from a parabola to a line (Hoffmann et al. 2022, section 3.3)."""
EXACT = 1e-9
"""Smallest mean Huber loss of a row over DELTA squared that counts: below, the table was computed, not measured."""


def huber(residuals: np.ndarray) -> np.ndarray:
    """Half the square within DELTA, DELTA (|r| - DELTA / 2) outside (Huber 1964)."""
    size = np.abs(residuals)
    inner = np.minimum(size, DELTA)
    return inner * (size - inner / 2)


def deviance(objective: float, rows: int) -> float:
    """-2 log likelihood of rows whose Huber losses sum to `objective`, at the scale that is likeliest.

    The density is exp(-huber(r) / s) / Z(s): normal where the residuals are small against DELTA, Laplace's where they
    are large. It makes Huber fits comparable by AICc and by profile likelihood.
    """
    mean = max(objective / rows, EXACT * DELTA**2)
    scale = _likeliest_scale(mean)
    return 2 * rows * (mean / scale + log(_normaliser(scale)))


def inflation(spread: float) -> float:
    """How much larger differences in deviance are than chi-square where the noise is normal, with this deviation.

    1 where DELTA is wide against it, pi / 2 where the Huber loss is nearly the absolute value: the ratio of the score's
    variance to the curvature (Huber 1967; White 1982).
    """
    ratio = DELTA / max(spread, DELTA * 1e-6)
    within, density = erf(ratio / sqrt(2)), exp(-(ratio**2) / 2) / sqrt(2 * pi)
    # In units of the spread, over a normal density: the squared slope, the loss and the curvature of the Huber loss.
    inside = within - 2 * ratio * density
    squared_slope = inside + ratio**2 * (1 - within)
    loss = inside / 2 + ratio * (2 * density - ratio / 2 * (1 - within))
    scale = _likeliest_scale(loss * spread**2) / spread**2
    return squared_slope / (scale * within)


def aicc(objective: float, rows: int, constants: int) -> float | None:
    """Akaike's criterion for few rows, lower is better; None where rows are too few for it (Hurvich and Tsai 1989)."""
    k = constants + 1  # the scale is fitted too
    if rows - k - 1 <= 0:
        return None
    return deviance(objective, rows) + 2 * k + 2 * k * (k + 1) / (rows - k - 1)


def allowed_deviance(rows: int, constants: int, *, level: float = 0.95) -> float | None:
    """How much more deviance than the best a value of one constant may have; None without a degree of freedom.

    Exact for a linear model with normal errors, where it is the F test.
    """
    freedom = rows - constants
    if freedom < 1:
        return None
    return rows * log(1 + float(f_distribution.ppf(level, 1, freedom)) / freedom)


def _likeliest_scale(mean: float) -> float:
    """The scale of the density for a mean Huber loss: twice the mean if it is normal, the mean if it is Laplace's."""

    def minus_log(log_scale: float) -> float:
        return mean / exp(log_scale) + log(_normaliser(exp(log_scale)))

    bounds = log(mean) - 2, log(mean) + 2
    return exp(minimize_scalar(minus_log, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x)


def _normaliser(scale: float) -> float:
    inner = sqrt(2 * pi * scale) * erf(DELTA / sqrt(2 * scale))
    return inner + 2 * scale / DELTA * exp(-(DELTA**2) / (2 * scale))
