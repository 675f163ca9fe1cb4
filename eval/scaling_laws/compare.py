"""Laws compared by what they predict, not by how closely they follow the rows they saw."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import linregress
from scipy.stats import t as student

from eval.metrics import Estimate
from eval.scaling_laws.fitting import Fit, fit
from eval.scaling_laws.identify import rounding
from eval.scaling_laws.laws import Law
from eval.scaling_laws.likelihood import aicc
from eval.scaling_laws.table import ScalingTable
from eval.scaling_laws.threads import one_thread

HELD_OUT = 0.2
"""Share of the rows, the largest by compute, that a law is asked to predict from the others."""
MOST_OUTLIERS = 5
"""As many of the highest losses as Hoffmann et al. 2022 left out of 245."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How a law does: its fit, AICc (None: too few rows), and its relative error on the largest rows, fitted without.

    held_out is how many rows those were; error, a root mean square, is None where the others are too few to fit it.
    p: of Chow's test that the largest follow the same law, None where the others leave no degree of freedom.
    """

    fit: Fit
    aicc: float | None
    held_out: int
    error: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Regression:
    """log L = intercept + slope log x by ordinary least squares; the slope with its 95% t interval."""

    variable: str
    slope: Estimate
    intercept: float
    r_squared: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The constants of a law with all rows and without those of the highest losses."""

    left_out: int
    constants: dict[str, float]
    without: dict[str, float]


@one_thread
def compare(law: Law, table: ScalingTable) -> Compared:
    """Fit a law to all rows, and once more without the largest, which it then predicts."""
    whole = fit(law, table)
    largest = largest_rows(table)
    error = p = None
    if (~largest).sum() >= len(law.constants):
        smaller, held = table.rows(~largest), table.rows(largest)
        part = fit(law, smaller)
        off = np.log(part.loss(held.inputs(law.inputs)) / held.loss)
        error = float(np.sqrt((np.expm1(off) ** 2).mean()))
        p = chow(part, smaller, held, off, noise=rounding(table))
    return Compared(whole, aicc(whole.objective, len(table), whole.size), int(largest.sum()), error, p)


def chow(part: Fit, seen: ScalingTable, held: ScalingTable, off: np.ndarray, noise: float = 0.0) -> float | None:
    """The p value of Chow's predictive test: do rows that a fit has not seen follow the law that it found?

    off: log predicted less log observed of the rows held out, (m,). Their covariance is that of the rows' own scatter
    and of the constants by the delta method; off' V^-1 off / m is an F on m and n - p degrees of freedom. noise: a
    relative error that the losses surely have. None without a degree of freedom. Source: Chow, Econometrica 28, 1960.
    """
    freedom = part.rows - part.size
    if freedom < 1:
        return None
    inputs = (table.inputs(part.law.inputs) - part.centre[:, None] for table in (seen, held))
    ours, theirs = (part.law.with_jacobian(part.theta, x)[1] for x in inputs)
    shape = np.eye(len(off)) + theirs.T @ np.linalg.pinv(ours @ ours.T, rcond=1e-12) @ theirs
    variance = max(part.spread, noise) ** 2
    if not variance > 0:
        return None
    return float(f_distribution.sf(off @ np.linalg.solve(shape, off) / (len(off) * variance), len(off), freedom))


def largest_rows(table: ScalingTable) -> np.ndarray:
    """A mask of the largest rows by compute, those of equal compute with them; else by the column that is there."""
    size = next(c for c in (table.compute, table.parameters, table.tokens) if c is not None)
    count = max(1, round(HELD_OUT * len(table)))
    return size >= np.sort(size)[-count] * (1 - 1e-9)


def regression(table: ScalingTable, variable: str) -> Regression:
    """The log-log regression of the loss on one column."""
    found = linregress(np.log(getattr(table, variable)), np.log(table.loss))
    half = float(student.ppf(0.975, len(table) - 2) * found.stderr)
    slope = float(found.slope)
    return Regression(
        variable,
        Estimate(slope, slope - half, slope + half, len(table)),
        float(found.intercept),
        float(found.rvalue**2),
    )


def sensitivity(whole: Fit, table: ScalingTable) -> Sensitivity | None:
    """The law once more without the highest losses, a tenth of the rows; None where too few rows would be left."""
    count = min(MOST_OUTLIERS, -(-len(table) // 10))
    if len(table) - count <= whole.size:
        return None
    kept = np.argsort(table.loss, kind="stable")[:-count]
    return Sensitivity(count, whole.constants, fit(whole.law, table.rows(np.sort(kept))).constants)
