"""The additive model of arms and seeds, against statsmodels' least squares."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from eval.treatment.blocks import fit_blocks


@pytest.mark.parametrize("weights", [[-1, 1, 0, 0], [0.5, -1, 0, 0.5], [0.52, -1.0, 0, 0.48]])
def test_a_contrast_is_that_of_least_squares(weights):
    draw, weights = np.random.default_rng(3), np.array(weights)
    values = draw.normal(size=(4, 4)) + np.arange(4) + draw.normal(0, 3, (4, 1))
    estimate, p = fit_blocks(values).contrast(weights)

    table = pd.DataFrame([{"y": values[s, a], "s": s, "a": a} for s in range(4) for a in range(4)])
    rival = ols("y ~ 0 + C(a) + C(s)", table).fit().t_test(np.append(weights, np.zeros(3)))
    assert estimate.value == pytest.approx(rival.effect.item()) and p == pytest.approx(rival.pvalue.item())
    assert [estimate.low, estimate.high] == pytest.approx(rival.conf_int()[0])
    assert estimate.n == 4


def test_intervals_hold_the_truth_as_often_as_they_say():
    draw, held = np.random.default_rng(0), 0
    for _ in range(600):
        values = draw.normal(size=(3, 4)) + np.array([0, 1, 2, 3]) + draw.normal(0, 5, (3, 1))
        estimate, _ = fit_blocks(values).contrast(np.array([-1, 0, 0, 1]))
        held += estimate.low <= 3 <= estimate.high
    assert held / 600 == pytest.approx(0.95, abs=0.025)


def test_arms_that_are_the_same_in_every_seed():
    estimate, p = fit_blocks(np.zeros((3, 4))).contrast(np.array([-1, 1, 0, 0]))
    assert (estimate.value, estimate.low, estimate.high, p) == (0.0, 0.0, 0.0, 1.0)
