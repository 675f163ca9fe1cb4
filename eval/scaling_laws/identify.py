"""What a table can tell apart: whether N and D moved separately, what compute was, which constants the rows settle."""

from dataclasses import dataclass

import numpy as np

from eval.scaling_laws.fitting import Fit, minimise
from eval.scaling_laws.likelihood import allowed_deviance, deviance, huber, inflation
from eval.scaling_laws.table import ScalingTable

COLLINEAR = 30.0
"""Condition number from which columns count as one (Belsley, Kuh and Welsch 1980, section 3.3)."""
ALMOST = 1e3
"""Above it what sets the columns apart is the rounding of counts."""
SAME = 1.1
"""Ratio below which a factor counts as the same in every row."""
FIRST_STEP, GROWTH, LONGEST = 0.002, 1.5, 60
"""How a profile walks away from the best value: in units of the loss or of the exponent, each step longer."""


@dataclass(frozen=True, slots=True)
class Design:
    """How N and D vary over the rows.

    rank of the columns 1, log N, log D; condition number of the latter two, standardised; D = tokens_at * N^power is
    the line they move along, scatter how far rows lie off it (root mean square, relative).
    """

    rank: int
    condition: float
    correlation: float | None
    ratio_low: float
    ratio_high: float
    """Tokens a parameter."""
    power: float | None
    tokens_at: float | None
    scatter: float | None
    sizes: int
    token_counts: int

    @property
    def separate(self) -> bool:
        """Whether the rows can tell an effect of parameters from one of tokens at all."""
        return self.rank == 3 and self.condition < COLLINEAR


@dataclass(frozen=True, slots=True)
class ComputeCheck:
    """The compute column over 6 N D (Kaplan et al. 2020, section 2.1)."""

    factors: tuple[float, ...]
    low: float
    high: float

    @property
    def constant(self) -> bool:
        return self.high / self.low < SAME

    @property
    def is_6nd(self) -> bool:
        return self.low > 1 / SAME and self.high < SAME


@dataclass(frozen=True, slots=True)
class Profile:
    """How much worse a law fits with one constant held, the others fitted again.

    values and excess (deviance above the best, for normal noise) from low to high; low and high bound the 95% interval,
    None where the rows do not: the excess stays under what is allowed as far as the bound of the constant.
    """

    constant: str
    values: tuple[float, ...]
    excess: tuple[float, ...]
    allowed: float
    low: float | None
    high: float | None

    @property
    def settled(self) -> bool:
        return self.low is not None and self.high is not None


def design_of(table: ScalingTable) -> Design | None:
    """How N and D vary together; None where the table has not both."""
    if table.parameters is None or table.tokens is None:
        return None
    n, d = table.inputs(("parameters", "tokens"))
    ratios = table.tokens / table.parameters
    varies = [bool(np.ptp(column) > np.log(1.01)) for column in (n, d)]
    condition, correlation, power, at, scatter = np.inf, None, None, None, None
    rank = 1 + sum(varies)
    if all(varies):
        correlation = float(np.corrcoef(n, d)[0, 1])
        condition = float(np.sqrt((1 + abs(correlation)) / max(1 - abs(correlation), 1e-15)))
        rank = 3 if condition < ALMOST else 2
        slope, intercept = np.polyfit(n - n.mean(), d, 1)
        power, at = float(slope), float(np.exp(intercept - slope * n.mean()))
        scatter = float(np.sqrt(((d - intercept - slope * (n - n.mean())) ** 2).mean()))
    return Design(
        rank,
        condition,
        correlation,
        float(ratios.min()),
        float(ratios.max()),
        power,
        at,
        scatter,
        len(np.unique(table.parameters)),
        len(np.unique(table.tokens)),
    )


def compute_check(table: ScalingTable) -> ComputeCheck | None:
    """What the compute column is in units of 6 N D, row by row; None where a column is missing."""
    if table.compute is None or table.parameters is None or table.tokens is None:
        return None
    factors = table.compute / (6 * table.parameters * table.tokens)
    return ComputeCheck(tuple(factors.tolist()), float(factors.min()), float(factors.max()))


def rounding(table: ScalingTable) -> float:
    """The relative error (standard deviation) that the losses have from being rounded; 0 if they show many digits."""
    for digits in range(5):
        if np.allclose(table.loss, np.round(table.loss, digits), rtol=1e-9, atol=0):
            return float(10.0**-digits / np.sqrt(12) / np.exp(np.log(table.loss).mean()))
    return 0.0


def profile(fit: Fit, table: ScalingTable, constant: str, *, noise: float = 0.0) -> Profile | None:
    """The profile likelihood of a floor E or an exponent (Cox and Snell 1989, section 3.4).

    noise: a relative error that the losses surely have; residuals below it are luck, and do not count. None where the
    law has as many constants as the table rows, or the constant is not one that is fitted itself.
    """
    law = fit.law
    allowed = allowed_deviance(fit.rows, fit.size)
    fitted = law.name != "kaplan" and (constant in law.exponents or constant == "E")
    if allowed is None or not fitted:
        return None
    index = law.constants.index(constant)
    x, y = table.inputs(law.inputs) - fit.centre[:, None], np.log(table.loss / fit.scale)
    luck = (fit.rows - fit.size) * float(huber(np.array(noise)))
    best = deviance(max(fit.objective, luck), fit.rows)
    inflated = inflation(max(fit.spread, noise))
    points = {float(fit.theta[index]): 0.0}
    ends: dict[int, float | None] = {}
    for side in (-1, 1):
        ends[side] = None
        theta, step, last = fit.theta, FIRST_STEP, (float(fit.theta[index]), 0.0)
        bound = float(law.bounds[index][(side + 1) // 2])
        for _ in range(LONGEST):
            value = last[0] + side * step
            value, at_bound = (bound, True) if side * (value - bound) >= 0 else (value, False)
            held = law.bounds.copy()
            held[index] = value
            theta, objective = minimise(law, x, y, np.ones_like(y), theta, held)
            excess = max(deviance(max(objective, luck), fit.rows) - best, 0.0) / inflated
            points[value] = excess
            if excess > allowed and ends[side] is None:
                share = (allowed - last[1]) / (excess - last[1])
                ends[side] = last[0] + share * (value - last[0])
            # A little beyond, for the picture.
            if at_bound or excess > 2 * allowed:
                break
            last, step = (value, excess), step * GROWTH
    unit = fit.scale if constant == "E" else 1.0
    values = sorted(points)
    low, high = (None if ends[side] is None else unit * ends[side] for side in (-1, 1))
    if constant == "E" and low is None:
        # A floor of nothing is an answer, not a lack of one.
        low = 0.0
    return Profile(
        constant, tuple(unit * value for value in values), tuple(points[value] for value in values), allowed, low, high
    )
