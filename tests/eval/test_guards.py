"""Guards against the t-test for non-inferiority, and on simulated studies whose true loss is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from eval.effects import Protocol, analyse
from eval.guards import BROKEN, HELD, OPEN, judge_guard, verdict
from eval.metrics import Estimate
from eval.paired import paired_t
from eval.power import seeds_needed

STUDIES = 1_000
ALLOWED = 40
"""Of 1,000 where 25 are expected: more come about in 0.2% of draws. At most 5% may be wrong."""
MARGIN = 0.005
NAMES = ("treatment", "on", "off")


def guard(differences, margin=MARGIN, *, higher=True):
    return judge_guard("test.accuracy", margin, NAMES, paired_t(np.asarray(differences, float)), higher=higher)


@pytest.mark.parametrize("higher", [True, False])
def test_held_and_broken_are_one_sided_t_tests_at_a_half_of_5_percent(higher):
    rng = np.random.default_rng(0)
    differences = rng.normal(rng.normal(0, 0.01, (300, 1)), 0.004, (300, 5))
    losses = -differences if higher else differences
    below = stats.ttest_1samp(losses, MARGIN, axis=1, alternative="less").pvalue < 0.025
    above = stats.ttest_1samp(losses, MARGIN, axis=1, alternative="greater").pvalue < 0.025
    expected = [HELD if low else BROKEN if high else OPEN for low, high in zip(below, above, strict=True)]
    assert [guard(row, higher=higher).verdict for row in differences] == expected
    assert set(expected) == {HELD, BROKEN, OPEN}


def even(rng, seeds, loss):
    return rng.normal(-loss, 0.004, (STUDIES, seeds))


def heavy(rng, seeds, loss):
    return -loss + 0.004 * rng.standard_t(3, (STUDIES, seeds))


def counted(rng, seeds, loss, rows=852):
    control, arm = (rng.binomial(rows, 0.8 - by, (STUDIES, seeds)) / rows for by in (0, loss))
    return arm - control


def lost_runs(rng, seeds, loss):
    differences = even(rng, seeds, loss)
    return np.where(rng.random(differences.shape) < 0.15, np.nan, differences)


@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("draw", [even, heavy, counted, lost_runs])
def test_a_loss_as_large_as_the_margin_is_hardly_ever_called_held_or_broken(draw, seeds):
    found = [guard(row).verdict for row in draw(np.random.default_rng(1), seeds, MARGIN)]
    assert found.count(HELD) <= ALLOWED and found.count(BROKEN) <= ALLOWED


def test_without_a_loss_the_seeds_of_the_power_analysis_find_it_held():
    seeds = seeds_needed(MARGIN, 0.004)
    rows = even(np.random.default_rng(2), seeds, 0.0)
    assert sum(guard(row).verdict == HELD for row in rows) >= 0.78 * STUDIES


@pytest.mark.parametrize("loss", [0.002, 0.009])
def test_the_seeds_that_open_asks_for_come_to_a_verdict(loss):
    """From differences whose mean and spread are exactly the true ones."""
    spread = 0.004
    first = np.array([-1.0, 0.0, 1.0]) * spread - loss
    told = guard(first)
    assert told.verdict == OPEN and told.seeds_needed > 3
    rows = np.random.default_rng(3).normal(-loss, spread, (STUDIES, told.seeds_needed))
    assert sum(guard(row).verdict != OPEN for row in rows) >= 0.75 * STUDIES


def test_what_changes_nothing_with_any_seed_holds_a_guard_of_zero_and_one_seed_holds_none():
    assert guard([0, 0, 0], 0).verdict == HELD
    assert guard([0.1], 0).verdict == guard([], 0).verdict == guard([0.1, 0.1], 0).verdict == OPEN
    assert guard([0.1], 0).seeds_needed is None
    assert verdict(Estimate(0.2, 0.1, 0.3, 4), 0.1) == OPEN


def test_a_study_judges_every_guard_with_every_level_in_its_own_direction():
    """Against the pairs taken by hand; a failed run, and a figure that no run has, leave their pairs out."""
    rng, rows = np.random.default_rng(4), []
    for seed in range(5):
        for level in ("off", "on", "more"):
            figures = {"test.accuracy": 0.8 + rng.normal(0, 0.01), "test.log_loss": 0.5 + rng.normal(0, 0.01)}
            failed = (seed, level) == (2, "on")
            rows.append({"treatment": level, "seed": seed, "status": "failed" if failed else "complete", **figures})
    runs = pd.DataFrame(rows)
    guards = {"test.accuracy": 0.01, "test.log_loss": 0.0, "test.auc": 0.1}
    levels = {"treatment": ["off", "on", "more"]}
    found = analyse(runs, levels, "test.accuracy", protocol=Protocol(guards=guards)).guards
    assert [(one.figure, one.level, one.higher_is_better) for one in found] == [
        *(("test.accuracy", "on", True), ("test.accuracy", "more", True)),
        *(("test.log_loss", "on", False), ("test.log_loss", "more", False)),
        *(("test.auc", "on", True), ("test.auc", "more", True)),
    ]
    wide = runs[runs["status"] == "complete"].pivot(index="seed", columns="treatment", values="test.log_loss")
    by_hand = (wide["on"] - wide["off"]).dropna()
    assert found[2].differences == pytest.approx(by_hand.tolist()) and found[2].estimate.n == 4
    interval = stats.ttest_1samp(by_hand, 0).confidence_interval()
    assert (found[2].estimate.low, found[2].estimate.high) == pytest.approx(tuple(interval))
    assert found[4].verdict == OPEN and found[4].estimate.n == 0
    assert analyse(runs, levels, "test.accuracy").guards == []
