import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.undertrained import detect

X = np.linspace(0, 1, 41)[1:]


def exponential(folds: float) -> np.ndarray:
    """A fall to 0.1 over so many e-folds."""
    return 0.1 + 0.9 * np.exp(-folds * X)


@pytest.mark.parametrize(("folds", "is_found"), [(0.5, True), (1.0, True), (6, False), (12, False)])
def test_what_still_falls_is_told_from_what_has_settled(log, folds, is_found):
    for history in (log(exponential(folds)), log(exponential(folds), exponential(folds)[3::4])):
        assert (detect(history) is not None) is is_found


def test_the_evaluation_loss_decides_where_it_is_known(log):
    still = exponential(0.8)
    assert detect(log(still, 0.5 + 0.5 * np.exp(-15 * X[3::4]))) is None
    assert detect(log(still, still[3::4])).name == Name.UNDERTRAINED


def test_evaluation_alone_is_enough_unless_training_rises(log):
    assert detect(log(None, exponential(0.8))) is not None
    assert detect(log(np.linspace(0.5, 0.6, 40), exponential(0.8)[3::4])) is None


def test_three_evaluations_with_a_straight_fall(log):
    assert detect(log([1.10, 1.08, 1.05], [1.09, 1.04, 0.95])) is not None
    assert detect(log([0.6, 0.4, 0.3, 0.25, 0.24, 0.24], [0.50, 0.41, 0.405])) is None


def test_a_schedule_with_restarts_makes_losses_fall_by_itself(log):
    cycles = 0.5 + 0.5 * np.cos(np.pi * ((X * 4) % 1))
    assert detect(log(exponential(0.8))) is not None
    assert detect(log(exponential(0.8), learning_rate=cycles)) is None


def test_where_it_stopped_is_among_the_reasons(log):
    found = detect(log(exponential(0.8), max_step=400.0))
    assert "it stopped at step 40 of 400" in found.causes[0].for_


def test_the_flags_follow_from_the_run(log):
    found = detect(log(exponential(0.8), steps_per_epoch=10.0, learning_rate=np.full(40, 2e-5)))
    assert [action.flags for action in found.today] == ["--num_train_epochs 8", "--learning_rate 4.0e-05"]


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 0.5]])
def test_two_points_say_nothing(log, values):
    assert detect(log(values)) is None
