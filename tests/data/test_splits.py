import numpy as np
import pytest
from datasets import Dataset

from data.normal_form import normal_form
from data.splits import draw, stratified_parts


@pytest.fixture
def rows():
    """1,000 rows of 700 texts, many of them in several spellings; 30% negative."""
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 700, 1_000)
    texts = [
        ("Film no. {}", "film no {} !", "FILM  no {}")[spelling].format(number)
        for number, spelling in zip(numbers, rng.integers(0, 3, 1_000), strict=True)
    ]
    return texts, (numbers % 10 >= 3).astype(int)


def test_parts_have_their_size_and_every_label_its_share(rows):
    texts, labels = rows
    parts = stratified_parts(texts, labels, (100, 50))
    for part, size in ((1, 100), (2, 50)):
        assert (parts == part).sum() == pytest.approx(size, abs=2)
        assert labels[parts == part].mean() == pytest.approx(labels.mean(), abs=0.02)


def test_no_text_stands_in_two_parts(rows):
    texts, labels = rows
    parts = stratified_parts(texts, labels, (200, 200))
    part_of = {}
    for text, part in zip(texts, parts, strict=True):
        assert part_of.setdefault(normal_form(text), part) == part


def test_the_order_of_the_rows_does_not_matter(rows):
    texts, labels = rows
    order = np.random.default_rng(2).permutation(len(texts))
    shuffled = stratified_parts([texts[row] for row in order], labels[order], (100, 100))
    assert (shuffled == stratified_parts(texts, labels, (100, 100))[order]).all()


def test_a_smaller_part_lies_within_a_larger_one():
    texts, labels = [f"text {number}" for number in range(500)], np.arange(500) % 2
    small, large = (stratified_parts(texts, labels, (size,)) == 1 for size in (50, 200))
    assert small.sum() == 50 and (small <= large).all()


def test_rows_that_disagree_about_one_text_stay_together():
    texts = [f"text {number}" for number in range(100)] + ["Text 7!", "text 8 ."]
    labels = np.array([number % 2 for number in range(100)] + [0, 1])  # 7 is positive above, 8 negative
    for size in range(10, 90, 10):
        parts = stratified_parts(texts, labels, (size,))
        assert parts[100] == parts[7] and parts[101] == parts[8]


def test_a_small_part_holds_every_label():
    parts = stratified_parts([f"text {number}" for number in range(100)], np.arange(100) < 3, (10,))
    assert set((np.arange(100) < 3)[parts == 1]) == {True, False}


def test_the_same_rows_are_drawn_in_every_run():
    split = Dataset.from_dict({"text": [f"text {number}" for number in range(50)]})
    drawn = draw(split, 20)["text"][:]
    assert drawn == draw(split, 20)["text"][:] == draw(split, 30)["text"][:20] and len(set(drawn)) == 20
    assert drawn != split["text"][:20]
    assert sorted(draw(split, 99)["text"][:]) == sorted(split["text"][:])
    assert draw(split, None) is split
