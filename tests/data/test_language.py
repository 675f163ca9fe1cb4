import pytest
from datasets import Dataset

from data.language import IGNORED, PadLanguageRows, language_rows, windows
from data.tokenizer import train_tokenizer

TEXTS = ["a fine film", "bad", "word " * 30, "typed <eos> and <bos>"]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 280)


@pytest.mark.parametrize("length", [2, 3, 8, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 15])
def test_every_token_but_the_first_is_predicted_exactly_once(count, length):
    ids = list(range(count))
    cut = windows(ids, length)
    assert [token for row in cut for token in row[1:]] == ids[1:]
    assert all(2 <= len(row) <= length for row in cut)
    assert all(first[-1] == second[0] for first, second in zip(cut, cut[1:], strict=False))


def test_texts_stand_between_beginning_and_end(tokenizer):
    rows = language_rows(Dataset.from_dict({"text": TEXTS, "label": [1, 0, 0, 1]}), tokenizer, 12)
    assert rows.column_names == ["input_ids", "length"]
    assert rows["length"][:] == [len(ids) for ids in rows["input_ids"]] and max(rows["length"]) <= 12
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    assert [ids[0] == begin for ids in rows["input_ids"]].count(True) == len(TEXTS)
    assert [ids[-1] == end for ids in rows["input_ids"]].count(True) == len(TEXTS)
    for text, ids in zip(TEXTS[:2], rows["input_ids"], strict=False):
        assert ids == [*tokenizer(text)["input_ids"], end]
    assert sum(ids.count(end) for ids in rows["input_ids"]) == len(TEXTS)  # a typed one is text


def test_a_borrowed_tokenizer_gives_its_own_beginning_and_end(embedded_tokenizer):
    rows = language_rows(Dataset.from_dict({"text": ["a fine film"]}), embedded_tokenizer, 12)
    assert rows[0]["input_ids"] == embedded_tokenizer("a fine film")["input_ids"]


def test_padding_and_the_first_token_are_not_predicted():
    batch = PadLanguageRows(pad_token_id=0)([{"input_ids": [1, 5, 6, 2]}, {"input_ids": [1, 0]}])
    assert batch["input_ids"].tolist() == [[1, 5, 6, 2], [1, 0, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    # A padding token that stands in a text is one of its tokens.
    assert batch["labels"].tolist() == [[IGNORED, 5, 6, 2], [IGNORED, 0, IGNORED, IGNORED]]
