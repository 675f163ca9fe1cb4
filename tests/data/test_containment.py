import numpy as np
import pytest

from data.containment import count_occurrences


def brute_force(text, within):
    wanted = text.lower().split()
    rows = [row.lower().split() for row in within]
    return sum(row[at : at + len(wanted)] == wanted for row in rows for at in range(len(row) - len(wanted) + 1))


@pytest.mark.parametrize("seed", range(5))
def test_counts_equal_brute_force(seed):
    rng = np.random.default_rng(seed)
    texts, within = (
        [" ".join(rng.choice(["a", "b", "ab"], rng.integers(1, 7))) for _ in range(count)] for count in (60, 80)
    )
    assert count_occurrences(texts, within).tolist() == [brute_force(text, within) for text in texts]
    assert count_occurrences(texts, texts).tolist() == [brute_force(text, texts) for text in texts]


def test_only_whole_words_count_and_runs_do_not_cross_rows():
    within = ["a smart film", "start", "modern art", "film art"]
    assert count_occurrences(["art film", "art"], within).tolist() == [0, 2]


def test_nothing_occurs_in_nothing():
    assert count_occurrences(["a"], []).tolist() == [0]
    assert count_occurrences(["", "a"], ["a b"]).tolist() == [0, 1]
    assert count_occurrences([], ["a"]).tolist() == []
