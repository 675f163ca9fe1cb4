"""Theil and Sen's line, Kendall's test and the periodogram against scipy's."""

import numpy as np
import pytest
from scipy.signal import lombscargle
from scipy.stats import kendalltau, theilslopes

from eval.diagnosis.ranks import kendall_p, theil_sen
from eval.diagnosis.series import _periodogram


def points(count: int, ties: bool, slope: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = np.cumsum(draw.random(count) + 0.1)
    y = slope * x + draw.normal(size=count)
    return (x, y.round()) if ties else (x, y)


@pytest.mark.parametrize("count", [2, 4, 5, 12, 33, 34, 120, 240])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.05, -3.0, 30.0])
def test_as_scipy_has_it(count, ties, slope):
    for seed in range(5):
        x, y = points(count, ties, slope, seed)
        line = theilslopes(y, x)
        np.testing.assert_allclose(theil_sen(x, y), [line.slope, line.low_slope, line.high_slope], rtol=1e-12)
        if len(np.unique(y)) > 1:
            assert kendall_p(x, y) == pytest.approx(kendalltau(x, y).pvalue, rel=1e-9, abs=1e-300)
            rises = kendalltau(x, y, alternative="greater").pvalue
            assert kendall_p(x, y, rising=True) == pytest.approx(rises, rel=1e-9, abs=1e-15)


def test_repeated_x_and_infinite_values():
    x, y = np.array([1.0, 1, 2, 3, 3, 3, 4, 5]), np.array([3.0, 1, 2, np.inf, 5, 9, -np.inf, 7])
    assert kendall_p(x, y) == pytest.approx(kendalltau(x, y).pvalue)
    y = np.nan_to_num(y, posinf=40, neginf=-3)
    line = theilslopes(y, x)
    np.testing.assert_allclose(theil_sen(x, y), [line.slope, line.low_slope, line.high_slope])


def test_what_is_all_the_same_tells_nothing():
    same, other = np.ones(9), np.arange(9.0)
    assert kendall_p(other, same) == kendall_p(same, other) == 1
    assert theil_sen(other, same) == (0, 0, 0) and np.isnan(theil_sen(same, other)).all()


@pytest.mark.parametrize("even", [True, False])
def test_the_periodogram(even):
    draw = np.random.default_rng(3)
    at = np.linspace(0, 1, 60) if even else np.sort(draw.random(60))
    values = np.sin(40 * at) + draw.normal(size=60)
    frequencies = np.arange(1, 60, 0.5)
    expected = lombscargle(at, values, 2 * np.pi * frequencies, normalize=True)
    # Where an even grid makes the sine vanish, only rounding is left of it.
    clear = np.abs(frequencies % 29.5) > 1e-9 if even else slice(None)
    np.testing.assert_allclose(_periodogram(at, values, frequencies)[clear], expected[clear], rtol=1e-8)
