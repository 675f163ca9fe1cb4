"""Texts into token ids."""

from collections.abc import Callable

from datasets import Dataset
from datasets.fingerprint import generate_random_fingerprint
from transformers import PreTrainedTokenizerBase


def tokenize(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Tokenise the texts of a split once, into memory.

    dataset: columns text and label. Texts are cut at max_length tokens, special tokens included. A "[SEP]" typed in a
    text is text: it does not become the special token.
    Returns the columns input_ids (list of int), labels (int) and length (int, tokens). The collator makes the masks.
    """

    def encode(rows: dict) -> dict:
        input_ids = tokenizer(
            rows["text"],
            truncation=True,
            max_length=max_length,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return {"input_ids": input_ids, "labels": rows["label"], "length": [len(ids) for ids in input_ids]}

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
