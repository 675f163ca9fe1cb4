from dataclasses import replace

import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.overfitting import detect

X = np.linspace(0, 1, 41)[1:]
FALLING = 0.1 + 0.9 * np.exp(-4 * X)


def turning(rise: float) -> np.ndarray:
    """A parabola from 1 to 0.5 at half of the run and up by `rise` of that at the end."""
    return np.where(X < 0.5, 0.5 + 2 * (X - 0.5) ** 2, 0.5 + 0.5 * rise * ((X - 0.5) / 0.5))


def test_a_turn_is_found_at_the_minimum(log):
    found = detect(log(FALLING, turning(0.5)))
    assert found.name == Name.OVERFITTING
    assert found.onset.step == 20
    assert found.evidence["best_validation_loss"] == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(("rise", "is_found"), [(0.02, False), (0.12, True)])
def test_the_rise_must_matter(log, rise, is_found):
    assert (detect(log(FALLING, turning(rise))) is not None) is is_found


def test_training_must_go_on_falling(log):
    assert detect(log(FALLING, turning(0.5))) is not None
    assert detect(log(turning(0.5), turning(0.5))) is None


@pytest.mark.parametrize(("last", "is_found"), [(0.43, False), (0.50, True)])
def test_three_evaluations_are_judged_by_the_size_of_the_rise(log, last, is_found):
    assert (detect(log([1, 0.8, 0.6, 0.4, 0.3, 0.2], [0.6, 0.42, last])) is not None) is is_found


def test_a_noisy_minimum_is_no_turn(log):
    draw = np.random.default_rng(0)
    flat = (0.5 + 0.5 * np.exp(-20 * X)) * np.exp(draw.normal(0, 0.05, len(X)))
    assert detect(log(FALLING, flat)) is None


def test_a_turn_of_the_loss_alone_is_told_from_one_of_decisions(log):
    rising, falling = 0.7 + 0.2 * X, np.where(X < 0.5, 0.8 + 0.1 * X, 0.9 - 0.2 * X)
    of_loss = detect(log(FALLING, turning(1), metrics={"accuracy": rising}))
    of_both = detect(log(FALLING, turning(1), metrics={"accuracy": falling}))
    assert of_loss.causes[0].cause.startswith("the model grows too sure")
    assert of_loss.severity <= 0.5 < of_both.severity
    assert "accuracy got worse" in of_both.ruled_out[-1].why


def test_an_error_rate_is_better_when_lower(log):
    better = detect(log(FALLING, turning(1), metrics={"wer": 0.5 - 0.3 * X}))
    assert better.causes[0].cause.startswith("the model grows too sure")


def test_without_training_loss_only_a_very_clear_turn_is_called_one(log):
    assert detect(log(None, turning(1))).confidence < detect(log(FALLING, turning(1))).confidence
    assert detect(log(None, [0.5, 0.4, 0.45])) is None


def test_a_hump_before_the_minimum_is_none(log):
    hump = FALLING + 0.3 * np.exp(-(((X - 0.4) / 0.1) ** 2))
    assert detect(log(FALLING, hump)) is None


@pytest.mark.parametrize(("last", "first_cause"), [(0.836, "the model grows too sure"), (0.79, "more passes")])
def test_a_metric_that_moves_by_less_than_a_hundredth_is_unharmed(log, last, first_cause):
    found = detect(log(FALLING, turning(0.5), metrics={"f1": np.where(X <= 0.5, 0.84, last)}))
    assert found.causes[0].cause.startswith(first_cause)


def test_what_the_run_has_is_not_advised(log):
    def flags(history) -> str:
        return " ".join(action.flags for action in detect(history).today)

    history = log(FALLING, turning(0.5))
    assert "--load_best_model_at_end" in flags(history)
    assert "--load_best_model_at_end" not in flags(replace(history, settings={"load_best_model_at_end": True}))
