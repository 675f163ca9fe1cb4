import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from eval.calibration import apply_temperature, fit_temperature
from eval.verification import Verification, doubt, fit_verification, margins


def rows(strength, temperature, n=20_000, seed=0):
    """Probabilities of a model that is too sure by exp(strength x doubt) x temperature, with labels and doubts."""
    draw = np.random.default_rng(seed)
    said, doubts = draw.normal(scale=4, size=n), draw.uniform(size=n)
    true = expit(said * np.exp(-strength * doubts) / temperature)
    return np.stack([1 - expit(said), expit(said)], axis=1), (draw.uniform(size=n) < true).astype(int), doubts


def test_the_support_is_the_mean_similarity_of_the_neighbours_that_agree():
    labels = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    similarities = np.array([[1.0, 0.5, 0.5, 0.5], [1.0] * 4, [0.9, -0.2, 0.1, 0.3]])
    expected = [1 - 1.5 / 4, 0.0, 1 - 1.3 / 4]
    assert doubt(np.array([1, 1, 0]), labels, similarities) == pytest.approx(expected)
    assert doubt(np.array([0, 0, 1]), labels, similarities) == pytest.approx([1 - 1 / 4, 1, 1])


@pytest.mark.parametrize(("strength", "temperature"), [(2.0, 1.5), (1.0, 0.7), (0.0, 2.0)])
def test_known_constants_are_found_again(strength, temperature):
    found = fit_verification(*rows(strength, temperature))
    assert found.fitted
    assert found.strength == pytest.approx(strength, abs=0.15)
    assert found.temperature == pytest.approx(temperature, rel=0.1)


def test_it_is_no_worse_than_temperature_scaling_where_it_was_fitted():
    for seed in range(5):
        probabilities, labels, doubts = rows(seed / 2, 1.3, n=300, seed=seed)
        found = fit_verification(probabilities, labels, doubts)
        plain = apply_temperature(probabilities, fit_temperature(probabilities, labels).value)
        verified = found.verify(probabilities, doubts)
        assert log_loss(labels, verified[:, 1]) <= log_loss(labels, plain[:, 1]) + 1e-6


def test_the_answer_never_changes_and_doubt_lowers_confidence():
    probabilities, _, doubts = rows(1, 1, n=500)
    verification = Verification(1.5, 0.9, True)
    verified = verification.verify(probabilities, doubts)
    assert np.array_equal(verified.argmax(axis=1), probabilities.argmax(axis=1))
    assert verified.sum(axis=1) == pytest.approx(np.ones(500))
    assert (verification.verify(probabilities, doubts + 0.1).max(axis=1) <= verified.max(axis=1)).all()


def test_no_strength_is_temperature_scaling():
    probabilities, _, doubts = rows(1, 1, n=100)
    assert Verification(0, 1.7, True).verify(probabilities, doubts) == pytest.approx(
        apply_temperature(probabilities, 1.7)
    )


def test_rows_that_are_all_right_tell_nothing():
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2]])
    found = fit_verification(probabilities, np.array([1, 0]), np.array([0.1, 0.4]))
    assert (found.strength, found.temperature, found.fitted) == (0, 1, False)


def test_a_certain_row_has_a_finite_margin():
    assert np.isfinite(margins(np.array([[0.0, 1.0], [1.0, 0.0]]))).all()
