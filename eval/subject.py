"""What is judged: a model, the texts it is judged on, and what is known of its training."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from cli.errors import UsageError, UserError
from data.corpora import Corpus, load_corpus
from data.overlap import check_overlap
from eval.predictor import Predictions, Predictor
from eval.run_directory import RunDirectory, read_journal, read_settings


@dataclass(frozen=True, slots=True)
class Scored:
    """The texts of a split with their labels and what the model says to them."""

    texts: list[str]
    labels: np.ndarray
    """(n,) of 0 (negative) and 1 (positive)."""
    probabilities: np.ndarray
    """(n, 2), raw: not calibrated."""
    truncated: np.ndarray
    """(n,) of bool: longer than the model reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a user may set for the parts."""

    suite: Path | None = None
    """A JSONL file of behavioural tests beside our own."""
    neutral_band: tuple[float, float] = (1 / 3, 2 / 3)
    checkpoints: bool = False
    """Score every checkpoint of the run too."""
    seed: int = 0
    progress: Callable[[Iterable, str, int | None], Iterable] = field(default=lambda items, name, total: items)
    """Wraps what a part goes over, with its name and its length where known, and shows how far it is."""


class Subject:
    """A model with its corpus; each split is predicted once, when a part first asks for it."""

    def __init__(
        self,
        name: str,
        predictor: Predictor,
        corpus: Corpus,
        *,
        run: RunDirectory | None = None,
        other: "Subject | None" = None,
    ):
        """run: where the model comes from, if it is one of ours; other: the model it is compared with."""
        self.name = name
        self.predictor = predictor
        self.corpus = corpus
        self.run = run
        self.other = other

    @cached_property
    def validation(self) -> Scored:
        """The rows for every choice: temperature, thresholds."""
        return self._score(self.corpus.validation)

    @cached_property
    def test(self) -> Scored:
        """The rows that are reported on."""
        return self._score(self.corpus.test)

    @cached_property
    def journal(self) -> list[dict]:
        """The lines of the run's journal; none where the model is no run."""
        return read_journal(self.run.journal) if self.run and self.run.journal.is_file() else []

    def predict(self, texts: Sequence[str]) -> Predictions:
        """What the model says to any texts."""
        return self.predictor.predict(texts)

    def describe(self) -> dict[str, Any]:
        """What tells one evaluation from another: the model and the rows, as about.json keeps them."""
        return {
            "model": self.name,
            "weights": _fingerprint(Path(self.name)),
            "corpus": self.corpus.name,
            "validation rows": len(self.corpus.validation),
            "test rows": len(self.corpus.test),
        }

    def _score(self, split: Dataset) -> Scored:
        texts, labels = split["text"][:], np.array(split["label"][:])
        predictions = self.predict(texts)
        return Scored(texts, labels, predictions.probabilities, predictions.truncated)


def load_subject(
    name: str,
    *,
    corpus: str | None = None,
    data_dir: str | None = None,
    against: str | None = None,
    allow_overlap: bool = False,
    threads: int | None = None,
) -> Subject:
    """A run, a model folder or a Hub id with its corpus: the run's own where none is named.

    Raises UserError where the model or the corpus cannot be loaded, no corpus is known, or test rows stand in the text
    that a run was trained on and `allow_overlap` is not set.
    """
    names = [name, against] if against else [name]
    runs = [run_of(each) for each in names]
    settings = [read_settings(run.config) if run else {} for run in runs]
    wanted = _corpus_wanted(name, settings[0], corpus, data_dir)
    judged_on = load_corpus(**wanted)
    for each, own in zip(names, settings, strict=True):
        if own:
            _check_training_texts(each, own, judged_on, wanted, allow_overlap)
    subject = None
    for each, run in zip(reversed(names), reversed(runs), strict=True):
        subject = Subject(each, Predictor.load(each, threads=threads), judged_on, run=run, other=subject)
    return subject


def run_of(name: str) -> RunDirectory | None:
    """The run directory that a name stands for; None where it is another model."""
    run = RunDirectory(name)
    if not run.config.is_file():
        return None
    if not (run.path / "config.json").is_file():
        raise UserError(f"{name} holds no model yet: finish its training (train/run.py with --resume) first")
    return run


def _corpus_wanted(name: str, settings: dict, corpus: str | None, data_dir: str | None) -> dict[str, Any]:
    if corpus is None and data_dir is None:
        if "corpus" not in settings:
            raise UsageError(f"{name} is no run of train/run.py: say with --corpus or --data_dir what to judge it on")
        return {"name": settings["corpus"], "data_dir": settings.get("data_dir")}
    return {"name": corpus or settings.get("corpus", "reviews"), "data_dir": data_dir}


def _check_training_texts(name: str, settings: dict, judged_on: Corpus, wanted: dict, allow: bool) -> None:
    """Refuse to judge a run on rows it was trained on."""
    own = {"name": settings.get("corpus", "reviews"), "data_dir": settings.get("data_dir")}
    if allow:
        return
    try:
        trained_on = judged_on if own == wanted else load_corpus(**own)
    except UserError as error:
        raise UserError(
            f"cannot see what {name} was trained on ({error}): bring the data back, or go on with --allow_overlap"
        ) from error
    try:
        check_overlap(trained_on.train, judged_on.test, allow=False)
    except UserError as error:
        raise UserError(f"{name} was trained on rows of the test: {error}") from error


def _fingerprint(folder: Path) -> str | None:
    """The beginning of the SHA-256 of a folder's weights."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        return None
    with open(weights, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
