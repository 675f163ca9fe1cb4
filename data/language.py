"""Texts as a language model reads them: every token is predicted once, from those before it in its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from data.batching import PadToLongest
from data.tokenizing import encode_in_memory

IGNORED = -100
"""The label of what is not to be predicted, as everywhere in torch and transformers."""


def language_rows(dataset: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Tokenise a split for a language model, into memory; labels of texts play no part.

    dataset: a column text. Each text stands between the tokenizer's tokens of beginning and end, where it has them, and
    is cut into rows of at most max_length tokens (2 or more), of which each begins with the last token of the one
    before: so each token but a text's first is predicted exactly once. A text of one token has nothing to predict.
    Returns the columns input_ids (list of int) and length (int, tokens), one row or more a text, in order.
    """
    begin = _first(tokenizer.bos_token_id, tokenizer.cls_token_id)
    end = _first(tokenizer.eos_token_id, tokenizer.sep_token_id)

    def encode(rows: dict) -> dict:
        texts = tokenizer(
            rows["text"],
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        cut = [row for ids in texts for row in windows([*begin, *ids, *end], max_length)]
        return {"input_ids": cut, "length": [len(row) for row in cut]}

    return encode_in_memory(dataset, encode)


def windows(ids: Sequence[int], length: int) -> list[list[int]]:
    """Cut a text's tokens into rows of at most `length`, each beginning with the last token of the one before."""
    return [list(ids[start : start + length]) for start in range(0, len(ids) - 1, length - 1)]


@dataclass(frozen=True, kw_only=True)
class PadLanguageRows(PadToLongest):
    """Collate a language model's rows; what is to be predicted are the rows themselves.

    The labels are the input_ids with IGNORED for padding and for the first token, which nothing stands before: as many
    others as there are predictions.
    """

    def __call__(self, rows: Sequence[Mapping]) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and labels, shape (rows, tokens), int64."""
        batch = super().__call__(rows)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, IGNORED)
        labels[:, 0] = IGNORED
        return batch | {"labels": labels}


def _first(*ids: int | None) -> list[int]:
    """The first of the ids that there is, in a list; an empty list where there is none."""
    return [token for token in ids if token is not None][:1]
