import numpy as np

from eval.error_analysis import most_confident_errors


def columns(positive):
    return np.stack([1 - np.array(positive), np.array(positive)], axis=1)


def test_the_most_confident_errors_are_those_of_brute_force():
    draw = np.random.default_rng(0)
    positive, labels = draw.random(300), draw.integers(2, size=300)
    texts = [f"row {row}" for row in range(300)]
    wrong = [row for row in range(300) if (positive[row] > 0.5) != labels[row]]
    expected = sorted(wrong, key=lambda row: -abs(positive[row] - 0.5))
    found = most_confident_errors(texts, columns(positive), labels, limit=25)
    assert [error.row for error in found] == expected[:25]
    for error in found:
        assert error.text == texts[error.row]
        assert error.label == labels[error.row]
        assert error.probability == max(positive[error.row], 1 - positive[error.row])


def test_equal_errors_keep_the_order_of_the_rows_and_there_may_be_none():
    found = most_confident_errors(["a", "b", "c"], columns([0.9, 0.9, 0.9]), np.array([0, 1, 0]))
    assert [error.row for error in found] == [0, 2]
    assert most_confident_errors(["a"], columns([0.9]), np.array([1])) == []


def test_one_half_counts_as_negative_as_in_the_metrics():
    assert [error.label for error in most_confident_errors(["a", "b"], columns([0.5, 0.5]), np.array([0, 1]))] == [1]
