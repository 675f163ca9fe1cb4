import numpy as np
import pytest
from scipy.stats import binomtest

from eval.diagnosis.history import Curve
from eval.diagnosis.series import begins_anew, growth_of_noise, noise, smoothed, strongest_cycle, thinned, trend

STEPS = np.arange(200.0)


def test_noise_is_the_standard_deviation_whatever_the_trend():
    draw = np.random.default_rng(0)
    values = draw.normal(0, 0.3, 20_000)
    assert noise(values) == pytest.approx(0.3, rel=0.03)
    assert noise(values + np.linspace(0, 100, 20_000)) == pytest.approx(0.3, rel=0.03)


def test_trend_of_a_line():
    assert trend(Curve(STEPS, 3 + 0.5 * STEPS)).rise == pytest.approx(0.5 * 199)


def test_smoothing_leaves_no_trace_of_a_spike():
    values = np.ones(20)
    values[7] = 100
    assert (smoothed(values) == 1).all()


def test_thinning_keeps_the_mean_and_drops_what_is_no_number():
    values = np.where(np.arange(2400) % 10 == 0, np.nan, 2.0)
    curve = thinned(Curve(np.arange(2400.0), values))
    assert len(curve) == 240
    assert (curve.value == 2).all()


def test_fisher_test_keeps_its_level_on_white_noise():
    draw = np.random.default_rng(1)
    low = sum(strongest_cycle(Curve(STEPS[:60], draw.normal(size=60))).p < 0.05 for _ in range(300))
    # Half-way frequencies are tested as well: the level doubles at most.
    assert binomtest(low, 300, 0.10, alternative="greater").pvalue > 0.01


def test_growth_of_noise_keeps_its_level():
    draw = np.random.default_rng(2)
    low = sum(growth_of_noise(draw.normal(size=60)).p < 0.05 for _ in range(300))
    assert binomtest(low, 300, 0.07, alternative="greater").pvalue > 0.01


def test_a_sawtooth_begins_anew_and_a_sine_does_not():
    assert begins_anew(Curve(STEPS, STEPS % 10))
    assert not begins_anew(Curve(STEPS, 2 + np.sin(STEPS / 3)))
    assert not begins_anew(Curve(STEPS, np.exp(-STEPS / 50)))
