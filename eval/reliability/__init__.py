"""The risks of relying on a model, one a file: each has a TITLE and measure(asked) -> {figure: Estimate}.

A model is asked as it answers: raw, calibrated or verified; with or without a memory in dialogues. The cases of the
suite, whose tolerance and neutral band are made for raw probabilities, are judged by those. Intervals are of 95%:
Wilson's for a share, Student's for a mean, DeLong's for an AUROC, the bootstrap's for the largest gap and calibration.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from types import ModuleType

import numpy as np

from data.checks import shorten
from eval.calibration import apply_temperature, fit_temperature
from eval.evidence import LONGEST, Evidence
from eval.metrics import Estimate
from eval.nearest import K, Neighbours, unfamiliar_from
from eval.risks import RISKS
from eval.subject import Subject
from eval.verification import Verification, doubt, fit_verification

ANSWERS = ("raw", "calibrated", "verified")
TRAINING_SENTENCES = 1200
"""Of the training rows, those that stand in the index of a measure; the app has more."""
VALIDATION_ROWS = 600
"""Those that constants and the bar of familiarity are fitted on, at most."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows of a split and the answers to them."""

    texts: list[str]
    labels: np.ndarray
    """(n,) of 0 and 1."""
    probabilities: np.ndarray
    """(n, 2), as the run answers."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What the network makes of n texts."""

    probabilities: np.ndarray
    """(n, 2), raw."""
    logits: np.ndarray
    """(n, 2)."""
    states: np.ndarray
    """(n, width)."""


class Asked:
    """A subject, and the way in which it answers; each text goes through the network once."""

    def __init__(
        self,
        subject: Subject,
        answers: str = "raw",
        *,
        remember: bool = False,
        seed: int = 0,
        sentences: int = TRAINING_SENTENCES,
    ):
        """answers: one of ANSWERS; remember: whether a claim of a dialogue is answered as it was before.

        sentences: how many training sentences there are to search, at most.
        """
        if answers not in ANSWERS:
            raise ValueError(f"answers is {answers!r}, not one of {', '.join(ANSWERS)}")
        self.subject = subject
        self.answers = answers
        self.remember = remember
        self.seed = seed
        self.sentences = sentences
        self._known: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def answer(self, texts: Sequence[str]) -> np.ndarray:
        """The probabilities of texts, (n, 2), as the run answers."""
        return self._answered(self.read(texts))

    def read(self, texts: Sequence[str]) -> Readings:
        """What the network itself makes of texts: raw probabilities, logits and states."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            found = self.subject.predictor.predict(new, states=True)
            self._known.update(zip(new, zip(found.probabilities, found.logits, found.states, strict=True), strict=True))
        return Readings(*(np.stack(rows) for rows in zip(*(self._known[text] for text in texts), strict=True)))

    def rows(self, most: int) -> np.ndarray:
        """The numbers of at most so many test rows, in order, the same for a seed."""
        return some(len(self.subject.corpus.test), most, self.seed)

    @cached_property
    def test(self) -> Answered:
        """Every test row."""
        test = self.subject.corpus.test
        return self._answered_rows(test["text"][:], np.array(test["label"][:]))

    @cached_property
    def validation(self) -> Answered:
        """Of the validation rows those that anything is fitted on."""
        return self._answered_rows(*self._fitted_on)

    @cached_property
    def temperature(self) -> float:
        """What the logits are divided by in calibrated answers."""
        texts, labels = self._fitted_on
        return fit_temperature(self.read(texts).probabilities, labels).value

    @cached_property
    def verification(self) -> Verification:
        """The constants of verified answers."""
        texts, labels = self._fitted_on
        read = self.read(texts)
        return fit_verification(read.probabilities, labels, self.doubts(read))

    @cached_property
    def neighbours(self) -> Neighbours:
        """Training sentences to search: all, or `sentences` drawn of them."""
        train = self.subject.corpus.train
        drawn = train.select(some(len(train), self.sentences, self.seed))
        texts = drawn["text"][:]
        return Neighbours.build(self.read(texts).states, texts, drawn["label"][:])

    @cached_property
    def unfamiliar_from(self) -> float:
        """The distance from training sentences above which a text looks unlike them: 5% of validation rows do."""
        return unfamiliar_from(self.distances(self._fitted_on[0]))

    def evidence(self, weights: str) -> Evidence:
        """What the app shows beside an answer; long sentences are cut. weights: the fingerprint of the subject's."""
        texts = tuple(shorten(text, LONGEST) for text in self.neighbours.texts)
        return Evidence(replace(self.neighbours, texts=texts, weights=weights), self.verification, self.unfamiliar_from)

    def distances(self, texts: Sequence[str]) -> np.ndarray:
        """How far texts lie from the training sentences, (n,)."""
        return self.neighbours.distances(self.read(texts).states)

    def doubts(self, read: Readings) -> np.ndarray:
        """What the nearest training sentences leave unsupported of each answer, (n,)."""
        rows, similarities = self.neighbours.search(read.states, K)
        return doubt(read.probabilities.argmax(axis=1), self.neighbours.labels[rows], similarities)

    @cached_property
    def _fitted_on(self) -> tuple[list[str], np.ndarray]:
        validation = self.subject.corpus.validation
        drawn = validation.select(some(len(validation), VALIDATION_ROWS, self.seed))
        return drawn["text"][:], np.array(drawn["label"][:])

    def _answered_rows(self, texts: list[str], labels: np.ndarray) -> Answered:
        return Answered(texts, labels, self.answer(texts))

    def _answered(self, read: Readings) -> np.ndarray:
        if self.answers == "raw":
            return read.probabilities
        if self.answers == "calibrated":
            return apply_temperature(read.probabilities, self.temperature)
        return self.verification.verify(read.probabilities, self.doubts(read))


def asked(subject: Subject, answers: str = "raw", remember: bool = False, seed: int = 0) -> Asked:
    """A subject that answers raw, calibrated or verified; what that needs is fitted on validation rows alone."""
    return Asked(subject, answers, remember=remember, seed=seed)


def load_risk(name: str) -> ModuleType:
    """The module of a risk."""
    return import_module(f"eval.reliability.{name}")


def measure(asked: Asked, risks: Sequence[str] = RISKS) -> dict[str, Estimate]:
    """The figures of some risks, in the order of RISKS. ValueError for a risk that there is not."""
    if unknown := [risk for risk in risks if risk not in RISKS]:
        raise ValueError(f"unknown risk {unknown[0]!r}: there are {', '.join(RISKS)}")
    return {name: figure for risk in RISKS if risk in risks for name, figure in load_risk(risk).measure(asked).items()}


def some(rows: int, most: int, seed: int = 0) -> np.ndarray:
    """Row numbers in order, at most so many, drawn without replacement."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])
