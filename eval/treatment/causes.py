"""Which cause an experiment confirms: by which change takes the symptom away, alone or with another.

The tables of cells are those of eval.treatment.arms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np
import pandas as pd

from eval.designs import Factor
from eval.effects import finite_metric, pair_means, paired_effects, paired_interactions, study_matrix
from eval.metrics import Estimate
from eval.paired import PairedTest
from eval.treatment.arms import Arm, ArmsVerdict, ranked, size_of, symptoms_of, table_of
from eval.treatment.blocks import Blocks, fit_blocks
from eval.verdicts import HELPS

RATE, NOISE, BOTH = "rate_too_high", "gradients_too_noisy", "both"
"""The causes that the factorial of rate and batch size tells apart."""
NOT_CONFIRMED = "not_confirmed"
WORDS = {
    RATE: "the learning rate is too high for the curvature",
    NOISE: "the gradients are too noisy: the batches are too small",
    BOTH: "the learning rate is too high and the gradients are too noisy",
}
REFUTED, OPEN, HELPS_TOO = "refuted", "open", "helps too"

SHOWN = 0.2
"""A swing that is a symptom even if no detector says so, as a share of the level of the loss."""
MOVES = 0.1
"""The least where a detector does: it may have seen a training loss jump over parameters that hardly move."""
FLOOR = 0.02
"""A swing that does not matter, as a share of the level of the calmest arm: what is below counts as this."""
MATTERS = 0.5
"""What a remedy leaves of a swing, at most."""
ENOUGH = 0.8
"""The share of what averaging alone would do that larger batches must do to be the whole remedy."""
SUFFICES = 0.8
"""The share of what the best arm does that another must do to suffice."""

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""The arms of the 2 by 2, (rate, batch): as it was, larger batches, lower rate, both."""
LOG = "log_swing"


@dataclass(frozen=True, slots=True)
class OtherCause:
    """A cause that is not the one found."""

    cause: str
    status: str
    """REFUTED, OPEN or HELPS_TOO."""
    why: str


@dataclass(frozen=True, slots=True)
class CauseVerdict:
    """Which cause an experiment confirms, and why."""

    cause: str
    """RATE, NOISE, BOTH, a hypothesis as it was given, or NOT_CONFIRMED."""
    words: str
    confirmed: bool
    estimate: Estimate | None
    """What the arm that takes the cause away does to the outcome: its difference from the control, or its ratio."""
    remedy: str | None
    """The arm to try on fresh seeds: that arm, else the best one that helps; None where none does."""
    why: list[str]
    others: list[OtherCause]
    comparison: ArmsVerdict
    effects: dict | None = None
    """Of a factorial, what factor_effects says; of the logarithm where ratios count."""


def judge_factorial(
    cells: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    *,
    lowered: float,
    enlarged: float,
    outcome: str = "swing",
    level: str = "validation_level",
) -> CauseVerdict:
    """Tell a learning rate that is too high from gradients that are too noisy, by a 2 by 2 over two seeds or more.

    `factors` is {rate: [as it was, lower], batch: [as it was, larger]}, in this order; `lowered` and `enlarged`, both
    above 1, say how many times. `level` is the column with the level of the validation loss. Swings are compared by
    their ratios; what lies below FLOOR counts as that.

    A lower rate averages noise away as larger batches do: far from the edge of stability the swing goes with a power of
    rate / batch (eval.treatment.outcomes.swing). Where noise is all, larger batches alone therefore go the share
    w = ln(enlarged) / ln(enlarged lowered) of the way down to both together, in logarithms, and the lower rate 1 - w.
    Where the rate is all, larger batches go none of it. So noise is the cause if the batch goes ENOUGH of w, else the
    rate if it goes farther beyond its 1 - w than the batch goes, else it takes both; and it takes both where the lower
    rate alone leaves most runs with the symptom, and both together do not. The cause is confirmed if most runs of the
    control show the symptom, a swing of SHOWN, or of MOVES where `symptom` says so too, and the arm without the cause
    brings the swing down to MATTERS beyond chance: an additive model of arms and seeds, Holm over the arms.

    Assumed: swings whose logarithms spread alike in all arms. Simulated rates are in
    tests/eval/treatment/test_causes.py; they want enlarged >= lowered, and a rate lowered far enough that a planted one
    is well again: 8 times.
    """
    names = [(name, [str(one) for one in levels]) for name, levels in factors.items()]
    corners = _corners(cells, names)
    cells = cells.assign(symptom=swing_shows(cells, outcome, level))
    levels = table_of(cells, corners, level)
    seen = np.isfinite(levels).any(axis=0)
    floor = FLOOR * min((float(np.nanmedian(column)) for column in levels.T[seen]), default=np.nan)
    logs = np.log(np.maximum(table_of(cells, corners, outcome), floor))
    complete = logs[np.isfinite(logs).all(axis=1)]
    blocks = fit_blocks(complete) if len(complete) >= 2 else None
    comparison = ranked(
        *(corners, logs, [_against_control(logs, blocks, arm) for arm in range(1, 4)]),
        symptoms=symptoms_of(cells, corners),
        outcome=outcome,
        higher=False,
        logarithmic=True,
        margin=-log(MATTERS),
    )
    logarithms = cells.assign(**{LOG: np.log(np.maximum(finite_metric(cells, outcome), floor))})
    effects = factor_effects(logarithms, dict(names), LOG, higher=False, margin=-log(MATTERS))
    if not comparison.is_shown:
        return _not_confirmed(comparison, _not_shown(comparison), effects)
    if blocks is None:
        return _not_confirmed(comparison, "Fewer than two seeds have a swing in every arm.", effects)
    return _told(comparison, corners, blocks, log(enlarged) / log(enlarged * lowered), effects)


def cause_of_arms(
    comparison: ArmsVerdict, hypotheses: Mapping[str, str], *, effects: dict | None = None
) -> CauseVerdict:
    """Which hypothesis the best arm confirms, {arm: the cause that it takes away}.

    Confirmed if most runs of the control show the symptom and the winner is an arm with a hypothesis whose effect is
    at least the margin. Where the winner has none, as a combination of several changes has not, the best arm with one
    that does SUFFICES of it takes its place. Other arms that help are told as HELPS_TOO, those within the margin as
    REFUTED.
    """
    best = comparison.arm(comparison.winner) if comparison.winner else None
    if not comparison.is_shown:
        return _not_confirmed(comparison, _not_shown(comparison), effects)
    if best is None:
        return _not_confirmed(comparison, "No arm differs from the control for the better beyond chance.", effects)
    helping = [arm for arm in comparison.arms if arm.verdict == HELPS]
    able = [arm for arm in helping if arm.name in hypotheses and size_of(arm, comparison) >= comparison.margin]
    enough = [arm for arm in able if size_of(arm, comparison) >= SUFFICES * size_of(best, comparison)]
    if not enough:
        told = f"{best.name} helps most, but no single change does {SUFFICES:.0%} of it."
        return _not_confirmed(comparison, told, effects)
    chosen = enough[0]
    why = [f"{chosen.name} alone does it: {_effect_words(chosen, comparison)} over {chosen.effect.n} seeds."]
    if chosen is not best:
        why.append(f"{best.name} does more, {_effect_words(best, comparison)}, but not by much.")
    if comparison.level_with and chosen is best:
        why.append(f"Not told apart from it: {', '.join(comparison.level_with)}.")
    others = [
        OtherCause(hypotheses[arm.name], *_status(arm, comparison))
        for arm in comparison.arms
        if arm.name in hypotheses and hypotheses[arm.name] != hypotheses[chosen.name]
    ]
    cause = hypotheses[chosen.name]
    return CauseVerdict(
        cause, WORDS.get(cause, cause), True, chosen.effect, chosen.name, why, others, comparison, effects
    )


def swing_shows(cells: pd.DataFrame, outcome: str = "swing", level: str = "validation_level") -> pd.Series:
    """Whether each run swings so that there is something to explain: by SHOWN, or by MOVES where `symptom` says so."""
    shares = finite_metric(cells, outcome) / finite_metric(cells, level)
    detected = cells["symptom"].eq(True) if "symptom" in cells else False
    return pd.Series((shares >= SHOWN) | ((shares >= MOVES) & detected), index=cells.index)


def factor_effects(
    cells: pd.DataFrame, factors: Mapping[str, Sequence[str]], outcome: str, *, higher: bool, margin: float
) -> dict[str, Any]:
    """The main effects and interactions of a factorial, paired by seed, as the plots of a study read them."""
    design, seeds, values = study_matrix(
        cells, [Factor(name, list(levels)) for name, levels in factors.items()], outcome
    )
    found = {
        "effects": paired_effects(design, values, higher=higher, margin=margin),
        "interactions": paired_interactions(design, values),
        "pair_means": pair_means(design, values),
    }
    about = {"metric": outcome, "higher_is_better": higher, "margin": margin, "seeds": seeds}
    return about | {key: [asdict(one) for one in rows] for key, rows in found.items()}


def _told(
    comparison: ArmsVerdict, corners: list[str], blocks: Blocks, averaging: float, effects: dict | None
) -> CauseVerdict:
    """The verdict of a 2 by 2 whose control shows the symptom."""
    batch, rate, both = (comparison.arm(name) for name in corners[1:])
    if not _takes_away(both):
        return _not_confirmed(comparison, "Both changes together do not halve the swing beyond chance.", effects)
    as_it_was, way = np.array([1.0, 0, 0, 0]), np.array([1.0, 0, 0, -1.0])
    by_batch = as_it_was - [0, 1, 0, 0]
    by_rate = as_it_was - [0, 0, 1, 0]
    # How much farther than asked larger batches, and the lower rate, go.
    noise, _ = blocks.contrast(by_batch - ENOUGH * averaging * way)
    rest, _ = blocks.contrast(by_rate - (1 - averaging) * way - by_batch)
    whole = float(way @ blocks.means)
    went = float(by_batch @ blocks.means) / whole, float(by_rate @ blocks.means) / whole
    left_over = _still_shows(rate) and not _still_shows(both)
    if noise.value >= 0:
        cause, arm = NOISE, batch
    elif rest.value >= 0 and not left_over:
        cause, arm = RATE, rate
    else:
        cause, arm = BOTH, both
    why = [
        f"Of a swing of {comparison.control.value.value:.3g} nats {_left(batch)} is left with the larger batches, "
        f"{_left(rate)} with the lower rate, {_left(both)} with both.",
        f"Of the way down to both, in logarithms, the larger batches alone go {went[0]:.0%} and the lower rate alone "
        f"{went[1]:.0%}; if noise were all, averaging would make it {averaging:.0%} and {1 - averaging:.0%}.",
    ]
    if cause == BOTH and left_over:
        why.append(f"The lower rate alone leaves the symptom in {_count(rate)} runs, both changes in {_count(both)}.")
    if not _takes_away(arm):
        unsure = f"What points to {WORDS[cause]} does not halve the swing beyond chance."
        return _not_confirmed(comparison, [*why, unsure], effects)
    others = []
    for other, refuted in {
        NOISE: noise.high < 0,
        RATE: (noise.low > 0) if cause == NOISE else rest.high < 0 or (left_over and rate.symptom.low > 0.5),
        BOTH: noise.low > 0 or rest.low > 0,
    }.items():
        if other != cause:
            others.append(OtherCause(other, *_standing(other, refuted, left_over and cause == BOTH)))
    return CauseVerdict(cause, WORDS[cause], True, arm.effect, arm.name, why, others, comparison, effects)


def _standing(cause: str, refuted: bool, left_over: bool) -> tuple[str, str]:
    if cause == RATE and left_over:
        return (REFUTED if refuted else OPEN), "the lower rate alone leaves the symptom"
    told = {
        NOISE: "larger batches alone go less of the way than averaging would",
        RATE: "the lower rate does no more than averaging would",
        BOTH: "one change is enough alone",
    }[cause]
    return (REFUTED, told) if refuted else (OPEN, f"{told}, but the 95% interval does not exclude it")


def _still_shows(arm: Arm) -> bool:
    return arm.symptom is not None and bool(arm.symptom.n) and arm.symptom.value > 0.5


def _count(arm: Arm) -> str:
    return f"{round(arm.symptom.value * arm.symptom.n)} of {arm.symptom.n}"


def _takes_away(arm: Arm) -> bool:
    return arm.verdict == HELPS and arm.effect.value <= MATTERS


def _left(arm: Arm) -> str:
    return f"{arm.effect.value:.0%} [{arm.effect.low:.0%}, {arm.effect.high:.0%}]"


def _against_control(logs: np.ndarray, blocks: Blocks | None, arm: int) -> PairedTest:
    differences = logs[:, arm] - logs[:, 0]
    differences = differences[np.isfinite(differences)]
    if blocks is None:
        mean = float(differences.mean()) if len(differences) else None
        return PairedTest(Estimate(mean, None, None, len(differences)), differences.tolist(), None, None)
    estimate, p = blocks.contrast(np.eye(4)[arm] - np.eye(4)[0])
    return PairedTest(estimate, differences.tolist(), blocks.spread, p)


def _corners(cells: pd.DataFrame, names: list[tuple[str, list[str]]]) -> list[str]:
    """The name of the arm at each of CORNERS. Raises ValueError where it has no run."""
    columns = [cells[factor].astype(str) for factor, _ in names]
    arms = dict(zip(zip(*columns, strict=True), cells["cell"].astype(str), strict=True))
    wanted = [tuple(levels[index] for (_, levels), index in zip(names, corner, strict=True)) for corner in CORNERS]
    if missing := [levels for levels in wanted if levels not in arms]:
        told = ", ".join(f"{factor} {level}" for (factor, _), level in zip(names, missing[0], strict=True))
        raise ValueError(f"no run with {told}")
    return [arms[levels] for levels in wanted]


def _not_shown(comparison: ArmsVerdict) -> str:
    symptom = comparison.control.symptom
    seen = _count(comparison.control) if symptom and symptom.n else "none"
    return f"There is nothing to explain: {seen} of the control's runs show the symptom."


def _not_confirmed(comparison: ArmsVerdict, why: str | list[str], effects: dict | None) -> CauseVerdict:
    remedy = comparison.winner if comparison.is_shown else None
    return CauseVerdict(
        cause=NOT_CONFIRMED,
        words="no cause is confirmed",
        confirmed=False,
        estimate=None,
        remedy=remedy,
        why=[why] if isinstance(why, str) else why,
        others=[],
        comparison=comparison,
        effects=effects,
    )


def _effect_words(arm: Arm, comparison: ArmsVerdict) -> str:
    form = ".3g" if comparison.logarithmic else "+.3g"
    ends = "" if arm.effect.low is None else f" [{arm.effect.low:{form}}, {arm.effect.high:{form}}]"
    sign = "× " if comparison.logarithmic else ""
    return f"{comparison.outcome.replace('_', ' ')} {sign}{arm.effect.value:{form}}{ends}"


def _status(arm: Arm, comparison: ArmsVerdict) -> tuple[str, str]:
    if arm.effect.value is None:
        return OPEN, "no run to compare"
    if arm.verdict == HELPS:
        return HELPS_TOO, _effect_words(arm, comparison)
    refuted = arm.p_adjusted is not None and _cannot_matter(arm, comparison)
    return (REFUTED if refuted else OPEN), _effect_words(arm, comparison)


def _cannot_matter(arm: Arm, comparison: ArmsVerdict) -> bool:
    """Whether the whole interval of an effect lies below what matters for the better."""
    if arm.effect.low is None:
        return False
    end = arm.effect.high if comparison.higher_is_better else arm.effect.low
    end = log(end) if comparison.logarithmic else end
    return (end if comparison.higher_is_better else -end) < comparison.margin
