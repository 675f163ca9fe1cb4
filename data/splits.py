"""Cutting fixed parts out of a table of labelled texts: stratified, or drawn at random."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pandas as pd
from datasets import Dataset

from data.normal_form import normal_form


def stratified_parts(texts: Sequence[str], labels: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Cut parts of about the given sizes out of the rows, each label keeping its share, no text in two parts.

    Texts with equal normal form are one group and stay together; a group whose rows disagree counts for the label of
    its first row. Groups are taken in the order of a hash of their text, so that the choice depends neither on the
    order of the rows nor on a random number generator, and a smaller part lies within a larger one (but for groups
    that no longer fit). Every part gets at least one row of every label, where there are enough.

    Returns the part of every row, shape (rows,): 0 for the rest, 1 for the first of the sizes, and so on.
    """
    forms = [normal_form(text) for text in texts]
    group_of_row, groups = pd.factorize(np.array(forms, dtype=object))
    group_sizes = np.bincount(group_of_row).tolist()
    group_labels = np.asarray(labels)[np.unique(group_of_row, return_index=True)[1]].tolist()
    digests = [blake2b(form.encode(), digest_size=16).digest() for form in groups]
    hash_order = sorted(range(len(groups)), key=digests.__getitem__)

    values, counts = np.unique(labels, return_counts=True)
    part_of_group = np.zeros(len(groups), dtype=np.int64)
    for part, size in enumerate(sizes, start=1):
        wanted = dict(zip(values.tolist(), np.rint(size * counts / len(forms)).clip(min=1), strict=True))
        for group in hash_order:
            if part_of_group[group] == 0 and group_sizes[group] <= wanted[group_labels[group]]:
                wanted[group_labels[group]] -= group_sizes[group]
                part_of_group[group] = part
    return part_of_group[group_of_row]


def draw(split: Dataset, rows: int | None) -> Dataset:
    """At most so many rows of a split, drawn at random, the same ones in every run; None: all, as they are."""
    return split if rows is None else split.shuffle(seed=0).select(range(min(rows, len(split))))
