import numpy as np
import pytest
from sklearn import metrics as sk

from eval.bootstrap import resampled_weights
from eval.curves import (
    best_f1_threshold,
    f1_of_threshold,
    history,
    precision_recall_curve,
    roc_curve,
    threshold_curves,
)


def random_case(seed: int, rows: int = 80, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with ties; at one digit, many of them."""
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.arange(rows) % 3 == 0).astype(int)
    positive = np.clip(np.round(0.5 + 0.4 * (labels - 0.5) + 0.3 * draw.normal(size=rows), digits), 0, 1)
    return np.stack([1 - positive, positive], axis=1), labels


@pytest.mark.parametrize("digits", [1, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_roc_curve_is_that_of_scikit_learn(seed, digits):
    probabilities, labels = random_case(seed, digits=digits)
    curve = roc_curve(probabilities, labels, resamples=10)
    false_positive, true_positive, _ = sk.roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
    x, y = np.array(curve.x), np.array(curve.y)
    assert len(x) == 201
    upper = [true_positive[false_positive <= rate + 1e-12].max() for rate in x]
    lower = [true_positive[false_positive >= rate - 1e-12].min() for rate in x]
    # Between scikit-learn's points, and on its line where that does not stand upright.
    assert (y >= np.array(upper) - 1e-9).all()
    slanted = np.array(upper) <= np.array(lower) + 1e-12
    assert y[slanted] == pytest.approx(np.interp(x, false_positive, true_positive)[slanted])
    assert np.trapezoid(y, x) == pytest.approx(sk.roc_auc_score(labels, probabilities[:, 1]), abs=0.01)


@pytest.mark.parametrize("digits", [1, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_precision_recall_curve_is_that_of_scikit_learn(seed, digits):
    probabilities, labels = random_case(seed, digits=digits)
    curve = precision_recall_curve(probabilities, labels, resamples=10)
    precision, recall, _ = sk.precision_recall_curve(labels, probabilities[:, 1])
    assert len(curve.x) == 200
    for x, y in zip(curve.x, curve.y, strict=True):
        reached = np.flatnonzero(recall >= x - 1e-12)[-1]  # the highest threshold
        assert y == pytest.approx(precision[reached])
    assert np.mean(curve.y) == pytest.approx(sk.average_precision_score(labels, probabilities[:, 1]), abs=0.01)


def test_bands_are_those_of_a_loop_over_the_same_resamples():
    probabilities, labels = random_case(3, rows=50)
    curves = threshold_curves(probabilities, labels, resamples=40, seed=5)
    ranked = precision_recall_curve(probabilities, labels, resamples=40, seed=5)
    (weights,) = resampled_weights(50, resamples=40, seed=5)
    drawn = [np.repeat(np.arange(50), weight.astype(int)) for weight in weights]
    for at in (10, 45, 80):
        loop = [sk.f1_score(labels[rows], probabilities[rows, 1] > curves["f1"].x[at]) for rows in drawn]
        expected = np.quantile(loop, [0.025, 0.975])
        assert (curves["f1"].low[at], curves["f1"].high[at]) == pytest.approx(tuple(expected))
    loop = [precision_recall_curve(probabilities[rows], labels[rows], resamples=1).y for rows in drawn]
    assert ranked.low == pytest.approx(np.quantile(loop, 0.025, axis=0).tolist())


@pytest.mark.parametrize("seed", range(2))
def test_threshold_curves_are_those_of_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    curves = threshold_curves(probabilities, labels, resamples=10)
    for at, threshold in list(enumerate(curves["f1"].x))[::7]:
        answers = probabilities[:, 1] > threshold
        assert curves["f1"].y[at] == pytest.approx(sk.f1_score(labels, answers, zero_division=0))
        assert curves["recall"].y[at] == pytest.approx(sk.recall_score(labels, answers))
        if answers.any():
            assert curves["precision"].y[at] == pytest.approx(sk.precision_score(labels, answers))
        else:
            assert curves["precision"].y[at] is None


@pytest.mark.parametrize("digits", [1, 2, 8])
@pytest.mark.parametrize("seed", range(2))
def test_no_threshold_has_a_better_f1(seed, digits):
    probabilities, labels = random_case(seed, digits=digits)
    found = sk.f1_score(labels, probabilities[:, 1] > best_f1_threshold(probabilities, labels))
    tried = [sk.f1_score(labels, probabilities[:, 1] > at) for at in [0.0, *np.unique(probabilities[:, 1])[:-1]]]
    assert found == pytest.approx(max(tried))


def test_one_half_is_kept_where_it_is_as_good():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    assert best_f1_threshold(probabilities, np.array([0, 0, 1])) == 0.5
    assert best_f1_threshold(probabilities, np.array([0, 1, 1])) == pytest.approx(0.25)


def test_the_gain_of_a_threshold_is_a_paired_difference():
    probabilities, labels = random_case(0, rows=200)
    found = f1_of_threshold(probabilities, labels, 0.4, seed=1)
    at_half, at_threshold = (sk.f1_score(labels, probabilities[:, 1] > threshold) for threshold in (0.5, 0.4))
    assert found["f1_at_half"].value == pytest.approx(at_half)
    assert found["f1_at_threshold"].value == pytest.approx(at_threshold)
    assert found["f1_gain"].value == pytest.approx(at_threshold - at_half)
    gain, alone = found["f1_gain"], found["f1_at_half"]
    assert gain.high - gain.low < alone.high - alone.low
    same = f1_of_threshold(probabilities, labels, 0.5)["f1_gain"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_history_is_what_was_logged_at_evaluations():
    journal = [
        {"kind": "train", "step": 1, "epoch": 0.1, "loss": 0.7},
        {"kind": "eval", "step": 2, "epoch": 1.0, "loss": 0.5, "f1": 0.8, "auc": 0.9},
        {"kind": "event", "step": 2, "epoch": 1.0, "event": "train_end"},
    ]
    (line,) = history(journal)
    nothing = {"accuracy": None, "precision": None, "recall": None}
    assert line == {"epoch": 1.0, "step": 2, "loss": 0.5, "f1": 0.8, **nothing}


@pytest.mark.parametrize("curve", [roc_curve, precision_recall_curve])
def test_a_single_class_has_no_curve(curve):
    found = curve(np.array([[0.4, 0.6]] * 5), np.ones(5), resamples=5)
    assert set(found.y) == set(found.low) == set(found.high) == {None}
