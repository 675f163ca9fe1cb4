"""All laws of N and D that fit a table: what the data allow where they cannot tell N from D."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution

from eval.scaling_laws.table import ScalingTable

EXPONENTS = np.geomspace(0.05, 1.2, 24)
SHARES = np.linspace(0.02, 0.98, 17)
"""Of the term in N, of what lies above the floor in the middle of the table."""


@dataclass(frozen=True, slots=True)
class ConsistentLaws:
    """Constants of L = E + A/N^alpha + B/D^beta, each of shape (k,): every law of a grid that fits the table.

    within is the typical relative error (root mean square) that was allowed.
    """

    E: np.ndarray
    A: np.ndarray
    B: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    within: float

    def loss(self, parameters: float, tokens: float) -> np.ndarray:
        """What each law says of one run, of shape (k,)."""
        return self.E + self.A * parameters**-self.alpha + self.B * tokens**-self.beta


def consistent_laws(table: ScalingTable, *, spread: float, freedom: int) -> ConsistentLaws:
    """Laws on a grid of exponents and shares whose floor and size are fitted and whose residuals are small enough.

    Small enough is what the F test allows at 95% beside a fit with typical error `spread` and `freedom` degrees of
    freedom. Residuals that large cannot be told from the table's own noise.
    """
    x, y = table.inputs(("parameters", "tokens")), np.log(table.loss)
    centre = x.mean(1, keepdims=True)
    alpha, beta, share = (grid.ravel() for grid in np.meshgrid(EXPONENTS, EXPONENTS, SHARES, indexing="ij"))
    shape = share[:, None] * np.exp(-alpha[:, None] * (x - centre)[0])
    shape += (1 - share)[:, None] * np.exp(-beta[:, None] * (x - centre)[1])
    floor, size = _fit_linear(shape, y)
    residuals = np.log(floor[:, None] + size[:, None] * shape) - y
    freedom = max(freedom, 1)
    within = spread * np.sqrt((freedom + f_distribution.ppf(0.95, 1, freedom)) / len(y))
    kept = (np.sqrt((residuals**2).mean(1)) <= within) & (size > 0)
    alpha, beta, share, floor, size = (values[kept] for values in (alpha, beta, share, floor, size))
    return ConsistentLaws(
        floor,
        size * share * np.exp(alpha * centre[0, 0]),
        size * (1 - share) * np.exp(beta * centre[1, 0]),
        alpha,
        beta,
        float(within),
    )


def _fit_linear(shape: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floor and size, neither below zero, of E + K shape, by least squares of the relative error; shape is (k, n)."""
    one, power = 1 / np.exp(y) * np.ones_like(shape), shape / np.exp(y)
    a, b, c = (one * one).sum(1), (one * power).sum(1), (power * power).sum(1)
    p, q = one.sum(1), power.sum(1)
    determinant = np.maximum(a * c - b * b, 1e-300)
    floor, size = (c * p - b * q) / determinant, (a * q - b * p) / determinant
    alone = floor < 0
    return np.where(alone, 0.0, floor), np.where(alone, q / c, size)
