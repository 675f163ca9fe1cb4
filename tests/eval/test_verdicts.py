import numpy as np
import pytest

from eval.metrics import Estimate
from eval.power import seeds_needed
from eval.verdicts import default_margin, higher_is_better, in_points, seeds_to_resolve, verdict


@pytest.mark.parametrize("metric", ["test.accuracy", "validation.f1", "test.auc", "mcc", "loss.accuracy"])
def test_more_of_these_is_better_and_they_are_read_in_points(metric):
    assert higher_is_better(metric) and in_points(metric)
    assert default_margin(metric, np.array([0.9])) == 0.01


@pytest.mark.parametrize("metric", ["test.log_loss", "validation.loss", "test.perplexity", "seconds"])
def test_less_of_these_is_better_and_5_percent_matters(metric):
    assert not higher_is_better(metric) and not in_points(metric)
    assert default_margin(metric, np.array([20.0, np.nan, 40.0])) == pytest.approx(1.5)


def test_without_a_baseline_nothing_is_too_small_to_matter():
    assert default_margin("test.log_loss", np.array([np.nan])) == 0.0


@pytest.mark.parametrize(
    ("value", "reach", "p", "higher", "expected"),
    [
        (0.02, 0.01, 0.01, True, "helps"),
        (0.02, 0.01, 0.01, False, "hurts"),
        (-0.02, 0.01, 0.01, True, "hurts"),
        (-0.02, 0.01, 0.01, False, "helps"),
        (0.001, 0.008, 0.7, True, "no_effect_larger_than"),
        (-0.004, 0.003, 0.06, True, "no_effect_larger_than"),
        (0.004, 0.008, 0.7, True, "not_resolvable"),
        (-0.004, 0.008, 0.7, True, "not_resolvable"),
        (0.02, 0.01, 0.05, True, "not_resolvable"),
    ],
)
def test_a_verdict_follows_from_the_corrected_p_and_the_interval(value, reach, p, higher, expected):
    estimate = Estimate(value, value - reach, value + reach, 5)
    assert verdict(estimate, p, higher=higher, margin=0.01) == expected


def test_what_was_not_judged_is_not_resolvable():
    assert verdict(Estimate(0.02, None, None, 1), None, higher=True, margin=0.01) == "not_resolvable"


def test_the_seeds_to_resolve_are_those_of_the_shorter_way():
    def needed(value, spread=0.02, n=5):
        return seeds_to_resolve(Estimate(value, 0, 0, n), spread, level=0.01, margin=0.01)

    assert needed(0.03) == seeds_needed(0.03, 0.02, level=0.01)
    assert needed(-0.002) == seeds_needed(0.008, 0.02)
    assert needed(0.0) == seeds_needed(0.01, 0.02)
    assert needed(0.03, n=30) == 31  # by luck not resolved yet: one more, never fewer than there are
    assert needed(0.03, spread=0.0) is None and needed(0.03, spread=None) is None
