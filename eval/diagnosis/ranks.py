"""Theil and Sen's line and Kendall's test, for the few hundred points that a curve is thinned to.

As scipy.stats has them; importing that takes longer than reading and judging a usual log.
"""

import math

import numpy as np

NORMAL = 1.959963984540054
"""The normal distribution's 97.5% quantile."""
EXACT = 33
"""Points up to which Kendall's test is exact, without ties."""


def theil_sen(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """The median slope over all pairs of points, and its 95% interval; NaN where all x are the same.

    Source: Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968, equation 2.6.
    """
    apart = x[:, None] - x
    pairs = apart > 0
    slopes = np.sort((y[:, None] - y)[pairs] / apart[pairs])
    if not len(slopes):
        return math.nan, math.nan, math.nan
    count = len(x)
    variance = (count * (count - 1) * (2 * count + 5) - _tied(x)[2] - _tied(y)[2]) / 18
    half = NORMAL * math.sqrt(variance)
    low = max(round((len(slopes) - half) / 2) - 1, 0)
    high = min(round((len(slopes) + half) / 2), len(slopes) - 1)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


def kendall_p(x: np.ndarray, y: np.ndarray, *, rising: bool = False) -> float:
    """The p of Kendall's test that y neither rises nor falls with x, or with `rising` that it does not rise.

    Exact for few points without ties and for an order that is all but perfect, else by the normal distribution; 1 where
    all x or all y are the same. Source: Kendall, Rank correlation methods, 4th edition, 1970.
    """
    count, pairs = len(x), len(x) * (len(x) - 1) // 2
    ranks = [np.unique(values, return_inverse=True)[1] for values in (x, y)]
    signs = [np.sign(rank[:, None] - rank) for rank in ranks]
    score = int((signs[0] * signs[1]).sum()) // 2
    (tied_x, triples_x, weight_x), (tied_y, triples_y, weight_y) = _tied(x), _tied(y)
    if pairs in (tied_x, tied_y):
        return 1.0
    against = (pairs - score) // 2
    if not tied_x and not tied_y and (count <= EXACT or min(against, pairs - against) <= 1):
        if rising:
            few = against <= pairs - against
            return _at_most(against, count) if few else 1 - _at_most(pairs - against - 1, count)
        return min(1.0, 2 * _at_most(min(against, pairs - against), count))
    variance = (2 * pairs * (2 * count + 5) - weight_x - weight_y) / 18
    variance += tied_x * tied_y / pairs + triples_x * triples_y / (18 * pairs * (count - 2))
    z = score / math.sqrt(2 * variance)
    return math.erfc(z) / 2 if rising else math.erfc(abs(z))


def _at_most(inversions: int, count: int) -> float:
    """The chance that `count` points in random order have at most so many pairs in the wrong order."""
    if inversions < 0:
        return 0.0
    chances = np.ones(1)
    for size in range(2, count + 1):
        chances = np.convolve(chances, np.full(size, 1 / size))[: inversions + 1]
    return float(chances.sum())


def _tied(values: np.ndarray) -> tuple[int, int, int]:
    """Pairs that are tied, and the sums of t(t-1)(t-2) and t(t-1)(2t+5) over groups of t."""
    tied = [int(t) for t in np.unique(values, return_counts=True)[1] if t > 1]
    return (
        sum(t * (t - 1) // 2 for t in tied),
        sum(t * (t - 1) * (t - 2) for t in tied),
        sum(t * (t - 1) * (2 * t + 5) for t in tied),
    )
