"""Risk: a text is no film review, and the model does not say so."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri
from scipy.stats import rankdata

from data.corpora import load_corpus
from data.other_texts import nonsense, other_texts
from eval.metrics import Estimate, proportion, share
from eval.reliability import Asked, some
from eval.reliability.overconfidence import NONSENSE

TITLE = "Out of domain"
TEST_ROWS = 400
OTHER_ROWS = 400
LONGEST = 700
"""Characters of a row of the other corpus: the long rows of IMDB would take most of the time."""
SCORES = ("confidence", "energy", "distance")


@dataclass(frozen=True, slots=True)
class Strangeness:
    """How strange texts look by each score, (n,); the higher, the stranger."""

    confidence: np.ndarray
    """1 less the confidence of the answer."""
    energy: np.ndarray
    """Less the log of the sum of the exponentiated logits: Liu et al., Energy-based out-of-distribution detection,
    2020, equation 3."""
    distance: np.ndarray
    """From the nearest training sentences (eval/nearest.py)."""


def measure(asked: Asked) -> dict[str, Estimate]:
    """How well each score tells other text from test rows, what the bar on distance catches, another corpus."""
    return figures_of(asked, *(strangeness(asked, texts) for texts in texts_of(asked)))


def figures_of(asked: Asked, own: Strangeness, other: Strangeness, senseless: Strangeness) -> dict[str, Estimate]:
    """The figures, where the scores of test rows, of text on other things and of nonsense are known."""
    aurocs = {
        f"{prefix}auroc_{score}": auroc(getattr(own, score), getattr(strange, score))
        for prefix, strange in (("", other), ("nonsense_", senseless))
        for score in SCORES
    }
    name, accuracy = other_corpus(asked)
    return {
        **aurocs,
        "other_text_flagged": share(other.distance > asked.unfamiliar_from),
        "in_domain_flagged": share(own.distance > asked.unfamiliar_from),
        f"{name}_accuracy": accuracy,
    }


def texts_of(asked: Asked) -> tuple[list[str], list[str], list[str]]:
    """Test rows, text on other things, nonsense."""
    test = asked.subject.corpus.test.select(asked.rows(TEST_ROWS))
    return test["text"][:], other_texts(), nonsense(NONSENSE, asked.seed)


def strangeness(asked: Asked, texts: list[str]) -> Strangeness:
    """Every score of some texts."""
    return Strangeness(
        confidence=1 - asked.answer(texts).max(axis=1),
        energy=-logsumexp(asked.read(texts).logits, axis=1),
        distance=asked.distances(texts),
    )


def other_corpus(asked: Asked) -> tuple[str, Estimate]:
    """The name of a corpus that the model is not of, and its accuracy on test rows of it."""
    name = other_name(asked)
    test = load_corpus(name).test
    short = np.flatnonzero([len(text) <= LONGEST for text in test["text"][:]])
    rows = test.select(short[some(len(short), OTHER_ROWS, asked.seed)])
    answers = asked.answer(rows["text"][:]).argmax(axis=1)
    return name, share(answers == np.array(rows["label"][:]))


def other_name(asked: Asked) -> str:
    """The name of a corpus that the model is not of."""
    return "reviews" if asked.subject.corpus.name == "imdb" else "imdb"


def auroc(low: np.ndarray, high: np.ndarray) -> Estimate:
    """The chance that a value of `high` is above one of `low`, ties counting one half, with its 95% interval.

    n is the number of both. The interval is DeLong's; where every pair is in one order it has no width, and Wilson's
    for the smaller of the two stands instead. Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988, by
    midranks (Sun and Xu, 2014).
    """
    m, n = len(high), len(low)
    if min(m, n) < 2:
        return Estimate(None, None, None, m + n)
    together = rankdata(np.concatenate([high, low]))
    over_low = (together[:m] - rankdata(high)) / n
    under_high = 1 - (together[m:] - rankdata(low)) / m
    area = float(over_low.mean())
    if area in (0.0, 1.0):
        bound = proportion(int(area * min(m, n)), min(m, n))
        return Estimate(area, bound.low, bound.high, m + n)
    half = ndtri(0.975) * np.sqrt(over_low.var(ddof=1) / m + under_high.var(ddof=1) / n)
    return Estimate(area, float(max(0.0, area - half)), float(min(1.0, area + half)), m + n)
