import numpy as np
import pytest
from scipy.stats import f as f_distribution

from eval.scaling_laws.likelihood import DELTA, aicc, allowed_deviance, deviance, huber, inflation


def test_the_huber_loss_is_a_parabola_that_turns_into_a_line():
    np.testing.assert_allclose(huber(np.array([0, DELTA / 2, -DELTA])), [0, DELTA**2 / 8, DELTA**2 / 2])
    np.testing.assert_allclose(huber(np.array([1.0, -2.0])), [DELTA - DELTA**2 / 2, 2 * DELTA - DELTA**2 / 2])


def test_small_residuals_have_the_normal_likelihood():
    residuals = 1e-5 * np.random.default_rng(0).standard_normal(50)
    normal = 50 * (np.log(2 * np.pi * (residuals**2).mean()) + 1)
    assert deviance(huber(residuals).sum(), 50) == pytest.approx(normal, rel=1e-6)


def test_large_residuals_have_laplaces_likelihood():
    residuals = np.random.default_rng(0).laplace(size=50)
    laplace = 2 * 50 * (np.log(2 * np.abs(residuals).mean()) + 1)
    assert deviance(huber(residuals).sum(), 50) == pytest.approx(laplace, rel=2e-3)


def test_the_density_between_them_sums_to_one():
    # Of all scales the one found is likeliest: -2 log likelihood by quadrature on a grid of scales.
    residuals = DELTA * np.random.default_rng(1).standard_normal(40)
    grid = np.linspace(-30 * DELTA, 30 * DELTA, 40_001)
    scales = DELTA**2 * np.geomspace(0.2, 5, 200)
    normalisers = np.array([np.exp(-huber(grid) / scale).sum() * (grid[1] - grid[0]) for scale in scales])
    likeliest = (2 * huber(residuals).sum() / scales + 2 * 40 * np.log(normalisers)).min()
    assert deviance(huber(residuals).sum(), 40) == pytest.approx(likeliest, abs=0.01)


@pytest.mark.parametrize("spread", [1e-5, 1e-3, 3e-3, 1.0])
def test_the_inflation_is_the_sandwich_of_normal_noise(spread):
    residuals = spread * np.random.default_rng(0).standard_normal(400_000)
    mean = huber(residuals).mean()
    scales = mean * np.geomspace(0.8, 2.5, 60)
    grid = np.linspace(-40, 40, 8_001) * max(spread, DELTA)
    step = grid[1] - grid[0]
    likeliest = min(scales, key=lambda s: mean / s + np.log(np.exp(-huber(grid) / s).sum() * step))
    slope, within = np.clip(residuals, -DELTA, DELTA), (np.abs(residuals) < DELTA).mean()
    assert inflation(spread) == pytest.approx((slope**2).mean() / (likeliest * within), rel=0.05)
    assert 0.99 < inflation(spread) < np.pi / 2 + 0.01


def test_aicc_counts_constants_and_has_none_for_few_rows():
    few = aicc(1e-4, 30, 2)
    assert aicc(1e-4, 30, 5) - few == pytest.approx(2 * 3 + 2 * 6 * 7 / 23 - 2 * 3 * 4 / 26)
    assert aicc(1e-4, 4, 2) is None
    assert aicc(1e-4, 5, 2) is not None


def test_the_allowed_deviance_is_the_f_test():
    f = f_distribution.ppf(0.95, 1, 20)
    assert allowed_deviance(25, 5) == pytest.approx(25 * np.log(1 + f / 20))
    assert allowed_deviance(10_000, 5) == pytest.approx(3.84, abs=0.01)
    assert allowed_deviance(5, 5) is None
