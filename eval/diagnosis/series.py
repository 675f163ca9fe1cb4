"""Robust statistics of a noisy curve: its noise, its level over a stretch, its trend, its turning points."""

from dataclasses import dataclass

import numpy as np

from eval.diagnosis.history import Curve
from eval.diagnosis.ranks import kendall_p, theil_sen

MOST = 240
"""Points that the slow statistics look at: a longer curve is averaged over as many stretches."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through a stretch: its rise from end to end with a 95% interval, and the p of no trend."""

    rise: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Cycle:
    """A swing of one period, and how likely chance makes so strong a one."""

    period: float
    """In steps."""
    amplitude: float
    """From the middle to the top."""
    share: float
    """Of the variance about the trend, what this period explains."""
    p: float


@dataclass(frozen=True, slots=True)
class Growth:
    """How much larger the jumps from point to point are at the end than at the beginning, and Kendall's test of it."""

    ratio: float
    p: float


def thinned(curve: Curve, points: int = MOST) -> Curve:
    """The finite points, averaged over at most `points` stretches of equal numbers of them."""
    curve = curve.finite
    if len(curve) <= points:
        return curve
    edges = np.linspace(0, len(curve), points + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, len(curve)))
    return Curve(np.add.reduceat(curve.step, edges) / counts, np.add.reduceat(curve.value, edges) / counts)


def noise(values: np.ndarray) -> float:
    """The standard deviation of what differs from point to point, whatever the trend; NaN for fewer than 4 points.

    Half the distance of the quartiles of the second differences, scaled for a normal distribution. A smooth trend adds
    nothing; a few jumps do not matter. Assumed: errors independent from point to point. Source: Gasser, Sroka and
    Jennen-Steinmetz, Residual variance and residual pattern in nonlinear regression, Biometrika 73, 1986.
    """
    if len(values) < 4:
        return float("nan")
    second = (values[:-2] - 2 * values[1:-1] + values[2:]) / np.sqrt(6)
    return float(1.4826 * np.median(np.abs(second - np.median(second))))


def level(values: np.ndarray) -> float:
    """Where a stretch lies: its median."""
    return float(np.median(values))


def smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """The running median over `width` points, fewer at the ends; a single spike leaves no trace."""
    if len(values) < 3:
        return values.copy()
    width = min(width, len(values) if len(values) % 2 else len(values) - 1)
    half = width // 2
    padded = np.pad(values.astype(float), half, constant_values=np.nan)
    return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def trend(curve: Curve) -> Trend:
    """The straight trend of a stretch: Theil-Sen's slope times its length, and Kendall's test of no trend.

    Assumed: errors independent and alike; of fewer than 4 points p is 1. Source: Sen, Estimates of the regression
    coefficient based on Kendall's tau, JASA 63, 1968.
    """
    curve = thinned(curve)
    if len(curve) < 2:
        return Trend(0.0, 0.0, 0.0, 1.0)
    length = float(curve.step[-1] - curve.step[0])
    rise, low, high = (slope * length for slope in theil_sen(curve.step, curve.value))
    return Trend(rise, low, high, kendall_p(curve.step, curve.value) if len(curve) >= 4 else 1.0)


def last_part(curve: Curve, share: float, fewest: int = 1) -> Curve:
    """The points in the last `share` of the steps, at least `fewest` where there are as many."""
    if not len(curve):
        return curve
    first = curve.step[-1] - share * (curve.step[-1] - curve.step[0])
    start = min(int(np.searchsorted(curve.step, first)), max(len(curve) - fewest, 0))
    return Curve(curve.step[start:], curve.value[start:])


def is_flat(curve: Curve, still: float = 0.01) -> bool:
    """Whether a stretch neither rises nor falls.

    Its trend from end to end is below the share `still` of its level, or lies within three standard deviations of the
    noise and chance makes as much once in twenty times.
    """
    moved, scale = trend(curve), abs(level(curve.value)) or 1.0
    if abs(moved.rise) < still * scale:
        return True
    return moved.p > 0.05 and abs(moved.rise) < 3 * np.nan_to_num(noise(curve.value))


def start_of(curve: Curve) -> float:
    """Where a curve begins: the median of its first twentieth."""
    return level(curve.value[: max(1, len(curve) // 20)])


def strongest_cycle(curve: Curve, fewest_periods: int = 4) -> Cycle | None:
    """The period that explains most of a stretch about its trend, a parabola; None for fewer than 12 points.

    Lomb and Scargle's periodogram, so steps need not be even, at the frequencies of `fewest_periods` periods in the
    stretch up to one of 2.5 points. The test is Fisher's g, first term of its series: an upper bound. Assumed: errors
    that are independent; slow drifts make low frequencies strong, hence the fewest periods and, for whoever asks, a
    share to demand. Source: Fisher, Tests of significance in harmonic analysis, Proc. R. Soc. A 125, 1929.
    """
    curve = thinned(curve)
    count = len(curve)
    length = float(curve.step[-1] - curve.step[0]) if count else 0.0
    most = int(count / 2.5)
    if count < 12 or most <= fewest_periods:
        return None
    at = (curve.step - curve.step[0]) / length
    rest = curve.value - np.polyval(np.polyfit(at, curve.value, 2), at)
    spread = float(rest.std())
    if not spread > 1e-12 * max(np.abs(curve.value).max(), 1e-300):
        return None
    frequencies = np.arange(fewest_periods, most + 1, 0.5)
    power = _periodogram(at, rest / spread, frequencies)
    best = int(np.argmax(power))
    share = float(np.clip(power[best], 0, 1))
    tests = count // 2
    p = min(1.0, tests * (1 - share) ** (tests - 1))
    return Cycle(length / float(frequencies[best]), float(np.sqrt(2 * share) * spread), share, p)


def _periodogram(at: np.ndarray, values: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """(frequencies,), the share of the sum of squares that a swing of each explains, by least squares.

    Source: Scargle, Studies in astronomical time series analysis II, Astrophysical Journal 263, 1982, equation 10.
    """
    angles = 2 * np.pi * frequencies[:, None] * at
    angles -= np.arctan2(np.sin(2 * angles).sum(1), np.cos(2 * angles).sum(1))[:, None] / 2
    swings = np.stack([np.cos(angles), np.sin(angles)])
    # At a multiple of the sampling rate the sine is zero everywhere, but for rounding.
    sizes = np.maximum((swings**2).sum(2), np.finfo(float).eps * len(at))
    return ((swings @ values) ** 2 / sizes).sum(0) / (values @ values)


def growth_of_noise(values: np.ndarray) -> Growth:
    """Whether what differs from point to point grows: sizes of the second differences, last fifth against first third.

    Assumed: errors independent from point to point; of fewer than 20 points nothing is said (ratio 1, p 1).
    """
    if len(values) < 20:
        return Growth(1.0, 1.0)
    sizes = np.abs(values[:-2] - 2 * values[1:-1] + values[2:])
    # Every second only: neighbouring second differences share points.
    apart = thinned(Curve(np.arange(len(sizes[::2])), sizes[::2]))
    if len(apart) < 8:
        return Growth(1.0, 1.0)
    first, last = np.median(sizes[: len(sizes) // 3]), np.median(sizes[-max(5, len(sizes) // 5) :])
    return Growth(float(last / first) if first > 0 else 1.0, kendall_p(apart.step, apart.value, rising=True))


def begins_anew(curve: Curve) -> bool:
    """Whether a log holds a sum that begins anew at every epoch.

    The values fall by more than half of their level at once, after the same number of points each time, three or more,
    and in between they only rise.
    """
    values = curve.finite.value
    jumps = np.diff(values)
    back = np.flatnonzero(jumps < 0)
    if len(back) < 3 or len(jumps) < 12 or np.median(-jumps[back]) < 0.5 * abs(level(values)):
        return False
    teeth = np.diff(back)
    regular = np.ptp(teeth) <= max(1, 0.1 * np.median(teeth)) and np.median(teeth) >= 3
    return bool(regular and back[-1] - back[0] >= len(jumps) / 2)
