from math import log as ln

import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.plateau import detect

X = np.linspace(0, 1, 41)[1:]
WOBBLE = 0.005 * np.sin(np.arange(40) * 2.4)


@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_the_level_of_a_guess_is_named(log, classes):
    found = detect(log(ln(classes) + WOBBLE, classes=classes))
    assert found.name == Name.PLATEAU
    assert found.evidence["level_of_a_guess"] == pytest.approx(ln(classes))
    assert found.confidence >= 0.9


def test_the_classes_are_seen_in_an_accuracy_that_stays_at_one_in_k(log):
    assert "level_of_a_guess" in detect(log(ln(4) + WOBBLE, [ln(4)] * 8, metrics={"accuracy": [0.25] * 8})).evidence


def test_falling_to_the_level_of_a_guess_is_learning_nothing(log):
    assert detect(log(ln(2) + 4 * np.exp(-30 * X) + WOBBLE, classes=2)) is not None


def test_a_long_initial_plateau_that_falls_is_none(log):
    assert detect(log(0.1 + 0.6 / (1 + np.exp(60 * (X - 0.5))), classes=2)) is None


@pytest.mark.parametrize(("fall", "is_found"), [(0.01, True), (0.1, False)])
def test_without_a_scale_nothing_may_have_been_gained(log, fall, is_found):
    found = detect(log(7 * (1 - fall * (1 - np.exp(-12 * X)) + WOBBLE / 10)))
    assert (found is not None) is is_found


def test_an_accuracy_that_never_got_better_allows_the_fall_to_the_class_frequencies(log):
    train = 3.48 + 0.2 * np.exp(-12 * X)
    assert detect(log(train)) is None
    assert detect(log(train, [3.5] * 10, metrics={"accuracy": [0.05, 0.055] * 5})) is not None
    assert detect(log(train, [3.5] * 10, metrics={"accuracy": np.linspace(0.05, 0.4, 10)})) is None


def test_a_model_that_knew_its_task_is_not_stuck(log):
    assert detect(log(0.1 + WOBBLE / 50, [0.12] * 10, metrics={"accuracy": [0.95, 0.951] * 5})) is None


def test_gradients_that_are_no_number_come_first_among_the_causes(log):
    from dataclasses import replace

    from eval.diagnosis.history import Curve

    history = log(2.44 * (1 + 3 * WOBBLE))
    found = detect(replace(history, grad_norm=Curve(history.train.step, np.full(40, np.inf))))
    assert found.causes[0].cause.startswith("the optimiser takes no step")


@pytest.mark.parametrize("values", [[], [0.7], [0.7, 0.7], [0.7] * 4])
def test_few_points_say_nothing(log, values):
    assert detect(log(values, classes=2)) is None
