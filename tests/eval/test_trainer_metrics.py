import warnings

import numpy as np
import pytest
from scipy.special import softmax
from transformers import EvalPrediction

from eval.metrics import METRIC_NAMES, classification_metrics
from eval.trainer_metrics import compute_metrics


def random_logits(seed: int, rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(2, size=rows)
    logits = draw.normal(size=(rows, 2)) + 1.5 * np.eye(2)[labels]
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("scale", [1, 10, 1e4])
@pytest.mark.parametrize("as_tuple", [False, True])
def test_metrics_are_those_of_the_softmax(scale, as_tuple):
    logits, labels = random_logits(0)
    logits = logits * np.float32(scale)
    predictions = (logits, np.zeros((200, 3, 4))) if as_tuple else logits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute_metrics(EvalPrediction(predictions, labels))
    rival = classification_metrics(softmax(logits.astype(np.float64), axis=1), labels)
    assert tuple(found) == METRIC_NAMES
    assert found == pytest.approx(rival, rel=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_single_non_finite_logit_makes_every_metric_nan(bad):
    logits, labels = random_logits(1)
    logits[17, 1] = bad
    found = compute_metrics(EvalPrediction(logits, labels))
    assert tuple(found) == METRIC_NAMES
    assert all(np.isnan(value) for value in found.values())


def test_a_single_class_leaves_only_the_auc_undefined():
    logits, _ = random_logits(2)
    found = compute_metrics(EvalPrediction(logits, np.zeros(200, dtype=np.int64)))
    assert [name for name, value in found.items() if np.isnan(value)] == ["auc"]


def test_evaluation_leaves_the_random_state_alone():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    compute_metrics(EvalPrediction(*random_logits(3)))
    assert np.random.random() == expected


def test_logits_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 3\)"):
        compute_metrics(EvalPrediction(np.zeros((5, 3)), np.zeros(5, dtype=np.int64)))
