"""Causes: runs of SGD whose cause is known, and healthy ones, sent through the whole judgement."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from eval.diagnosis.history import Curve
from eval.treatment.arms import judge_arms
from eval.treatment.causes import (
    BOTH,
    HELPS_TOO,
    MATTERS,
    NOISE,
    NOT_CONFIRMED,
    OPEN,
    RATE,
    REFUTED,
    SHOWN,
    OtherCause,
    cause_of_arms,
    judge_factorial,
    swing_shows,
)
from eval.treatment.outcomes import settled, swing
from tests.eval.treatment import sgd

RUNS, SEEDS, LOWERED, ENLARGED = 16, 4, 8, 8
KINDS = {"rate": RATE, "noise": NOISE, "both": BOTH, "healthy": NOT_CONFIRMED}


@cache
def experiments(kind: str) -> list[pd.DataFrame]:
    """The 2 by 2 of so many problems of a kind; the sick ones are those that a detector would find."""
    draw = np.random.default_rng(list(KINDS).index(kind))
    losses = sgd.factorial(draw, sgd.drawn(draw, kind, RUNS), SEEDS, LOWERED, ENLARGED)
    steps = sgd.EVERY * np.arange(1.0, losses.shape[-1] + 1)
    swings = np.array([swing(Curve(steps, one)) for one in losses.reshape(-1, len(steps))]).reshape(losses.shape[:-1])
    levels = np.median(settled(Curve(steps, np.moveaxis(losses, -1, 0))).value, axis=0)
    tables = [sgd.cells(*one) for one in zip(swings, levels, strict=True)]
    if kind == "healthy":
        return tables
    return [table.assign(symptom=table["cell"] == sgd.NAMES[0]) for table in tables]


def judge(table: pd.DataFrame):
    return judge_factorial(table, sgd.FACTORS, lowered=LOWERED, enlarged=ENLARGED)


@cache
def verdicts(kind: str) -> list:
    return [judge(table) for table in experiments(kind)]


@pytest.mark.slow
def test_known_causes_are_found():
    """Of 150 runs each, with 3, 4 and 5 seeds: 94, 97, 95% of high rates, 85, 87, 89% of small batches, 82, 80, 84%
    of both.

    Most small batches that are missed swing by less than MOVES. With batches 16 times larger, 4 seeds: 95, 92, 86%;
    with a rate only 4 times lower, which leaves a swing where it was 8 times too high, 78, 87, 81%; with batches only 4
    times larger as well, as a short budget has it, 82, 73, 71%. No healthy run of 1,000 got a cause.
    """
    right = {kind: np.mean([one.cause == cause for one in verdicts(kind)]) for kind, cause in KINDS.items()}
    assert right["rate"] >= 0.85 and right["noise"] >= 0.85 and right["both"] >= 0.6
    # Those that are not both are never taken for each other.
    assert not any(one.cause == NOISE for one in verdicts("rate"))
    assert not any(one.cause == RATE for one in verdicts("noise"))


def test_the_remedy_follows_from_the_cause():
    remedies = dict(zip((NOISE, RATE, BOTH), sgd.NAMES[1:], strict=True))
    for one in verdicts("rate") + verdicts("noise") + verdicts("both"):
        if one.confirmed:
            assert one.remedy == remedies[one.cause] and one.estimate.value <= MATTERS and one.estimate.high < 1
            assert {other.cause for other in one.others} == set(remedies) - {one.cause}
            assert {other.status for other in one.others} <= {REFUTED, OPEN}


def test_it_takes_both_where_the_lower_rate_alone_leaves_the_symptom():
    """By their logarithms the lower rate goes farther than averaging; but what it leaves is still a swing."""
    found = judge(made(9.0, 4.0, 0.4, 0.05))
    assert found.cause == BOTH and "leaves the symptom in 4 of 4 runs, both changes in 0 of 4" in found.why[-1]
    rate = next(other for other in found.others if other.cause == RATE)
    assert rate == (OtherCause(RATE, REFUTED, "the lower rate alone leaves the symptom"))
    # Where the two together leave it as well, the batch is not what was lacking.
    assert judge(made(9.0, 8.0, 0.4, 0.3)).cause == judge(made(9.0, 4.0, 0.1, 0.05)).cause == RATE


def test_the_symptom_of_a_swing_is_that_of_the_judgement():
    table = made(0.5, 0.15, 0.15, 0.03)
    table["symptom"] = table["cell"] == sgd.NAMES[1]
    assert swing_shows(table).groupby(table["cell"]).mean().to_dict() == dict(zip(sgd.NAMES, (1, 1, 0, 0), strict=True))


def test_what_is_refuted_is_seldom_the_truth():
    refuted = [
        other.cause == KINDS[kind]
        for kind in ("rate", "noise", "both")
        for one in verdicts(kind)
        for other in one.others
        if other.status == REFUTED
    ]
    assert len(refuted) > 40 and np.mean(refuted) < 0.05


def test_a_healthy_run_gets_no_cause_although_arms_calm_it():
    healthy = verdicts("healthy")
    assert not any(one.confirmed for one in healthy)
    assert np.mean([one.comparison.winner is not None for one in healthy]) > 0.4
    assert all(one.remedy is None and "nothing to explain" in one.why[0] for one in healthy)


def test_a_detector_that_is_wrong_about_healthy_runs_confirms_little():
    """It saw a training loss jump: the parameters hardly move, and there is nothing to explain."""
    alarmed = [judge(table.assign(symptom=True)).confirmed for table in experiments("healthy")]
    assert sum(alarmed) <= 1


def test_a_symptom_that_nothing_touches_is_not_confirmed():
    """Swings drawn alike in all arms, called a symptom by the detector: at most the level of Holm's test, halved."""
    draw, confirmed = np.random.default_rng(9), 0
    for _ in range(20):
        swings = np.exp(draw.normal(-1, 0.3, (4, SEEDS)))
        confirmed += judge(sgd.cells(swings, np.ones((4, SEEDS)), symptom=True)).confirmed
    assert confirmed <= 1


def made(control, batch, rate, both, **more) -> pd.DataFrame:
    """Swings by arm, four seeds that differ a little."""
    seeds = np.array([0.95, 1.0, 1.0, 1.06])
    return sgd.cells(np.outer([control, batch, rate, both], seeds), np.ones((4, 4)), **more)


@pytest.mark.parametrize(
    ("swings", "cause"),
    [
        ((0.5, 0.5, 0.03, 0.03), RATE),
        ((0.5, 0.03, 0.03, 0.03), NOISE),
        ((0.5, 0.03, 0.2, 0.03), NOISE),
        ((0.5, 0.4, 0.3, 0.03), BOTH),
        ((0.5, 0.5, 0.5, 0.5), NOT_CONFIRMED),
        ((0.5, 0.4, 0.4, 0.3), NOT_CONFIRMED),
        # Noise alone, as averaging divides it.
        ((0.8, 0.1, 0.2, 0.025), NOISE),
        # All below what matters but for the control.
        ((0.5, 0.019, 1e-9, 0.0), NOISE),
    ],
)
def test_by_sufficiency(swings, cause):
    assert judge(made(*swings)).cause == cause


def test_there_must_be_something_to_explain():
    small = made(SHOWN - 0.02, 0.02, 0.02, 0.02)
    assert judge(small.drop(columns="validation_level").assign(validation_level=1.0)).cause == NOT_CONFIRMED
    assert judge(small.assign(symptom=True)).cause == NOISE
    assert judge(small.assign(symptom=True, validation_level=2.0)).cause == NOT_CONFIRMED
    # In two of four runs is not in most.
    half = made(0.5, 0.02, 0.02, 0.02)
    half.loc[(half["cell"] == sgd.NAMES[0]) & (half["seed"] < 2), "swing"] = 0.05
    assert judge(half).cause == NOT_CONFIRMED


def test_runs_that_are_missing():
    table = made(0.5, 0.5, 0.03, 0.03)
    gap = table.copy()
    gap.loc[[5, 12], "swing"] = np.nan
    assert judge(gap).cause == RATE and judge(gap).estimate.n == 2
    one = judge(table[table["seed"] == 0])
    assert one.cause == NOT_CONFIRMED and "Fewer than two seeds" in one.why[0]
    with pytest.raises(ValueError, match="no run with rate lower, batch larger"):
        judge(table[table["cell"] != sgd.NAMES[3]])
    failed = table.assign(status="failed")
    assert judge(failed).cause == NOT_CONFIRMED


def test_effects_and_their_interaction_stand_beside():
    found = judge(made(0.8, 0.1, 0.2, 0.025)).effects
    rate, batch = found["effects"]
    assert np.exp(rate["estimate"]["value"]) == pytest.approx(1 / 4, rel=0.01)
    assert np.exp(batch["estimate"]["value"]) == pytest.approx(1 / 8, rel=0.01)
    assert found["interactions"][0]["estimate"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["pair_means"][0]["means"][0][0] == pytest.approx(np.log(0.8), abs=0.01)


def arms(symptom=True, **losses) -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(0, 0.005, (len(losses), 4))
    rows = [
        {"cell": name, "seed": seed, "validation_loss": loss + noise[turn, seed], "symptom": symptom}
        for turn, (name, loss) in enumerate(losses.items())
        for seed in range(4)
    ]
    return pd.DataFrame(rows)


def cause_of(table: pd.DataFrame, hypotheses):
    return cause_of_arms(judge_arms(table, "validation_loss", control="control"), hypotheses)


def test_the_arm_that_suffices_alone_names_the_cause():
    table = arms(control=0.6, dropout=0.4, decay=0.5, stop=0.602, all_of_them=0.38)
    hypotheses = {"dropout": "too sure", "decay": "too large weights", "stop": "too long"}
    found = cause_of(table, hypotheses)
    assert (found.cause, found.remedy, found.confirmed) == ("too sure", "dropout", True)
    assert found.comparison.winner == "all_of_them" and "all_of_them does more" in found.why[1]
    assert {other.cause: other.status for other in found.others} == {
        "too large weights": HELPS_TOO,
        "too long": REFUTED,
    }
    joint = cause_of(arms(control=0.6, dropout=0.55, decay=0.55, all_of_them=0.3), hypotheses)
    assert joint.cause == NOT_CONFIRMED and joint.remedy == "all_of_them" and "no single change" in joint.why[0]


def test_arms_without_symptom_or_effect_confirm_nothing():
    hypotheses = {"dropout": "too sure"}
    well = cause_of(arms(symptom=False, control=0.6, dropout=0.4), hypotheses)
    assert well.cause == NOT_CONFIRMED and well.remedy is None
    same = cause_of(arms(control=0.6, dropout=0.599), hypotheses)
    assert same.cause == NOT_CONFIRMED and same.remedy is None
    # Beyond chance, but less than what matters.
    little = arms(control=0.6)
    other = little.assign(cell="dropout", validation_loss=little["validation_loss"] - 0.01 - little["seed"] / 1000)
    found = cause_of(pd.concat([little, other]), hypotheses)
    assert found.cause == NOT_CONFIRMED and found.remedy == "dropout"
