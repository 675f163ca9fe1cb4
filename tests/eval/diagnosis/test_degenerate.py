import numpy as np
import pytest

from eval.diagnosis.degenerate import detect
from eval.diagnosis.finding import Name
from eval.diagnosis.metrics import least_loss_of_a_constant


def test_the_same_accuracy_again_and_again(log):
    found = detect(log(None, [0.69] * 10, metrics={"accuracy": [0.51, *[0.53] * 9]}))
    assert (found.name, found.evidence) == (Name.DEGENERATE_MODEL, {"constant_accuracy": 0.53})
    assert found.onset.step == 2


@pytest.mark.parametrize(("same", "is_found"), [(7, False), (8, True)])
def test_eight_in_ten_must_agree(log, same, is_found):
    accuracy = [*np.linspace(0.4, 0.5, 10 - same), *[0.55] * same]
    assert (detect(log(None, [0.7] * 10, metrics={"accuracy": accuracy})) is not None) is is_found


def test_a_loss_below_that_of_a_constant_answer_rules_it_out(log):
    bound = least_loss_of_a_constant(0.92)
    assert bound == pytest.approx(-0.92 * np.log(0.92) - 0.08 * np.log(0.08))
    assert detect(log(None, [bound * 1.01] * 6, metrics={"accuracy": [0.92] * 6})) is not None
    assert detect(log(None, [bound * 0.9] * 6, metrics={"accuracy": [0.92] * 6})) is None


def test_no_constant_answer_has_less_loss_than_the_bound():
    draw = np.random.default_rng(0)
    for _ in range(200):
        frequencies = draw.dirichlet(np.ones(draw.integers(2, 8)))
        entropy = -(frequencies * np.log(frequencies)).sum()
        assert entropy >= least_loss_of_a_constant(frequencies.max()) - 1e-12


def test_f1_of_zero_at_the_end(log):
    assert detect(log(None, [0.5] * 5, metrics={"eval_f1": [0.2, 0.1, 0, 0, 0]})) is not None
    assert detect(log(None, [0.5] * 5, metrics={"eval_f1": [0, 0, 0, 0.1, 0.2]})) is None


def test_a_loss_that_falls_is_learning(log):
    assert detect(log(None, [1, 0.9, 0.8, 0.7, 0.69], metrics={"accuracy": [0.5] * 5})) is None


def test_always_perfect_is_no_guess(log):
    assert detect(log(None, [0.5] * 5, metrics={"accuracy": [1.0] * 5})) is None
    assert detect(log(None, [0.5] * 5, metrics={"accuracy": [100.0] * 5})) is None
