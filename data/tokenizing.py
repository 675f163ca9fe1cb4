"""Texts into token ids."""

from collections.abc import Callable

from datasets import Dataset
from datasets.fingerprint import generate_random_fingerprint
from transformers import PreTrainedTokenizerBase

from data.batching import IGNORED


def tokenize(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Tokenise the texts of a split once, into memory.

    dataset: columns text and label, -1 being no label, and perhaps twin, a text that must get the same answer, or
    None. Texts are cut at max_length tokens, special tokens included. A "[SEP]" typed in a text is text: it does not
    become the special token.
    Returns the columns input_ids (list of int), labels (int, IGNORED for none), length (int, tokens, of the longer one
    where there is a twin) and, with a column of twins, twin_ids (list of int, empty for none). The collator makes the
    masks.
    """

    def ids(texts: list[str]) -> list[list[int]]:
        return tokenizer(
            texts,
            truncation=True,
            max_length=max_length,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]

    def encode(rows: dict) -> dict:
        input_ids = ids(rows["text"])
        labels = [IGNORED if label < 0 else label for label in rows["label"]]
        if "twin" not in rows:
            return {"input_ids": input_ids, "labels": labels, "length": list(map(len, input_ids))}
        twins = iter(ids([twin for twin in rows["twin"] if twin is not None]) if any(rows["twin"]) else [])
        twin_ids = [[] if twin is None else next(twins) for twin in rows["twin"]]
        length = [max(len(one), len(other)) for one, other in zip(input_ids, twin_ids, strict=True)]
        return {"input_ids": input_ids, "labels": labels, "length": length, "twin_ids": twin_ids}

    return encode_in_memory(dataset, encode)


def encode_in_memory(dataset: Dataset, encode: Callable[[dict], dict]) -> Dataset:
    """The columns that `encode` makes of a split, batch by batch, in memory."""
    return dataset.map(
        encode,
        batched=True,
        remove_columns=dataset.column_names,
        keep_in_memory=True,
        load_from_cache_file=False,
        # Else one is made by hashing the tokenizer, which takes longer than to tokenise 3,000 sentences.
        new_fingerprint=generate_random_fingerprint(),
        desc="Tokenising",
    )
