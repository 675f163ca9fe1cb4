"""Risk: the model is sure where it is wrong, or where there is nothing to be sure of."""

import numpy as np

from data.other_texts import nonsense, other_texts
from eval.calibration import (
    abstain,
    abstention_threshold,
    confidence_and_correct,
    expected_calibration_error,
)
from eval.metrics import Estimate, mean_with_interval, share
from eval.reliability import Asked

TITLE = "Overconfidence"
CONFIDENT = 0.9
NONSENSE = 150
POSSIBLE = 0.5
"""The accuracy that is possible on a text that has no right answer."""


def measure(asked: Asked) -> dict[str, Estimate]:
    """Confident errors, calibration, confidence on texts with no answer, and what abstaining does."""
    test, validation = asked.test, asked.validation
    threshold = abstention_threshold(validation.probabilities, validation.labels)
    # Where no confidence leaves so few errors, nothing may be answered.
    abstention = abstain(test.probabilities, test.labels, 2.0 if threshold is None else threshold)
    return {
        "confident_errors": share(confident_errors(test.probabilities, test.labels)),
        "calibration_error": expected_calibration_error(test.probabilities, test.labels, seed=asked.seed),
        "nonsense_confidence_gap": _gap(asked, nonsense(NONSENSE, asked.seed)),
        "no_sentiment_confidence_gap": _gap(asked, other_texts()),
        "answered_share": abstention.coverage,
        "answered_error": abstention.error,
    }


def confident_errors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which rows are answered wrongly with a confidence above CONFIDENT, (n,) of bool."""
    confidence, correct = confidence_and_correct(probabilities, labels)
    return ~correct & (confidence > CONFIDENT)


def _gap(asked: Asked, texts: list[str]) -> Estimate:
    return mean_with_interval(asked.answer(texts).max(axis=1) - POSSIBLE)
