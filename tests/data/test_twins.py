import pytest
import torch
from datasets import Dataset, Features

from data.batching import IGNORED, PadToLongest
from data.corpora import FEATURES
from data.tokenizing import tokenize
from data.twins import DRESSED, NO_LABEL, add_twins, add_wordings
from data.wordings.filling import wordings

WITH_TWINS = Features(FEATURES | {"twin": FEATURES["text"]})


@pytest.fixture
def rows():
    texts = [f"a fine film about row {index}" for index in range(400)] + ["Anna is in it"] * 20
    return Dataset.from_dict({"text": texts, "label": [index % 2 for index in range(420)]}, features=FEATURES)


def test_named_rows_are_swapped_and_some_of_the_others_typed_otherwise(rows):
    twins = add_twins(rows, 0)["twin"][:]
    assert all(twin and twin != "Anna is in it" and twin.endswith(" is in it") for twin in twins[400:])
    others = [(text, twin) for text, twin in zip(rows["text"][:400], twins[:400], strict=True) if twin]
    assert len(others) / 400 == pytest.approx(DRESSED, abs=0.08)
    assert all(text != twin for text, twin in others)
    assert add_twins(rows, 0)["twin"][:] == twins != add_twins(rows, 1)["twin"][:]


def test_sentences_come_after_the_rows(rows):
    found = wordings(60, 0)
    more = add_wordings(add_twins(rows, 0), found)
    assert more["text"][420:] == [row.text for row in found] and more["twin"][420:] == [row.twin for row in found]
    assert more["label"][420:] == [NO_LABEL if row.label is None else row.label for row in found]
    assert add_wordings(rows, wordings(60, 0, neutral=False)).column_names == ["text", "label"]


def test_from_text_to_batch(tiny_bert):
    from transformers import AutoTokenizer

    rows = Dataset.from_dict(
        {"text": ["good film", "bad", "the plot", "was a story"], "label": [1, 0, -1, 1],
         "twin": [None, "bad bad bad bad", "the cast", None]},
        features=WITH_TWINS,
    )  # fmt: skip
    tokenised = tokenize(rows, AutoTokenizer.from_pretrained(tiny_bert), 32)
    assert tokenised["labels"][:] == [1, 0, IGNORED, 1]
    assert tokenised["length"][:] == [4, 6, 4, 5]
    batch = PadToLongest(pad_token_id=0)(list(tokenised))
    # Those with a twin come first, their twins last.
    assert batch["labels"].tolist() == [0, IGNORED, 1, 1]
    ids = tokenised["input_ids"][:]
    expected = [ids[1], ids[2], ids[0], ids[3], tokenised["twin_ids"][1], tokenised["twin_ids"][2]]
    kept = [row[mask.bool()].tolist() for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
    assert kept == expected
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (6, 6)
    assert torch.equal(batch["input_ids"] != 0, batch["attention_mask"].bool())


def test_a_corpus_without_any_twin_is_tokenised(tiny_bert):
    from transformers import AutoTokenizer

    rows = Dataset.from_dict({"text": ["good film"], "label": [1], "twin": [None]}, features=WITH_TWINS)
    tokenised = tokenize(rows, AutoTokenizer.from_pretrained(tiny_bert), 32)
    batch = PadToLongest(pad_token_id=0)(list(tokenised))
    assert batch["input_ids"].shape == (1, 4) and tokenised["twin_ids"][:] == [[]]
