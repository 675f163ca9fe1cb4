import numpy as np
import pytest
from scipy.stats import ttest_1samp

from eval.paired import paired_t


@pytest.mark.parametrize("n", [2, 5, 30])
def test_it_is_the_t_test_of_scipy(n):
    differences = np.random.default_rng(n).normal(0.01, 0.02, n)
    rival = ttest_1samp(differences, 0)
    interval = rival.confidence_interval()
    test = paired_t(np.r_[differences[:1], np.nan, differences[1:]])
    assert test.p == pytest.approx(rival.pvalue)
    assert (test.estimate.low, test.estimate.high) == pytest.approx((interval.low, interval.high))
    assert (test.estimate.value, test.estimate.n) == (pytest.approx(differences.mean()), n)
    assert test.spread == pytest.approx(differences.std(ddof=1))


@pytest.mark.parametrize("differences", [[], [np.nan], [0.02], [0.02, np.nan], [0.02, 0.02, 0.02]])
def test_without_a_spread_nothing_is_judged(differences):
    test = paired_t(np.array(differences))
    assert (test.spread, test.p, test.estimate.low) == (None, None, None)


def test_runs_that_are_all_equal_differ_by_nothing():
    test = paired_t(np.zeros(5))
    assert (test.p, test.estimate.low, test.estimate.high) == (1.0, 0.0, 0.0)
