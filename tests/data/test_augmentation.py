import random
from collections import Counter

import pytest
from datasets import Dataset

from cli.errors import UsageError
from data.augmentation import MOST_EDITS, augment, edited
from data.edits import EDITS
from train.config import resolve

TEXTS = [f"The film by Anna is not a great surprise, says critic number {index} in London." for index in range(40)]


@pytest.fixture
def rows():
    return Dataset.from_dict({"text": TEXTS, "label": [index % 2 for index in range(40)]})


def labels_by_number(rows):
    return Counter(
        (next(word for word in text.split() if word.isdigit()), label)
        for text, label in zip(rows["text"], rows["label"], strict=True)
    )


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0, 2.5])
def test_copies_keep_the_label_of_their_row(rows, share):
    more = augment(rows, share, seed=3)
    assert more["text"][:40] == TEXTS
    assert len(more) == 40 + round(40 * share)
    assert more.features == rows.features
    # The number is no word that an edit touches: it says which row a copy comes from.
    by_row = labels_by_number(more)
    assert set(by_row) == set(labels_by_number(rows))
    counts = Counter(by_row.values())
    whole = 1 + int(share)
    assert counts[whole] + counts[whole + 1] == 40
    assert not set(more["text"][40:]) & set(TEXTS)


def test_the_seed_decides(rows):
    assert augment(rows, 0.5, 1)["text"][:] == augment(rows, 0.5, 1)["text"][:]
    assert augment(rows, 0.5, 1)["text"][:] != augment(rows, 0.5, 2)["text"][:]


def test_a_row_that_nothing_applies_to_gets_no_copy():
    rows = Dataset.from_dict({"text": ["ok", TEXTS[0]], "label": [0, 1]})
    assert augment(rows, 1.0, 0)["label"][:] == [0, 1, 1]


def test_negations_stay():
    for seed in range(200):
        text = edited(TEXTS[0], random.Random(seed))
        assert "n't" in text or " not " in text


def test_no_more_edits_than_said(monkeypatch):
    made = []
    for name in list(EDITS):
        monkeypatch.setitem(EDITS, name, lambda text, draw, name=name: made.append(name) or text + "x")
    seen = set()
    for seed in range(50):
        made.clear()
        edited("a text", random.Random(seed))
        assert len(set(made)) == len(made) <= MOST_EDITS
        seen.add(len(made))
    assert seen == set(range(1, MOST_EDITS + 1))


def test_the_flag_takes_a_share_of_classified_rows():
    args, _, settings = resolve({"output_dir": "unused"}, ["--augment", "0.5"], where="a test", name="run")
    assert args.augment == settings["augment"] == 0.5
    for flags, words in ((["--augment", "-1"], "0 or more"), (["--augment", "nan"], "0 or more")):
        with pytest.raises(UsageError, match=words):
            resolve({"output_dir": "unused"}, flags, where="a test", name="run")
    language = {"output_dir": "unused", "task": "causal_lm", "model": "transformer"}
    with pytest.raises(UsageError, match="keep the label"):
        resolve(language, ["--augment", "1"], where="a test", name="run")
