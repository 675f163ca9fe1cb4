"""Rows and their twins: other texts that must get the same answer, for the consistency loss."""

import random

from datasets import Dataset, Value, concatenate_datasets

from data.counterfactuals import swapped
from data.wordings.filling import Wording, dressed

NO_LABEL = -1
"""The label of a row without one, as in `datasets`."""
DRESSED = 0.5
"""The share of rows that are typed otherwise: a twin costs as much as a row, and these are much alike."""


def add_wordings(rows: Dataset, found: list[Wording]) -> Dataset:
    """The rows and after them the training sentences, with NO_LABEL where a sentence holds no verdict.

    Where the rows have twins, so have the sentences.
    """
    columns = {
        "text": [wording.text for wording in found],
        "label": [NO_LABEL if wording.label is None else wording.label for wording in found],
    }
    if "twin" in rows.column_names:
        columns["twin"] = [wording.twin for wording in found]
    return concatenate_datasets([rows, Dataset.from_dict(columns, features=rows.features)])


def add_twins(rows: Dataset, seed: int) -> Dataset:
    """The rows with a column twin: a swapped copy where a row names somebody or some place, else one typed otherwise.

    Of the latter DRESSED get one, drawn at random, and the others None. The same seed gives the same twins.
    """
    draw = random.Random(f"twins:{seed}")
    twins = [
        swapped(text, draw) or (dressed(text, draw) if draw.random() < DRESSED else None) for text in rows["text"][:]
    ]
    return rows.add_column("twin", twins).cast_column("twin", Value("string"))
