from math import log as ln

import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.underfitting import detect

X = np.linspace(0, 1, 41)[1:]


def settling(floor: float, start: float = 0.75) -> np.ndarray:
    return floor + (start - floor) * np.exp(-15 * X)


@pytest.mark.parametrize(("floor", "is_found"), [(0.35, False), (0.5, True), (ln(2), False)])
def test_flat_and_high_with_two_classes(log, floor, is_found):
    found = detect(log(settling(floor), classes=2))
    assert (found is not None) is is_found
    if is_found:
        assert found.name == Name.UNDERFITTING
        assert found.evidence["level_of_a_guess"] == pytest.approx(ln(2))


def test_without_a_scale_it_is_silent(log):
    assert detect(log(settling(0.5))) is None


def test_still_falling_is_not_underfitting(log):
    assert detect(log(0.4 + 0.35 * np.exp(-0.8 * X), classes=2)) is None


def test_the_classes_follow_from_the_first_evaluation(log):
    validation, accuracy = [0.69, 0.56, 0.55, 0.55], [0.5, 0.7, 0.7, 0.7]
    found = detect(log(settling(0.55), validation, metrics={"accuracy": accuracy}))
    assert found.evidence["classes"] == 2
    assert found.confidence < detect(log(settling(0.55), classes=2)).confidence


def test_an_accuracy_of_training_alone_gives_little_confidence(log):
    found = detect(log(settling(1.5, 3), train_metrics={"accuracy": np.full(40, 0.4)}))
    assert found.confidence < 0.5
    assert detect(log(settling(1.5, 3), train_metrics={"accuracy": np.full(40, 0.7)})) is None


def test_a_good_accuracy_rules_it_out(log):
    assert detect(log(settling(0.5), [0.5] * 8, classes=2, metrics={"accuracy": [0.9] * 8})) is None


def test_heavy_regularisation_comes_first_among_the_causes(log):
    found = detect(log(settling(0.55), classes=2, settings={"dropout": 0.8}))
    assert found.causes[0].for_ == ["--dropout is 0.8"]
