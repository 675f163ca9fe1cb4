"""Whether the remedy cures: the control and the remedy on seeds that neither was chosen on.

The table of cells is that of eval.treatment.arms.
"""

from dataclasses import dataclass

import pandas as pd

from eval.metrics import Estimate
from eval.power import LEVEL
from eval.treatment.arms import Arm, ArmsVerdict, judge_arms, shares_test, size_of, table_of
from eval.verdicts import HELPS, HURTS

CURED, BETTER, NO_DIFFERENCE, WORSE = "cured", "better", "no difference seen", "worse"


@dataclass(frozen=True, slots=True)
class Cure:
    """Before and after by one outcome, paired by seed."""

    outcome: str
    remedy: str
    logarithmic: bool
    margin: float
    before: Estimate
    after: Estimate
    effect: Estimate
    """After minus before, or after over before."""
    differences: list[float]
    p: float | None
    symptom_before: Estimate | None
    """The share of runs in which the symptom is found; None where nobody looked."""
    symptom_after: Estimate | None
    symptom_p: float | None
    """Of the two shares being the same, Barnard's exact test."""
    verdict: str


def judge_cure(
    cells: pd.DataFrame,
    outcome: str,
    *,
    control: str,
    remedy: str,
    higher_is_better: bool | None = None,
    logarithmic: bool | None = None,
    margin: float | None = None,
) -> Cure:
    """Judge a remedy against the control on fresh seeds by the paired t-test; arguments as judge_arms has them.

    BETTER and WORSE are told beyond chance at 5%. CURED is better by the margin at least, where the symptom is found
    in most runs without the remedy and in none with it. Where the outcome cannot be compared, as a loss that is no
    number, the shares with the symptom decide.
    """
    cells = cells[cells["cell"].isin([control, remedy])]
    comparison = judge_arms(
        cells,
        outcome,
        control=control,
        higher_is_better=higher_is_better,
        logarithmic=logarithmic,
        margin=margin,
    )
    arm, symptom_p = comparison.arm(remedy), None
    if "symptom" in cells:
        shown = table_of(cells.assign(symptom=cells["symptom"].astype(float)), [control, remedy], "symptom")
        symptom_p = shares_test(*shown.T).p
    return Cure(
        outcome=outcome,
        remedy=remedy,
        logarithmic=comparison.logarithmic,
        margin=comparison.margin,
        before=comparison.control.value,
        after=arm.value,
        effect=arm.effect,
        differences=arm.differences,
        p=arm.p_adjusted,
        symptom_before=comparison.control.symptom,
        symptom_after=arm.symptom,
        symptom_p=symptom_p,
        verdict=_verdict(comparison, arm, symptom_p),
    )


def _verdict(comparison: ArmsVerdict, arm: Arm, symptom_p: float | None) -> str:
    before, after = comparison.control.symptom, arm.symptom
    looked = before is not None and bool(before.n) and after is not None and bool(after.n)
    gone = looked and comparison.is_shown and after.value == 0
    if arm.p_adjusted is None:
        if not looked or symptom_p is None or symptom_p >= LEVEL:
            return NO_DIFFERENCE
        return CURED if gone else BETTER if after.value < before.value else WORSE
    if arm.verdict == HURTS:
        return WORSE
    if arm.verdict != HELPS:
        return NO_DIFFERENCE
    return CURED if gone and size_of(arm, comparison) >= comparison.margin else BETTER
