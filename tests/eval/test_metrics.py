import json
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from eval.bootstrap import resampled_weights
from eval.metrics import (
    METRIC_NAMES,
    REPORT_METRIC_NAMES,
    classification_metrics,
    confusion_matrix,
    mean_with_interval,
    metrics_with_intervals,
    only_class,
    proportion,
    share,
    weighted_metrics,
)


def random_case(seed: int, rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with many ties, among them exact halves, zeros and ones."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(2, size=rows)
    positive = np.clip(np.round(0.5 + 0.3 * (labels - 0.5) + 0.4 * draw.normal(size=rows), 1), 0, 1)
    return np.stack([1 - positive, positive], axis=1), labels


def by_scikit_learn(probabilities, labels, weights=None) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    given = {"sample_weight": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own warnings about a single class
        return {
            "accuracy": sk.accuracy_score(labels, predicted, **given),
            "f1": sk.f1_score(labels, predicted, zero_division=0, **given),
            "precision": sk.precision_score(labels, predicted, zero_division=0, **given),
            "recall": sk.recall_score(labels, predicted, zero_division=0, **given),
            "auc": sk.roc_auc_score(labels, probabilities[:, 1], **given),
            "mcc": sk.matthews_corrcoef(labels, predicted, **given),
            "log_loss": sk.log_loss(labels, probabilities, labels=[0, 1], **given),
        }


def report_by_scikit_learn(probabilities, labels, weights=None) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    given = {"sample_weight": weights}
    negative = {"pos_label": 0, "zero_division": 0, **given}
    macro = {"average": "macro", "labels": [0, 1], "zero_division": 0, **given}
    found = by_scikit_learn(probabilities, labels, weights) | {
        "f1_negative": sk.f1_score(labels, predicted, **negative),
        "precision_negative": sk.precision_score(labels, predicted, **negative),
        "recall_negative": sk.recall_score(labels, predicted, **negative),
        "f1_macro": sk.f1_score(labels, predicted, **macro),
        "average_precision": sk.average_precision_score(labels, probabilities[:, 1], **given),
        "brier": sk.brier_score_loss(labels, probabilities[:, 1], **given),
    }
    return {name: found[name] for name in REPORT_METRIC_NAMES}


@pytest.mark.parametrize("seed", range(20))
def test_every_metric_is_that_of_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    found = classification_metrics(probabilities, labels)
    assert tuple(found) == METRIC_NAMES
    assert found == pytest.approx(by_scikit_learn(probabilities, labels))


@pytest.mark.parametrize("seed", range(5))
def test_every_weighted_metric_is_that_of_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    draw = np.random.default_rng(seed)
    weights = np.stack([draw.integers(0, 4, size=60), draw.random(60), draw.integers(0, 2, size=60)]).astype(float)
    found = weighted_metrics(probabilities, labels)(weights)
    for row, weight in enumerate(weights):
        rival = by_scikit_learn(probabilities, labels, weight)
        assert {name: values[row] for name, values in found.items()} == pytest.approx(rival)


@pytest.mark.parametrize("seed", range(5))
def test_every_metric_of_the_report_is_that_of_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    draw = np.random.default_rng(seed)
    weights = np.stack([np.ones(60), draw.integers(0, 4, size=60), draw.integers(0, 2, size=60)]).astype(float)
    found = weighted_metrics(probabilities, labels, REPORT_METRIC_NAMES)(weights)
    assert tuple(found) == REPORT_METRIC_NAMES
    for row, weight in enumerate(weights):
        rival = report_by_scikit_learn(probabilities, labels, weight)
        assert {name: values[row] for name, values in found.items()} == pytest.approx(rival)


def test_average_precision_without_a_positive_row_is_undefined():
    figure = metrics_with_intervals(np.array([[0.2, 0.8]] * 3), np.zeros(3), names=("average_precision",))
    assert figure["average_precision"].to_dict() == {"value": None, "low": None, "high": None, "n": 3}


@pytest.mark.parametrize("seed", range(5))
def test_the_confusion_matrix_is_that_of_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    assert (confusion_matrix(probabilities, labels) == sk.confusion_matrix(labels, probabilities.argmax(axis=1))).all()


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("positive", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("rows", [1, 9])
def test_single_classes_follow_scikit_learn_without_a_warning(label, positive, rows):
    probabilities = np.tile([1 - positive, positive], (rows, 1))
    labels = np.full(rows, label)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classification_metrics(probabilities, labels)
        auc = metrics_with_intervals(probabilities, labels, resamples=20)["auc"]
    assert found == pytest.approx(by_scikit_learn(probabilities, labels), nan_ok=True)
    assert np.isnan(found["auc"])
    assert auc.to_dict() == {"value": None, "low": None, "high": None, "n": rows}


def test_intervals_are_those_of_a_loop_over_the_same_resamples():
    probabilities, labels = random_case(1, rows=40)
    found = metrics_with_intervals(probabilities, labels, resamples=60, seed=7)
    (weights,) = resampled_weights(40, resamples=60, seed=7)
    rows = [np.repeat(np.arange(40), weight.astype(int)) for weight in weights]
    loop = [by_scikit_learn(probabilities[drawn], labels[drawn]) for drawn in rows]
    for name, estimate in found.items():
        if name == "accuracy":  # Wilson's
            continue
        low, high = np.quantile([values[name] for values in loop], [0.025, 0.975])
        assert (estimate.low, estimate.high) == pytest.approx((low, high)), name
        assert estimate.n == 40


@pytest.mark.parametrize(("count", "n"), [(0, 20), (20, 20), (1, 1), (0, 1), (7, 31), (719, 852), (3, 10**6)])
def test_a_proportion_has_the_wilson_interval_of_statsmodels(count, n):
    found = proportion(count, n)
    assert (found.value, found.n) == (count / n, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(count, n, method="wilson"), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
    hits = np.arange(min(n, 1000)) < count
    assert share(hits) == proportion(int(hits.sum()), len(hits))
    assert proportion(0, 0).value is None


def test_the_interval_of_the_accuracy_keeps_its_width_where_every_row_is_right():
    labels = np.arange(20) % 2
    found = metrics_with_intervals(np.stack([1 - labels, labels], axis=1).astype(float), labels)
    assert (found["f1"].low, found["f1"].high) == (1, 1)
    assert (found["accuracy"].value, found["accuracy"].high) == (1, 1)
    assert found["accuracy"].low == pytest.approx(proportion_confint(20, 20, method="wilson")[0])
    assert list(found) == list(METRIC_NAMES)


def test_the_mean_has_the_t_interval_of_statsmodels():
    values = np.random.default_rng(0).normal(size=17)
    found = mean_with_interval(values)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(values).tconfint_mean())
    assert mean_with_interval(np.array([])).value is None
    assert (mean_with_interval(np.array([0.5])).value, mean_with_interval(np.array([0.5])).low) == (0.5, None)


def test_the_only_class_is_named():
    assert [only_class(np.array(p)) for p in ([0.5, 0.1], [0.51, 0.9], [0.5, 0.51])] == ["negative", "positive", None]


def test_resamples_without_a_second_class_are_left_out_of_the_auc():
    probabilities = np.array([[0.9, 0.1]] * 8 + [[0.2, 0.8]])
    labels = np.array([0] * 8 + [1])
    auc = metrics_with_intervals(probabilities, labels, resamples=500)["auc"]
    assert (auc.value, auc.low, auc.high) == (1.0, 1.0, 1.0)


def test_estimates_are_strict_json():
    probabilities, labels = random_case(2)
    record = {name: estimate.to_dict() for name, estimate in metrics_with_intervals(probabilities, labels).items()}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert list(record["f1"]) == ["value", "low", "high", "n"]


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.full((3, 3), 1 / 3), [0, 1, 2], "shapes"),
        (np.full((3, 2), 0.5), [0, 1], "shapes"),
        (np.full(3, 0.5), [0, 1, 0], "shapes"),
        (np.empty((0, 2)), [], "no rows"),
        (np.array([[2.0, -1.0]]), [0], "between 0 and 1"),
        (np.array([[np.nan, 0.5]]), [0], "between 0 and 1"),
        (np.full((2, 2), 0.5), [0, 2], "labels"),
    ],
)
def test_bad_input_is_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(probabilities, np.array(labels))
