"""Kinds of rows (negated, long, with rare words…), and how the model does on each against the rest."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import Estimate, share

SMALLEST_JUDGED = 20
"""Rows below which a slice, or what is left beside it, is shown without a verdict."""

RARE = 3
"""A word that stands fewer times than this in the training texts is rare."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NAME = re.compile(r"(?<=[\w,;:'’\"()-] )(?!I\b)[A-Z][a-z]+")
_NOT_SUPERLATIVE = (
    "rest|west|midwest|test|contest|protest|attest|forest|interest|quest|request|conquest|guest|honest|dishonest|"
    "earnest|modest|immodest|suggest|digest|ingest|invest|divest|harvest|manifest|arrest|behest|bequest|chest|crest|"
    r"detest|disinterest|ernest|forrest|\w*fest|jest|lest|molest|nest|pest|priest|tempest|unrest|vest|wrest|zest|everest"
)
_NOT_COMPARATIVE = "barrier|carrier|cavalier|courier|frontier|glacier|pier|premier|soldier|terrier|tier|xavier|olivier"


def _pattern(expression: str) -> Callable[[str], bool]:
    search = re.compile(expression, re.IGNORECASE).search
    return lambda text: search(text) is not None


# By their words, which is coarse: "so" as a conjunction counts as an intensifier, "not only" as a negation.
PATTERNS: dict[str, Callable[[str], bool]] = {
    "negation": _pattern(
        r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|hardly|barely|scarcely|cannot"
        r"|(?:do|does|did|is|was|were|are|ca|could|would|should|wo|has|have|had)nt)\b|n['’]t\b"
    ),
    "contrast (but, though, however)": _pattern(r"\b(?:but|although|though|however)\b"),
    "intensifiers": _pattern(
        r"\b(?:very|really|extremely|incredibly|absolutely|utterly|totally|completely|truly|highly|deeply|terribly"
        r"|awfully|remarkably|exceptionally|especially|particularly|thoroughly|so|too|such an?)\s+[a-z]"
    ),
    "comparatives and superlatives": _pattern(
        rf"\b(?:more|most|less|least|fewer|better|best|worse|worst|\w+er\s+than|(?!(?:{_NOT_COMPARATIVE})\b)\w{{2,}}ier"
        rf"|(?!(?:{_NOT_SUPERLATIVE})\b)\w{{2,}}est)\b"
    ),
    "questions": lambda text: "?" in text,
    "numbers": _pattern(
        r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy"
        r"|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?)\b"
    ),
    "letters beyond a to z": _pattern(r"[^\W\d_a-z]"),
    "capital names": lambda text: not text.isupper() and _NAME.search(text) is not None,
}


@dataclass(frozen=True, slots=True)
class Slice:
    """How often the model is right on one kind of row, against all other rows."""

    name: str
    accuracy: Estimate
    rest: Estimate
    raw_p: float
    """Of Fisher's exact test, not corrected."""
    p: float | None
    """After Holm; None where the slice or the rest has too few rows to judge."""
    verdict: str | None
    """"lower", "higher" or "not told apart"; None where there is no p."""


def words(text: str) -> list[str]:
    """The words of a text, lower-cased, without numbers and punctuation."""
    return _WORD.findall(text.lower())


def slice_masks(texts: Sequence[str], training_texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Which of n texts belong to each slice: {name: (n,) of bool}; slices may overlap.

    Length is cut into thirds of these texts; rare words are judged by the training texts. A slice that holds no row or
    every row is left out.
    """
    text_words = [words(text) for text in texts]
    lengths = np.array([len(row) for row in text_words])
    low, high = (int(edge) for edge in np.quantile(lengths, [1 / 3, 2 / 3]))
    counts = Counter(word for text in training_texts for word in words(text))
    masks = {
        f"short (up to {low} words)": lengths <= low,
        f"medium ({low + 1} to {high} words)": (lengths > low) & (lengths <= high),
        f"long (over {high} words)": lengths > high,
        **{name: np.array([matches(text) for text in texts]) for name, matches in PATTERNS.items()},
        "rare words": np.array([any(counts[word] < RARE for word in row) for row in text_words]),
    }
    return {name: mask for name, mask in masks.items() if mask.any() and not mask.all()}


def judge_slices(masks: dict[str, np.ndarray], correct: np.ndarray) -> list[Slice]:
    """Compare the accuracy in each slice with that of all other rows, the least accurate slice first.

    `correct` is (n,) of bool. Intervals are Wilson's, the test is Fisher's exact one, and its p-values are corrected
    over the slices that have enough rows (Holm, A simple sequentially rejective multiple test procedure, 1979).
    """
    # All of SciPy's distributions: the app, which judges no slice at its start, need not wait for them.
    from scipy.stats import fisher_exact

    raw = {
        name: float(fisher_exact(_contingency(correct[mask], correct[~mask])).pvalue) for name, mask in masks.items()
    }
    corrected = holm(
        {
            name: raw[name]
            for name, mask in masks.items()
            if SMALLEST_JUDGED <= mask.sum() <= len(mask) - SMALLEST_JUDGED
        }
    )
    slices = []
    for name, mask in masks.items():
        inside, rest, p = share(correct[mask]), share(correct[~mask]), corrected.get(name)
        verdict = None if p is None else _verdict(p, inside.value - rest.value)
        slices.append(Slice(name, inside, rest, raw[name], p, verdict))
    return sorted(slices, key=lambda row: row.accuracy.value)


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """The same names with corrected p-values (Holm 1979)."""
    # Not by statsmodels' multipletests: it collects all garbage at every call, up to a second.
    names = sorted(p_values, key=p_values.get)
    scaled = [(len(names) - rank) * p_values[name] for rank, name in enumerate(names)]
    corrected = dict(zip(names, np.minimum(1, np.maximum.accumulate(scaled)).tolist(), strict=True))
    return {name: corrected[name] for name in p_values}


def _contingency(inside: np.ndarray, rest: np.ndarray) -> list[list[int]]:
    return [[int(inside.sum()), int((~inside).sum())], [int(rest.sum()), int((~rest).sum())]]


def _verdict(p: float, difference: float) -> str:
    if p >= 0.05:
        return "not told apart"
    return "lower" if difference < 0 else "higher"
