"""What a number of seeds can tell: power, the minimum detectable effect and the seeds needed, for a paired t-test."""

from functools import cache
from math import ceil, isnan, sqrt

from scipy.optimize import brentq
from scipy.special import nctdtr, ndtri, stdtrit

POWER = 0.8
LEVEL = 0.05


def power(effect: float, spread: float, seeds: int, *, level: float = LEVEL) -> float:
    """The chance that a two-sided paired t-test over the seeds finds an effect.

    `spread` is the standard deviation of the paired differences, in the unit of the effect; both > 0, seeds >= 2.
    Exact for normal differences. Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, ch. 2.
    """
    return _power(abs(effect) / spread, seeds, level)


def detectable_effect(spread: float, seeds: int, *, level: float = LEVEL, power: float = POWER) -> float:
    """The minimum detectable effect: the smallest that `seeds` paired differences find with the given power."""
    return spread * _detectable_ratio(seeds, level, power)


def seeds_needed(effect: float, spread: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """The smallest number of seeds (2 or more) that finds an effect, which is not 0, with the given power."""
    if spread == 0:
        return 2
    ratio = abs(effect) / spread
    # The t-test needs a few seeds more than the normal approximation says, never fewer.
    seeds = ceil(((ndtri(power) - ndtri(level / 2)) / ratio) ** 2)
    if seeds > 1000:
        return seeds
    seeds = max(2, seeds)
    while _power(ratio, seeds, level) < power:
        seeds += 1
    return seeds


@cache
def _detectable_ratio(seeds: int, level: float, power: float) -> float:
    high = 1.0
    while _power(high, seeds, level) < power:
        high *= 2
    return brentq(lambda ratio: _power(ratio, seeds, level) - power, 0.0, high)


def _power(ratio: float, seeds: int, level: float) -> float:
    # By scipy.special: the distributions of scipy.stats cost a hundred times as much for single numbers.
    freedom, shift = seeds - 1, ratio * sqrt(seeds)
    critical = -stdtrit(freedom, level / 2)
    other_tail = nctdtr(freedom, shift, -critical)  # NaN where it is too small for a float
    return float(1 - nctdtr(freedom, shift, critical) + (0.0 if isnan(other_tail) else other_tail))
