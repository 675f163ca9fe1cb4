"""Arms of an experiment against their control over the same seeds, ranked.

Cells are a table with a row a run: `cell` (the arm's name), `seed`, the columns of the outcomes, those of the factors
and, where a detector was asked, `symptom`: whether it finds in this run what is to be treated. Where there is a column
`status`, only what is complete counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log

import numpy as np
import pandas as pd
from scipy.stats import barnard_exact

from eval.effects import finite_metric
from eval.metrics import Estimate, mean_with_interval, share
from eval.paired import PairedTest, paired_t
from eval.power import LEVEL
from eval.slices import holm
from eval.treatment.outcomes import HIGHER_IS_BETTER, LOGARITHMIC
from eval.verdicts import HELPS, default_margin, verdict

HALVED = log(2)
"""The smallest difference that matters of outcomes that count by their logarithm."""


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm of an experiment, over the seeds that it shares with the control."""

    name: str
    value: Estimate
    """The mean over its seeds, the geometric mean where the ratio counts."""
    effect: Estimate | None
    """Arm minus control, or arm over control; None for the control itself."""
    differences: list[float]
    """The same of each seed."""
    p_adjusted: float | None
    """After Holm over all arms."""
    verdict: str | None
    """HELPS, HURTS, BOUNDED or UNRESOLVED of eval.verdicts."""
    symptom: Estimate | None
    """The share of its runs in which the symptom is found; None where nobody looked."""


@dataclass(frozen=True, slots=True)
class ArmsVerdict:
    """Arms by one outcome."""

    outcome: str
    higher_is_better: bool
    logarithmic: bool
    """Whether effects are ratios; the margin is then the logarithm of one."""
    margin: float
    control: Arm
    arms: list[Arm]
    """Without the control, the best first."""
    winner: str | None
    """The best of those that help beyond chance; None where no difference is seen."""
    level_with: list[str]
    """The arms that are not told from the winner."""

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def is_shown(self) -> bool:
        """Whether more than half of the control's runs have the symptom: there is something to explain."""
        return self.control.symptom is not None and bool(self.control.symptom.n) and self.control.symptom.value > 0.5


def judge_arms(
    cells: pd.DataFrame,
    outcome: str,
    *,
    control: str,
    higher_is_better: bool | None = None,
    logarithmic: bool | None = None,
    margin: float | None = None,
) -> ArmsVerdict:
    """Compare every arm with the control: paired t over the seeds, Holm over the arms.

    An outcome of 0 and 1 only is compared as shares (Barnard's exact test): a difference that is the same in every seed
    tells a t-test nothing. What is left out is told by eval.treatment.outcomes and, the margin, by
    eval.verdicts.default_margin; of a logarithmic outcome it is HALVED. Raises ValueError for two runs of one arm and
    seed, and for a control that is not there.
    """
    higher = outcome in HIGHER_IS_BETTER if higher_is_better is None else higher_is_better
    logarithmic = outcome in LOGARITHMIC if logarithmic is None else logarithmic
    names = [control, *(name for name in dict.fromkeys(cells["cell"]) if name != control)]
    values = table_of(cells, names, outcome)
    if logarithmic:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values)
        values[~np.isfinite(values)] = np.nan
    if margin is None:
        margin = HALVED if logarithmic else default_margin(outcome, values[:, 0])
    compare = shares_test if set(values[~np.isnan(values)].tolist()) <= {0.0, 1.0} else paired_test
    tests = [compare(values[:, 0], column) for column in values.T[1:]]
    return ranked(
        *(names, values, tests),
        symptoms=symptoms_of(cells, names),
        outcome=outcome,
        higher=higher,
        logarithmic=logarithmic,
        margin=margin,
    )


def ranked(
    names: Sequence[str],
    values: np.ndarray,
    tests: Sequence[PairedTest],
    *,
    symptoms: Sequence[Estimate | None],
    outcome: str,
    higher: bool,
    logarithmic: bool,
    margin: float,
) -> ArmsVerdict:
    """Arms from tests of theirs against the control, which comes first in `names` and in `values` (seeds, arms).

    Values and tests of a logarithmic outcome are those of the logarithms.
    """
    corrected = holm({str(index): test.p for index, test in enumerate(tests) if test.p is not None})
    adjusted = [corrected.get(str(index)) for index in range(len(tests))]
    found = [verdict(test.estimate, p, higher=higher, margin=margin) for test, p in zip(tests, adjusted, strict=True)]
    means = [_back(mean_with_interval(column[~np.isnan(column)]), logarithmic) for column in values.T]
    arms = [
        Arm(
            name=name,
            value=mean,
            effect=_back(test.estimate, logarithmic),
            differences=[exp(one) for one in test.differences] if logarithmic else test.differences,
            p_adjusted=p,
            verdict=told,
            symptom=symptom,
        )
        for name, mean, test, p, told, symptom in zip(
            names[1:], means[1:], tests, adjusted, found, symptoms[1:], strict=True
        )
    ]
    sign = -1.0 if higher else 1.0
    arms.sort(key=lambda arm: np.inf if arm.effect.value is None else sign * arm.effect.value)
    winner = next((arm.name for arm in arms if arm.verdict == HELPS), None)
    return ArmsVerdict(
        outcome=outcome,
        higher_is_better=higher,
        logarithmic=logarithmic,
        margin=float(margin),
        control=Arm(names[0], means[0], None, [], None, None, symptoms[0]),
        arms=arms,
        winner=winner,
        level_with=_level_with(names, values, winner) if winner else [],
    )


def paired_test(control: np.ndarray, arm: np.ndarray) -> PairedTest:
    """The paired t-test of arm minus control, (seeds,) each."""
    return paired_t(arm - control)


def shares_test(control: np.ndarray, arm: np.ndarray) -> PairedTest:
    """Two shares, (runs,) of 0 and 1 each: Barnard's exact test, and Newcombe's 95% interval of their difference.

    Source: Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17,
    1998, method 10.
    """
    # Slow to import, and seldom needed.
    from statsmodels.stats.proportion import confint_proportions_2indep

    before, after = control[~np.isnan(control)], arm[~np.isnan(arm)]
    n = min(len(before), len(after))
    differences = (arm - control)[~np.isnan(arm - control)].tolist()
    if not n:
        return PairedTest(Estimate(None, None, None, 0), differences, None, None)
    counts = int(before.sum()), int(after.sum())
    low, high = confint_proportions_2indep(
        counts[1], len(after), counts[0], len(before), method="newcomb", compare="diff"
    )
    p = _barnard(*counts, len(before) - counts[0], len(after) - counts[1])
    return PairedTest(Estimate(float(after.mean() - before.mean()), float(low), float(high), n), differences, None, p)


@cache
def _barnard(*table: int) -> float:
    """The p of a table of 2 by 2, row by row; where there is no difference to find it is 1, not NaN."""
    return 1.0 if table[:2] == (0, 0) or table[2:] == (0, 0) else float(barnard_exact([table[:2], table[2:]]).pvalue)


def table_of(cells: pd.DataFrame, names: Sequence[str], outcome: str) -> np.ndarray:
    """The outcome as (seeds, arms), NaN where it is missing, in the order of `names`.

    Raises ValueError for two runs of one arm and seed, and for an arm without any.
    """
    arms, seeds = {name: index for index, name in enumerate(names)}, dict.fromkeys(cells["seed"])
    rows = dict(zip(seeds, range(len(seeds)), strict=True))
    table, met = np.full((len(rows), len(arms)), np.nan), set()
    for name, seed, value in zip(cells["cell"], cells["seed"], finite_metric(cells, outcome), strict=True):
        if (name, seed) in met:
            raise ValueError("two runs are of one cell and seed: keep one of them")
        met.add((name, seed))
        if name in arms:
            table[rows[seed], arms[name]] = value
    if missing := arms.keys() - {name for name, _ in met}:
        raise ValueError(f"no run of the arm {min(missing)!r}")
    return table


def symptoms_of(cells: pd.DataFrame, names: Sequence[str]) -> list[Estimate | None]:
    """The share of each arm's runs with the symptom, with Wilson's interval; None where there is no such column."""
    if "symptom" not in cells:
        return [None] * len(names)
    looked, arm = cells["symptom"].notna().to_numpy(), cells["cell"].to_numpy()
    found = cells["symptom"].eq(True).to_numpy()
    return [share(found[looked & (arm == name)]) for name in names]


def size_of(arm: Arm, comparison: ArmsVerdict) -> float:
    """How much better than the control an arm is, in the unit of the margin."""
    value = log(arm.effect.value) if comparison.logarithmic else arm.effect.value
    return value if comparison.higher_is_better else -value


def _level_with(names: Sequence[str], values: np.ndarray, winner: str) -> list[str]:
    """Arms whose paired difference from the winner is not told from nothing; that two are not is no proof of it."""
    best = values[:, list(names).index(winner)]
    others = [(name, paired_t(column - best)) for name, column in zip(names[1:], values.T[1:], strict=True)]
    return [name for name, test in others if name != winner and (test.p is None or test.p >= LEVEL)]


def _back(figure: Estimate, logarithmic: bool) -> Estimate:
    """From a logarithm to a ratio."""
    if not logarithmic:
        return figure
    ends = (None if one is None else exp(min(one, 700.0)) for one in (figure.value, figure.low, figure.high))
    return Estimate(*ends, figure.n)
