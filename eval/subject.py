"""What is judged: a model, the texts it is judged on, and what is known of its training."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from cli.errors import UsageError, UserError
from data.corpora import Corpus, load_corpus
from data.overlap import MAX_SHARE, check_overlap
from data.splits import draw
from eval.predictor import Predictions, Predictor
from eval.probes.judge import NEUTRAL_BAND
from eval.run_directory import RunDirectory, read_journal, read_settings, weights_fingerprint

Progress = Callable[[Iterable, str, int | None], Iterable]
ROWS_AT_ONCE = 1_024


def no_progress(items: Iterable, name: str, total: int | None = None) -> Iterable:
    """Show nothing."""
    return items


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
    neutral_band: tuple[float, float] = NEUTRAL_BAND
    checkpoints: bool = False
    """Score every checkpoint of the run too."""
    evidence: Path | None = None
    """Where the training sentences go that the app shows beside an answer; None keeps none."""
    seed: int = 0
    progress: Progress = no_progress
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
        on_own_corpus: bool = False,
        overlap: int = 0,
        progress: Progress = no_progress,
    ):
        """run: where the model comes from, if it is one of ours; other: the model it is compared with.

        on_own_corpus: whether the run was trained for this corpus; overlap: how many of the rows it was trained on.
        """
        self.name = name
        self.predictor = predictor
        self.corpus = corpus
        self.run = run
        self.other = other
        self.on_own_corpus = on_own_corpus
        self.overlap = overlap
        self._progress = progress

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
        """What was judged, as about.json keeps it: the model, the rows, and how many of them it was trained on."""
        validation, test = self.corpus.validation, self.corpus.test
        return {
            "model": self.name,
            "weights": weights_fingerprint(self.name),
            "corpus": self.corpus.name,
            "validation rows": len(validation),
            "test rows": len(test),
            "rows": _fingerprint(str(row) for split in (validation, test) for row in split),
            "overlap": self.overlap,
        }

    def _score(self, split: Dataset) -> Scored:
        texts, labels = split["text"][:], np.array(split["label"][:])
        starts = range(0, len(texts), ROWS_AT_ONCE)
        parts = [self.predict(texts[i : i + ROWS_AT_ONCE]) for i in self._progress(starts, "rows", len(starts))]
        probabilities = np.concatenate([part.probabilities for part in parts])
        return Scored(texts, labels, probabilities, np.concatenate([part.truncated for part in parts]))


def load_subject(
    name: str,
    *,
    corpus: str | None = None,
    data_dir: str | None = None,
    against: str | None = None,
    allow_overlap: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> Subject:
    """A run, a model folder or a Hub id with its corpus: the run's own, with the rows it was trained on, where none is
    named.

    Raises UserError where the model or the corpus cannot be loaded, no corpus is known, or rows to judge on stand in
    the text that a run was trained on and `allow_overlap` is not set.
    """
    names = [name, against] if against else [name]
    runs = [run_of(each) for each in names]
    settings = [read_settings(run.config) if run else {} for run in runs]
    wanted = _corpus_wanted(name, settings[0], corpus, data_dir)
    judged_on = load_corpus(**wanted)
    overlaps = [_trained_on(each, own, judged_on, allow_overlap) for each, own in zip(names, settings, strict=True)]
    subject = None
    for each, run, own, overlap in zip(*map(reversed, (names, runs, settings, overlaps)), strict=True):
        on_own_corpus = bool(own) and wanted == _own_corpus(own)
        subject = Subject(
            each,
            Predictor.load(each, threads=threads),
            replace(judged_on, train=_training_rows(own)) if on_own_corpus else judged_on,
            run=run,
            other=subject,
            on_own_corpus=on_own_corpus,
            overlap=overlap,
            progress=progress,
        )
    return subject


def run_of(name: str) -> RunDirectory | None:
    """The run directory that a name stands for; None where it is another model."""
    run = RunDirectory(name)
    if not run.config.is_file() or not {"corpus", "model", "tuning"} <= read_settings(run.config).keys():
        return None
    if not (run.path / "config.json").is_file():
        raise UserError(f"{name} holds no model yet: finish its training (train/run.py with --resume) first")
    return run


def _own_corpus(settings: dict[str, Any]) -> dict[str, Any]:
    """What load_corpus needs for the corpus that a run was trained for."""
    return {"name": settings["corpus"], "data_dir": settings.get("data_dir")}


def _corpus_wanted(name: str, settings: dict, corpus: str | None, data_dir: str | None) -> dict[str, Any]:
    if corpus is not None or data_dir is not None:
        return {"name": corpus or settings.get("corpus", "reviews"), "data_dir": data_dir}
    if not settings:
        raise UsageError(f"{name} is no run of train/run.py: say with --corpus or --data_dir what to judge it on")
    return _own_corpus(settings)


def _trained_on(name: str, settings: dict, judged_on: Corpus, allow: bool) -> int:
    """How many of the rows to judge on a run was trained on; UserError where they are too many and not allowed."""
    if not settings:
        return 0
    try:
        train = _training_rows(settings)
    except UserError as error:
        if allow:
            return 0
        raise UserError(
            f"cannot see what {name} was trained on ({error}): bring the data back, or go on with --allow_overlap"
        ) from error
    found = 0
    for split in ("validation", "test"):
        try:
            overlap = check_overlap(train, getattr(judged_on, split), allow=allow)
        except UserError as error:
            raise UserError(f"{name} was trained on rows of the {split} split: {error}") from error
        # A few stray duplicates are in every corpus.
        found += overlap.count if overlap.share > MAX_SHARE else 0
    return found


def _training_rows(settings: dict[str, Any]) -> Dataset:
    """The rows of its corpus that a run was trained on."""
    corpus = load_corpus(**_own_corpus(settings), cut_validation=settings.get("cut_validation", True))
    return draw(corpus.train, settings.get("max_train_samples"))


def _fingerprint(rows: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(rows).encode("utf-8", "surrogatepass")).hexdigest()[:12]
