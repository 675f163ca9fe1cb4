"""Fits a law to a table: Huber loss of log losses, L-BFGS, many starts (Hoffmann et al. 2022, section 3.3)."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from cli.errors import UserError
from eval.scaling_laws.laws import Law
from eval.scaling_laws.likelihood import DELTA, huber
from eval.scaling_laws.table import ScalingTable

STARTS = 12
"""Starts that are followed, the best of the law's grid."""
TOLERANCE = {"ftol": 1e-13, "gtol": 1e-9, "maxiter": 3000, "maxfun": 6000, "maxcor": 20, "maxls": 40}
"""Tighter than scipy's own: Hoffmann's fit stopped early (Besiroglu et al. 2024, section 4)."""
ON_BOUND = 1e-6
"""How near to a bound, in parts of its range, a constant stands on it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A law fitted to a table.

    theta are the law's centred constants, centre and scale what they are centred and scaled by (see laws.py);
    objective is the sum of Huber losses; residuals are log observed less log fitted, of shape (n,).
    """

    law: Law
    theta: np.ndarray
    centre: np.ndarray
    scale: float
    objective: float
    residuals: np.ndarray
    starts: int
    agreeing: int
    """Starts that ended in this minimum."""

    @property
    def rows(self) -> int:
        return len(self.residuals)

    @property
    def size(self) -> int:
        """How many constants were fitted."""
        return len(self.theta)

    @property
    def constants(self) -> dict[str, float]:
        """The constants as the formula has them: N and D as counts, C in FLOP, the loss in the table's unit."""
        return {name: float(value) for name, value in self.constants_of(self.theta).items()}

    def constants_of(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The same for other theta of shape (..., p), such as those of resamples."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.law.natural(theta, self.centre, self.scale)

    def loss(self, points: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
        """The loss at natural logarithms of the law's inputs, points of shape (inputs, n); theta of shape (..., p)."""
        theta = self.theta if theta is None else theta
        return self.scale * np.exp(self.law.log_loss(theta, points - self.centre[:, None]))

    @property
    def spread(self) -> float:
        """The typical relative error of a row: the root mean square with the degrees of freedom that are left."""
        return float(np.sqrt((self.residuals**2).sum() / max(self.rows - self.size, 1)))

    @property
    def on_bounds(self) -> tuple[str, ...]:
        """The constants that stand on a bound."""
        low, high = self.law.bounds.T
        near = (self.theta - low < ON_BOUND * (high - low)) | (high - self.theta < ON_BOUND * (high - low))
        return tuple(name for name, stands in zip(self.law.constants, near, strict=True) if stands)


def fit(law: Law, table: ScalingTable) -> Fit:
    """Fit a law to the rows of a table that has its inputs.

    Raises UserError where the law has more constants than the table rows.
    """
    x, y = table.inputs(law.inputs), np.log(table.loss)
    if len(y) < len(law.constants):
        raise UserError(f"{law.formula} has {len(law.constants)} constants and the table {len(y)} rows: add runs")
    centre, scale = x.mean(1), float(np.exp(np.median(y)))
    x, y = x - centre[:, None], y - np.log(scale)
    starts = law.starts(x, y)
    objectives = huber(law.log_loss(starts, x) - y).sum(1)
    chosen = starts[np.argsort(objectives)[:STARTS]]
    ends = [minimise(law, x, y, np.ones_like(y), start) for start in chosen]
    theta, objective = min(ends, key=lambda end: end[1])
    agreeing = sum(other <= objective * (1 + 1e-4) + 1e-12 for _, other in ends)
    residuals = y - law.log_loss(theta, x)
    return Fit(law, theta, centre, scale, objective, residuals, len(ends), agreeing)


def minimise(
    law: Law, x: np.ndarray, y: np.ndarray, weights: np.ndarray, start: np.ndarray, bounds: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Follow one start down to a minimum of the weighted Huber loss; returns theta and the objective there.

    x and y are centred logarithms; equal bounds hold a constant where it is.
    """
    bounds = law.bounds if bounds is None else bounds
    # Exponents in units of the data's spread, so that all steps are of one size.
    unit = _units(law, x)

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        fitted, jacobian = law.with_jacobian(z * unit, x)
        residuals = fitted - y
        inner = np.clip(residuals, -DELTA, DELTA)
        # Divided by DELTA: sizes near 1, where L-BFGS's tolerances mean something.
        value = weights @ (np.abs(inner) * (np.abs(residuals) - np.abs(inner) / 2)) / DELTA
        return value, (jacobian @ (weights * inner)) * unit / DELTA

    found = minimize(
        objective,
        np.clip(start, *bounds.T) / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds / unit[:, None],
        options=TOLERANCE,
    )
    return np.clip(found.x * unit, *bounds.T), float(found.fun) * DELTA


def _units(law: Law, x: np.ndarray) -> np.ndarray:
    spread = np.maximum(x.std(1), 0.1)
    units = np.ones(len(law.constants))
    if law.name == "kaplan":
        units[2:] = 1 / spread[0], 0.1
    else:
        units[-len(law.exponents) :] = 1 / (spread if len(law.exponents) == len(spread) else spread.max())
    return units
