import numpy as np
import pytest

from eval.diagnosis.divergence import detect
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, History

X = np.linspace(0, 1, 101)[1:]
FALLING = 0.2 + 0.8 * np.exp(-10 * X)


def test_nan_to_the_end_begins_at_the_first(log):
    values = np.where(X > 0.6, np.nan, FALLING)
    found = detect(log(values))
    assert (found.name, found.onset.step) == (Name.DIVERGENCE, 61)
    assert found.confidence > 0.9


@pytest.mark.parametrize("at", [0, 50, 98])
def test_one_nan_among_numbers_is_none(log, at):
    values = FALLING.copy()
    values[at] = np.nan
    assert detect(log(values)) is None


def test_zeros_beside_gradients_that_are_no_number_are_an_overflow():
    step = np.arange(1.0, 7)
    zeros = Curve(step, np.array([2.0, 0, 0, 0, 0, 0]))
    norms = Curve(step, np.array([1.0, *[np.nan] * 5]))
    assert detect(History(source="made up", train=zeros, grad_norm=norms)).onset.step == 2
    assert detect(History(source="made up", train=zeros)) is None


@pytest.mark.parametrize(("height", "is_found"), [(0.1, False), (0.6, True)])
def test_a_rise_for_good_must_lose_half_of_what_was_gained(log, height, is_found):
    found = detect(log(FALLING + height * np.clip((X - 0.5) / 0.05, 0, 1)))
    assert (found is not None) is is_found
    if is_found:
        assert 50 <= found.onset.step <= 56


def test_a_spike_that_comes_back_is_none(log):
    values = FALLING.copy()
    values[50:54] = 20
    assert detect(log(values)) is None


def test_a_jump_at_a_restart_is_none(log):
    values = np.where(X > 0.7, 1.5, FALLING)
    assert detect(log(values)) is not None
    assert detect(log(values, restarts=(71.0,))) is None


def test_swings_come_back_each_time(log):
    assert detect(log(1 + 0.8 * np.sin(2 * np.pi * 6.2 * X))) is None


def test_a_smaller_rise_counts_where_evaluation_climbed_with_it(log):
    # Down to 0.12, up to 0.3, back to 0.18 as the rate climbs; evaluation doubles and stays.
    train = np.interp(X, [0, 0.05, 0.1, 0.4, 0.8, 0.85, 1], [1, 0.3, 0.12, 0.3, 0.28, 0.18, 0.18])
    stays = [0.22, 0.41, 0.42, 0.41, 0.43, 0.40]
    assert detect(log(train, stays)) is not None
    assert detect(log(train, [0.22, 0.23, 0.22, 0.23, 0.22, 0.23])) is None
    assert detect(log(train)) is None


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0]])
def test_few_points_say_nothing(log, values):
    assert detect(log(values)) is None
