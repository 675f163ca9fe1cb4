import pytest
from datasets import Dataset

from data.tokenizing import tokenize

TEXTS = ["a fine film .", "bad", "words " * 50, "typed [SEP] and [MASK]", "élan 😀 日本"]


@pytest.fixture
def tokenized(embedded_tokenizer):
    return tokenize(Dataset.from_dict({"text": TEXTS, "label": [1, 0, 0, 1, 1]}), embedded_tokenizer, 16)


def test_rows_equal_those_tokenised_one_by_one(tokenized, embedded_tokenizer):
    for text, row in zip(TEXTS[:3], tokenized, strict=False):
        assert row["input_ids"] == embedded_tokenizer(text, truncation=True, max_length=16)["input_ids"]
    assert tokenized.column_names == ["input_ids", "labels", "length"]
    assert tokenized["labels"][:] == [1, 0, 0, 1, 1]
    assert tokenized["length"][:] == [len(ids) for ids in tokenized["input_ids"]]
    assert max(tokenized["length"]) == 16


def test_a_typed_special_token_is_text(tokenized, embedded_tokenizer):
    ids = tokenized[3]["input_ids"]
    assert ids[-1] == embedded_tokenizer.sep_token_id and ids.count(embedded_tokenizer.sep_token_id) == 1
    assert embedded_tokenizer.mask_token_id not in ids


def test_rows_stay_in_memory(tokenized):
    assert tokenized.cache_files == []
    assert tokenized[0].keys() == {"input_ids", "labels", "length"} and isinstance(tokenized[0]["input_ids"], list)
