"""More training rows from those there are: edited copies that keep their label."""

import random

from datasets import Dataset, concatenate_datasets

from data.edits import EDITS

KEEPING = (
    "typo",
    "drop_letter",
    "swap_letters",
    "synonym",
    "swap_names",
    "swap_places",
    "contract",
    "expand_contractions",
)
"""Edits that a reader's verdict does not hang on."""
MOST_EDITS = 3
"""Of a copy: one alone leaves most words where they were."""


def augment(rows: Dataset, share: float, seed: int) -> Dataset:
    """The rows, and after them edited copies of a share of them, with the labels of the rows they come from.

    `share` is the copies by row: 0.5 copies every other row, drawn at random, 2 every row twice. A copy has one to
    MOST_EDITS edits of KEEPING; a row that none applies to gets none. The same seed gives the same copies. Source:
    Wei and Zou, EDA: Easy data augmentation techniques for text classification, 2019; of their operations, random
    deletion and insertion are left out, which can turn a label.
    """
    draw = random.Random(seed)
    whole = int(share)
    sources = [row for _ in range(whole) for row in range(len(rows))]
    sources += sorted(draw.sample(range(len(rows)), round((share - whole) * len(rows))))
    texts = rows["text"][:]
    copies = {
        row: text for row, text in ((index, edited(texts[row], draw)) for index, row in enumerate(sources)) if text
    }
    copied = rows.select([sources[index] for index in copies])
    copied = copied.remove_columns("text").add_column("text", list(copies.values()))
    return concatenate_datasets([rows, copied.select_columns(rows.column_names).cast(rows.features)])


def edited(text: str, draw: random.Random) -> str | None:
    """A text with one to MOST_EDITS edits that keep its label; None where none applies."""
    wanted, made = draw.randint(1, MOST_EDITS), 0
    for name in draw.sample(KEEPING, len(KEEPING)):
        if made == wanted:
            break
        if (changed := EDITS[name](text, draw)) is not None:
            text, made = changed, made + 1
    return text if made else None
