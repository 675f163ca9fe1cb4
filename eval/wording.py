"""Does the answer hang on wording that means the same? Flips and swings under harmless edits, and under negation."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.edits import EDITS, MEANING_PRESERVING, edited
from eval.metrics import Estimate, mean_with_interval, share

ROWS = 300
_SUBJECTS = ("The film", "The plot", "The acting", "The ending", "This story", "The script")
_ADJECTIVES = {
    1: (
        "good",
        "great",
        "excellent",
        "wonderful",
        "funny",
        "charming",
        "brilliant",
        "gripping",
        "enjoyable",
        "beautiful",
    ),
    0: ("bad", "terrible", "awful", "dreadful", "dull", "boring", "stupid", "clumsy", "tedious", "disappointing"),
}
_VERBS = {1: ("loved", "enjoyed"), 0: ("hated", "disliked")}
_OBJECTS = ("this film", "the ending", "the story", "every scene")
_DOUBLE_NEGATIONS = ("It is not the case that {}", "It is not true that {}", "It would be wrong to say that {}")


@dataclass(frozen=True, slots=True)
class Variant:
    """A row after an edit."""

    row: int
    edit: str
    text: str


@dataclass(frozen=True, slots=True)
class EditEffect:
    """What an edit that leaves the meaning alone does to the answers."""

    edit: str
    flips: Estimate
    """The share of rows whose class changes, with the Wilson interval."""
    swing: Estimate
    """The mean absolute change of the probability, with a 95% t interval."""


@dataclass(frozen=True, slots=True)
class UnderEdits:
    """Accuracy where a row counts only if the model is right about it and about every edit of it."""

    accuracy: Estimate
    worst: Estimate
    drop: Estimate
    """Their paired difference: the share of rows right as written and wrong under some edit (Wilson)."""


@dataclass(frozen=True, slots=True)
class Harm:
    """A row that was right, and the edit that turned it wrong."""

    edit: str
    original: str
    edited: str
    label: int
    before: float
    """The probability of the true class."""
    after: float


@dataclass(frozen=True, slots=True)
class NegationCase:
    """A plain sentence, its negation and its double negations."""

    text: str
    label: int
    negated: str
    doubled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """How the model takes a negation and a double one; each figure with the Wilson interval."""

    plain: Estimate
    """Plain sentences answered right."""
    flips_positive: Estimate
    """Positive sentences answered right whose negation is called negative, as it should."""
    flips_negative: Estimate
    """Negative sentences answered right whose negation is called positive; a milder change than the other way."""
    agreement: Estimate
    """Double negations given the class of the plain sentence. A model deaf to negation agrees always: read both."""
    sound: Estimate
    """Plain sentences whose class turns when negated and comes back under every double negation: all four right."""


def variants(texts: Sequence[str], *, seed: int = 0) -> list[Variant]:
    """Every meaning-preserving edit of every text that it applies to."""
    found = []
    for name in MEANING_PRESERVING:
        for row, text in enumerate(texts):
            text = edited(name, text, seed * len(texts) + row)
            if text is not None:
                found.append(Variant(row, name, text))
    return found


def sample_rows(rows: int, *, seed: int = 0, most: int = ROWS) -> np.ndarray:
    """Row numbers in order, at most `most` of them, drawn without replacement."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def edit_effects(edits: Sequence[str], before: np.ndarray, after: np.ndarray) -> list[EditEffect]:
    """Flips and swings by edit; `before` and `after` are probabilities of POSITIVE, (n,), with the edit of each."""
    names = np.array(edits)
    flips, swings = (before > 0.5) != (after > 0.5), np.abs(after - before)
    return [
        EditEffect(name, share(flips[names == name]), mean_with_interval(swings[names == name]))
        for name in dict.fromkeys(edits)
    ]


def worst_case(right: np.ndarray, rows: np.ndarray, variant_right: np.ndarray) -> UnderEdits:
    """Accuracy over `right` (n,) and the worst case with the variants, which belong to `rows` (k,).

    The worst case counts the row as written too, so that rows can only be lost; their difference is a proportion.
    """
    all_right = right.copy()
    np.logical_and.at(all_right, rows, variant_right)
    return UnderEdits(share(right), share(all_right), share(right & ~all_right))


def harms(
    texts: Sequence[str],
    labels: np.ndarray,
    found: Sequence[Variant],
    before: np.ndarray,
    after: np.ndarray,
    count: int = 10,
) -> list[Harm]:
    """The edits that turned a right answer wrong by the widest swing, one a row; probabilities of POSITIVE, (k,)."""
    rows = np.array([variant.row for variant in found], dtype=int)
    own_before = np.where(labels[rows] == 1, before, 1 - before)
    own_after = np.where(labels[rows] == 1, after, 1 - after)
    worst, seen = [], set()
    for i in np.argsort(own_after - own_before, kind="stable"):
        turned = (before[i] > 0.5) == (labels[rows[i]] == 1) and (after[i] > 0.5) != (labels[rows[i]] == 1)
        if turned and rows[i] not in seen and len(worst) < count:
            seen.add(rows[i])
            variant, label = found[i], int(labels[rows[i]])
            worst.append(
                Harm(variant.edit, texts[rows[i]], variant.text, label, float(own_before[i]), float(own_after[i]))
            )
    return worst


def negation_cases() -> list[NegationCase]:
    """Plain sentences from templates, balanced, with the negations that data/edits.py makes of them."""
    cases = []
    for label, adjectives in _ADJECTIVES.items():
        plain = [f"{subject} is {adjective}." for adjective in adjectives for subject in _SUBJECTS]
        plain += [f"I {verb} {thing}." for verb in _VERBS[label] for thing in _OBJECTS]
        for text in plain:
            negated = EDITS["negate"](text, random.Random(0))
            inner = negated if negated.startswith("I ") else negated[0].lower() + negated[1:]
            cases.append(NegationCase(text, label, negated, tuple(form.format(inner) for form in _DOUBLE_NEGATIONS)))
    return cases


def negation_effects(labels: np.ndarray, plain: np.ndarray, negated: np.ndarray, doubled: np.ndarray) -> Negation:
    """How classes follow negation; probabilities of POSITIVE of shape (n,), (n,) and (n, forms)."""
    said, negated, doubled = plain > 0.5, negated > 0.5, doubled > 0.5
    right = said == (labels == 1)
    agrees = doubled == said[:, None]
    return Negation(
        plain=share(right),
        flips_positive=share(~negated[right & (labels == 1)]),
        flips_negative=share(negated[right & (labels == 0)]),
        agreement=share(agrees),
        sound=share((negated != said) & agrees.all(axis=1)),
    )
