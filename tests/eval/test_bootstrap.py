import tracemalloc

import numpy as np
import pytest
import scipy.stats

from eval import bootstrap as module
from eval.bootstrap import bootstrap, percentile_interval, resampled_weights


def mean_of(values):
    return lambda weights: {"mean": weights @ values / weights.sum(axis=1)}


def test_weights_are_those_of_a_multinomial_draw():
    rows = 50
    weights = np.concatenate(list(resampled_weights(rows, resamples=20_000, seed=0)))
    assert weights.shape == (20_000, rows)
    assert (weights.sum(axis=1) == rows).all()
    covariance = np.cov(weights[:, :2].T)
    assert weights.mean(axis=0) == pytest.approx(np.ones(rows), abs=0.04)
    assert np.diag(covariance) == pytest.approx([1 - 1 / rows] * 2, abs=0.05)
    assert covariance[0, 1] == pytest.approx(-1 / rows, abs=0.03)


def test_the_same_seed_gives_the_same_resamples_however_they_are_split(monkeypatch):
    values = np.random.default_rng(0).normal(size=37)
    whole = bootstrap(mean_of(values), 37, resamples=100, seed=3)["mean"]
    other = bootstrap(mean_of(values), 37, resamples=100, seed=4)["mean"]
    monkeypatch.setattr(module, "CELLS", 37 * 7)
    assert bootstrap(mean_of(values), 37, resamples=100, seed=3)["mean"] == pytest.approx(whole, rel=1e-12)
    assert not np.allclose(other, whole)


def test_a_mean_gets_the_interval_of_scipy():
    values = np.random.default_rng(1).exponential(size=60)
    low, high = percentile_interval(bootstrap(mean_of(values), 60, resamples=20_000)["mean"])
    rival = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert (low, high) == pytest.approx((rival.low, rival.high), abs=0.03 * values.std())


def test_the_interval_of_an_accuracy_covers_the_truth():
    truth, rows, sets = 0.85, 200, 80
    draws = np.random.default_rng(5).random((sets, rows)) < truth
    covered = wide = 0
    for seed, correct in enumerate(draws):
        means = bootstrap(mean_of(correct.astype(float)), rows, resamples=500, seed=seed)["mean"]
        low, high = percentile_interval(means)
        covered += low <= truth <= high
        low, high = percentile_interval(means, level=0.5)
        wide += low <= truth <= high
    # Three standard errors about 95% and 50% of 80.
    assert 70 <= covered <= 80
    assert 27 <= wide <= 53


def test_undefined_values_are_left_out_until_they_are_the_majority():
    values = np.arange(100.0)
    values[:50] = np.nan
    quantiles = np.quantile(np.arange(50.0, 100.0), [0.05, 0.95])
    assert percentile_interval(values, level=0.9) == pytest.approx(tuple(quantiles))
    values[50] = np.nan
    assert percentile_interval(values) == (None, None)


def test_memory_is_bounded_on_25000_rows():
    values = np.ones(25_000)
    tracemalloc.start()
    bootstrap(mean_of(values), 25_000, resamples=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
