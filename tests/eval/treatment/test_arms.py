"""Arms against a control: against scipy and statsmodels, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import barnard_exact, gmean, ttest_rel
from statsmodels.stats.multitest import multipletests

from eval.treatment.arms import judge_arms, shares_test


def cells(values: dict[str, np.ndarray], outcome: str = "validation_loss") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"cell": name, "seed": seed, outcome: value}
            for name, column in values.items()
            for seed, value in enumerate(column)
        ]
    )


def drawn(seeds: int = 5) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(5)
    run = draw.normal(0, 0.1, seeds)
    means = {"control": 0.6, "a": 0.5, "b": 0.59, "c": 0.7}
    return {name: mean + run + draw.normal(0, 0.02, seeds) for name, mean in means.items()}


def test_paired_tests_and_holm_are_those_of_the_rivals():
    values = drawn()
    found = judge_arms(cells(values), "validation_loss", control="control")
    p = [ttest_rel(values[name], values["control"]).pvalue for name in "abc"]
    rival = dict(zip("abc", multipletests(p, method="holm")[1], strict=True))
    assert {arm.name: arm.p_adjusted for arm in found.arms} == pytest.approx(rival)
    assert [arm.name for arm in found.arms] == ["a", "b", "c"] and found.winner == "a"
    interval = ttest_rel(values["a"], values["control"]).confidence_interval()
    assert [found.arms[0].effect.low, found.arms[0].effect.high] == pytest.approx(list(interval))
    assert [arm.verdict for arm in found.arms] == ["helps", found.arms[1].verdict, "hurts"]
    assert found.margin == pytest.approx(0.05 * values["control"].mean())


def test_the_direction_follows_the_outcome():
    found = judge_arms(cells(drawn(), "accuracy"), "accuracy", control="control")
    assert found.winner == "c" and found.higher_is_better and found.margin == 0.01
    turned = judge_arms(cells(drawn(), "accuracy"), "accuracy", control="control", higher_is_better=False, margin=0.2)
    assert turned.winner == "a" and turned.margin == 0.2


def test_a_logarithmic_outcome_is_compared_by_its_ratio():
    draw = np.random.default_rng(6)
    before = np.exp(draw.normal(0, 1, 5))
    after = before / 8 * np.exp(draw.normal(0, 0.1, 5))
    found = judge_arms(cells({"control": before, "a": after}, "swing"), "swing", control="control").arm("a")
    interval = ttest_rel(np.log(after), np.log(before)).confidence_interval()
    assert found.effect.value == pytest.approx(gmean(after / before))
    assert [found.effect.low, found.effect.high] == pytest.approx(np.exp(list(interval)))
    assert found.value.value == pytest.approx(gmean(after)) and found.differences == pytest.approx(after / before)


def test_shares_are_compared_exactly():
    """A difference that is the same in every seed: four of four runs diverged, none with the remedy."""
    found = judge_arms(cells({"control": np.ones(4), "a": np.zeros(4)}, "diverged"), "diverged", control="control")
    assert found.arm("a").p_adjusted == pytest.approx(barnard_exact([[4, 0], [0, 4]]).pvalue) and found.winner == "a"
    assert found.arm("a").effect.value == -1 and -0.6 < found.arm("a").effect.high < 0
    assert shares_test(np.zeros(3), np.zeros(3)).p == 1.0
    some = shares_test(np.array([1.0, 1, 0, np.nan]), np.array([0.0, 1, 0, 0]))
    assert some.p == pytest.approx(barnard_exact([[2, 1], [1, 3]]).pvalue)


def test_chance_finds_a_winner_seldom():
    draw, found = np.random.default_rng(7), 0
    for _ in range(60):
        values = dict(zip(("control", *"abc"), draw.normal(0.5, 0.05, (4, 4)), strict=True))
        found += judge_arms(cells(values), "validation_loss", control="control").winner is not None
    # One-sided of 5% two-sided: 2.5.
    assert found <= 5


def test_arms_as_good_as_the_winner_are_named():
    noise = np.random.default_rng(8).normal(0, 0.01, (3, 5))
    values = {"control": 0.6 + noise[0], "a": 0.4 + noise[1], "b": 0.402 + noise[2], "c": 0.5 + noise[0]}
    found = judge_arms(cells(values), "validation_loss", control="control")
    assert {found.winner, *found.level_with} == {"a", "b"}


def test_gaps_and_mistakes():
    values = drawn()
    values["a"][1] = np.nan
    table = cells(values)
    assert judge_arms(table, "validation_loss", control="control").arm("a").effect.n == 4
    empty = judge_arms(table.assign(validation_loss=np.nan), "validation_loss", control="control")
    assert empty.winner is None and empty.arms[0].effect.value is None
    with pytest.raises(ValueError, match="no run of the arm 'z'"):
        judge_arms(table, "validation_loss", control="z")
    with pytest.raises(ValueError, match="one cell and seed"):
        judge_arms(pd.concat([table, table]), "validation_loss", control="control")
    shown = judge_arms(table.assign(symptom=table["seed"] < 3), "validation_loss", control="control")
    assert shown.is_shown and (shown.control.symptom.value, shown.control.symptom.n) == (0.6, 5)
