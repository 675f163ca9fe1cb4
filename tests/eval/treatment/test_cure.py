"""Before and after on fresh seeds."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from eval.treatment.cure import BETTER, CURED, NO_DIFFERENCE, WORSE, judge_cure

BEFORE = np.array([0.50, 0.61, 0.45, 0.55])
WOBBLE = np.array([1.05, 0.96, 1.0, 1.02])


def cells(before, after, outcome="swing", symptoms=((1, 1, 1, 1), (0, 0, 0, 0))) -> pd.DataFrame:
    rows = [
        {"cell": name, "seed": seed, outcome: value, "symptom": bool(symptom)}
        for name, column, found in zip(("as_it_was", "lower"), (before, after), symptoms, strict=True)
        for seed, (value, symptom) in enumerate(zip(column, found, strict=True))
    ]
    return pd.DataFrame(rows)


def cure(*given, outcome="swing", **more):
    return judge_cure(cells(*given, outcome, **more), outcome, control="as_it_was", remedy="lower")


def test_the_figures_are_those_of_the_paired_test():
    found = cure(BEFORE, BEFORE * WOBBLE / 10)
    rival = ttest_rel(np.log(BEFORE * WOBBLE / 10), np.log(BEFORE))
    assert found.p == pytest.approx(rival.pvalue) and found.verdict == CURED
    assert [found.effect.low, found.effect.high] == pytest.approx(np.exp(list(rival.confidence_interval())))
    assert (found.symptom_before.value, found.symptom_after.value, found.symptom_after.n) == (1, 0, 4)
    assert found.symptom_after.high == pytest.approx(0.49, abs=0.01) and found.symptom_p < 0.05
    assert found.before.value > 0.5 > 0.06 > found.after.value


@pytest.mark.parametrize(
    ("after", "symptoms", "verdict"),
    [
        (BEFORE * WOBBLE / 10, ((1, 1, 1, 1), (0, 0, 0, 1)), BETTER),
        (BEFORE * WOBBLE / 10, ((1, 1, 0, 0), (0, 0, 0, 0)), BETTER),
        (BEFORE * WOBBLE / 1.5, ((1, 1, 1, 1), (0, 0, 0, 0)), BETTER),
        (BEFORE * WOBBLE, ((1, 1, 1, 1), (0, 0, 0, 0)), NO_DIFFERENCE),
        (BEFORE * WOBBLE * 3, ((1, 1, 1, 1), (0, 0, 0, 0)), WORSE),
    ],
)
def test_the_verdict(after, symptoms, verdict):
    assert cure(BEFORE, after, symptoms=symptoms).verdict == verdict


def test_a_loss_that_is_no_number_is_judged_by_the_symptom():
    lost = np.full(4, np.nan)
    assert cure(lost, BEFORE).verdict == CURED
    assert cure(lost, BEFORE, symptoms=((1, 1, 1, 1), (1, 1, 1, 0))).verdict == NO_DIFFERENCE
    assert cure(BEFORE, lost, symptoms=((0, 0, 0, 0), (1, 1, 1, 1))).verdict == WORSE
    unseen = cells(lost, BEFORE).drop(columns="symptom")
    found = judge_cure(unseen, "swing", control="as_it_was", remedy="lower")
    assert found.verdict == NO_DIFFERENCE and found.symptom_before is None


def test_chance_cures_seldom():
    draw, told = np.random.default_rng(1), []
    for _ in range(80):
        values = draw.normal(0.5, 0.05, (2, 4))
        told.append(cure(*values, outcome="validation_loss").verdict)
    assert np.mean([one in (CURED, BETTER) for one in told]) <= 0.06
    assert np.mean([one == NO_DIFFERENCE for one in told]) >= 0.88
