import numpy as np
import pytest
from cleanlab.count import compute_confident_joint
from scipy.special import expit, logit

from eval.label_issues import label_issues, wrong_label_probability


def simulated(rows, wrong, overconfidence=1.8, seed=0):
    """Probabilities of an overconfident model, given labels, and which of these are wrong."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(0.35, 0.35, size=rows)
    flipped = draw.random(rows) < wrong
    labels = ((draw.random(rows) < truth) ^ flipped).astype(int)
    positive = expit(overconfidence * logit(np.clip(truth, 1e-4, 1 - 1e-4)))
    return np.stack([1 - positive, positive], axis=1), labels, flipped


def test_the_likelihood_is_the_share_of_wrong_labels():
    probabilities, labels, flipped = simulated(40_000, 0.05)
    likelihoods = wrong_label_probability(probabilities, labels, prior=0.05)
    assert likelihoods.mean() == pytest.approx(0.05, abs=0.005)
    for low, high in [(0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 1)]:
        inside = (likelihoods >= low) & (likelihoods < high)
        standard_error = np.sqrt(likelihoods[inside].mean() * (1 - likelihoods[inside].mean()) / inside.sum())
        assert flipped[inside].mean() == pytest.approx(likelihoods[inside].mean(), abs=4 * standard_error + 0.01)


def test_wrong_labels_are_listed_first():
    probabilities, labels, flipped = simulated(2000, 0.033)
    issues = label_issues([str(row) for row in range(2000)], probabilities, labels)
    rows = [issue.row for issue in issues]
    assert flipped[rows[:20]].mean() > 0.7 > 10 * flipped.mean()
    likelihoods = [issue.likelihood for issue in issues]
    assert likelihoods == sorted(likelihoods, reverse=True)
    for issue in issues[:5]:
        assert issue.text == str(issue.row)
        assert issue.label == labels[issue.row]
        assert issue.probability == probabilities[issue.row, 1 - labels[issue.row]] > 0.5


def test_listed_rows_contradict_the_model_as_often_as_the_confident_joint_says():
    # Northcutt et al.: a row counts for class j when its probability of j reaches the mean of those labelled j.
    probabilities, labels, _ = simulated(1500, 0.1, seed=3)
    rows = {issue.row for issue in label_issues([""] * 1500, probabilities, labels)}
    joint = compute_confident_joint(labels, probabilities)
    for given in (0, 1):
        own = [row for row in rows if labels[row] == given]
        assert len(own) == joint[given, 1 - given]
        least = min(probabilities[row, 1 - given] for row in own)
        left = [row for row in np.flatnonzero(labels == given) if row not in rows]
        assert least >= max(probabilities[left, 1 - given])


def test_a_degenerate_model_and_a_single_class_doubt_no_label():
    constant = np.tile([0.3, 0.7], (50, 1))
    assert label_issues([""] * 50, constant, np.arange(50) % 2) == []
    mixed = np.where(np.arange(50)[:, None] % 2, [0.1, 0.9], [0.9, 0.1])
    assert label_issues([""] * 50, mixed, np.zeros(50, dtype=int)) == []


def test_probabilities_of_zero_and_one_are_welcome():
    labels = np.arange(40) % 2
    probabilities = np.eye(2)[labels]
    probabilities[3] = probabilities[3, ::-1]
    found = label_issues([""] * 40, probabilities, labels)
    assert [issue.row for issue in found] == [3]
    assert 0 < found[0].likelihood < 1
