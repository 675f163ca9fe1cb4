"""SST-2: the Stanford Sentiment Treebank with two labels, as distributed with GLUE."""

from collections.abc import Sequence

import datasets
import numpy as np
import pyarrow as pa
from datasets.exceptions import DatasetsError
from huggingface_hub.utils import httpx

from cli.errors import UserError
from data.checks import LABEL_COLUMN, checked, text_column
from data.containment import count_occurrences, words
from data.splits import stratified_parts

REPOSITORY = "stanfordnlp/sst2"
VALIDATION_SENTENCES = 1_000
SHORTEST_DROPPED = 3


def read_sst2_from_hub() -> dict[str, pa.Table]:
    """Read the labelled splits from the Hub: train (67,349 phrases) and validation (872 sentences).

    Raises UserError where the Hub cannot be reached and its cache does not hold them.
    """
    try:
        splits = datasets.load_dataset(REPOSITORY)
    except (OSError, httpx.HTTPError, DatasetsError) as error:
        raise UserError(
            f"SST-2 cannot be read from the Hub ({' '.join(str(error).split())}); without a network, "
            "`accelerate launch train/run.py` (--config train/configs/quickstart.yaml) works, "
            "and --data_dir DIR reads SST-2 from a folder"
        ) from error
    return {name: _table(splits[name], f"{REPOSITORY} {name}") for name in ("train", "validation")}


def cut_whole_sentences(texts: Sequence[str], labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut whole sentences out of SST-2's training phrases for validation.

    Most of the 67,349 rows are phrases of 6,885 whole sentences (rows that occur in no other row), so that a random
    cut would leave pieces of every validation row in train. 1,000 whole sentences (a fifth of them where there are
    fewer than 5,000) are chosen, each label keeping its share; rows of three words or more that occur in a chosen
    sentence leave train. Shorter ones stay: "a film" gives nothing away.

    Returns boolean masks of shape (rows,): kept for training, chosen for validation. They do not cover all rows.
    """
    labels = np.asarray(labels)
    whole = np.flatnonzero(count_occurrences(texts, texts) == 1)
    if len(whole) == 0:
        raise UserError("no row of the training file is a whole sentence: each occurs within another one")
    size = min(VALIDATION_SENTENCES, len(whole) // 5)
    chosen = np.zeros(len(texts), dtype=bool)
    chosen[whole] = stratified_parts([texts[row] for row in whole], labels[whole], (size,)) == 1

    contained = count_occurrences(texts, [texts[row] for row in np.flatnonzero(chosen)]) > 0
    long_enough = np.array([len(words(text)) >= SHORTEST_DROPPED for text in texts])
    return ~chosen & ~(contained & long_enough), chosen


def _table(rows: datasets.Dataset, source: str) -> pa.Table:
    columns = rows.data
    texts = pa.array(columns[text_column(rows.column_names, source)].to_pylist(), pa.string())
    labels = columns[LABEL_COLUMN].combine_chunks().cast(pa.string())
    return checked(texts, labels, source, lambda row: f"row {row + 1}")
