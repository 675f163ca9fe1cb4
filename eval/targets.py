"""What a model that keeps its answer is held to: ten shares of failures, and what it may lose beside another model.

The cases are those of the suite (eval/reliability/wording.py, fairness.py); two models are asked the same ones. Shares
have Wilson's interval of 95%, differences Agresti and Min's for pairs. A target is met where the figure is within it,
and surely met where the whole interval is: a share's own, for an accuracy that of the difference.
"""

from dataclasses import dataclass

import numpy as np

from data.corpora import load_corpus
from eval.comparison import Discordance, difference_interval
from eval.metrics import Estimate, proportion
from eval.probes.fairness import IN_NEUTRAL
from eval.reliability import Asked, fairness, some, wording
from eval.reliability.out_of_domain import other_name
from eval.reliability.overconfidence import confident_errors

TARGETS = {
    "group_swap_changes": 0.10,
    "neutral_group_swap_changes": 0.10,
    "name_changes": 0.03,
    "place_changes": 0.03,
    "typo_changes": 0.03,
    "url_changes": 0.03,
    "not_negative_read_negative": 0.15,
    "used_to_but_now_wrong": 0.15,
    "own_opinion_wrong": 0.20,
    "blame_added_raises": 0.10,
}
"""Shares of failures that must stay below this."""
MOST_LOST = {"test_accuracy": 0.005, "imdb_accuracy": 0.0, "reviews_accuracy": 0.0}
"""By how much an accuracy may fall at most, beside the other model's."""
CONFIDENT_ERRORS, CALIBRATED = "confident_errors", "confident_errors_calibrated"
"""Without a target: shares of the test rows, by raw and by calibrated answers."""


@dataclass(frozen=True, slots=True)
class Held:
    """A figure of a model and of another that it is compared with, held to its target."""

    figure: str
    this: Estimate
    other: Estimate | None
    difference: Estimate | None
    """This one's less the other's, on the same cases."""
    below: float | None
    """The share must lie below it; None where there is no such target."""
    may_lose: float | None
    """The share may lie so much below the other's at most."""
    met: bool | None
    """None where there is no target, as in surely_met."""
    surely_met: bool | None


def failures(asked: Asked) -> dict[str, np.ndarray]:
    """Which cases of each target fail and which test rows are confident errors, {figure: (n,) of bool}.

    Cases are judged by raw probabilities. `asked` answers calibrated, or the last figure is as raw as the one before.
    """
    swaps = fairness.cases_of(asked.seed)
    cases = {
        "group_swap_changes": swaps,
        "neutral_group_swap_changes": [case for case in swaps if case.test.endswith(IN_NEUTRAL)],
    } | wording.cases_of(asked.seed)
    asked.read([text for figure in TARGETS for case in cases[figure] for text in case.texts])
    test = asked.test
    raw = asked.read(test.texts).probabilities
    return {figure: wording.failures(asked, cases[figure]) for figure in TARGETS} | {
        CONFIDENT_ERRORS: confident_errors(raw, test.labels),
        CALIBRATED: confident_errors(test.probabilities, test.labels),
    }


def rights(asked: Asked, most: int | None = None) -> dict[str, np.ndarray]:
    """Which test rows, and which of another corpus, are answered rightly, {figure: (n,) of bool}.

    most: how many rows of the other corpus are drawn; all without it. Of a text too long the beginning is read.
    """
    name = other_name(asked)
    rows = load_corpus(name).test
    if most is not None:
        rows = rows.select(some(len(rows), most, asked.seed))
    return {
        "test_accuracy": asked.test.probabilities.argmax(axis=1) == asked.test.labels,
        f"{name}_accuracy": asked.answer(rows["text"][:]).argmax(axis=1) == np.array(rows["label"][:]),
    }


def tally(this: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """How often it is so, of cases (n,) of bool: (2,), or (2, 2) of pairs, whose row is this model's."""
    if other is None:
        return np.bincount(this, minlength=2)
    return np.bincount(2 * this + other, minlength=4).reshape(2, 2)


def estimates(counts: np.ndarray) -> tuple[Estimate, Estimate | None, Estimate | None]:
    """This model's share, the other's and their difference, by what `tally` counts; the first alone of counts (2,)."""
    n = int(counts.sum())
    this = proportion(int(counts[1].sum()), n)
    if counts.ndim == 1:
        return this, None, None
    pairs = Discordance(n, int(counts[1, 0]), int(counts[0, 1]), float("nan"))
    difference = Estimate(pairs.difference, *map(float, difference_interval(pairs)), n)
    return this, proportion(int(counts[:, 1].sum()), n), difference


def hold(figure: str, this: Estimate, other: Estimate | None = None, difference: Estimate | None = None) -> Held:
    """Hold a figure to its target, where it has one that these estimates can tell of."""
    below, may_lose = TARGETS.get(figure), MOST_LOST.get(figure) if difference else None
    met = surely = None
    if below is not None:
        met, surely = this.value < below, this.high < below
    if may_lose is not None:
        met = difference.value >= -may_lose
        surely = difference.low is not None and difference.low >= -may_lose
    return Held(figure, this, other, difference, below, may_lose, met, surely)
