import re
import time

import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, Gradients, History
from eval.diagnosis.verdict import diagnose
from tests.eval.diagnosis import simulated
from train.config import build_parser

X = np.linspace(0, 1, 61)[1:]
SETTLED = 0.2 + 0.8 * np.exp(-12 * X)


def test_healthy_says_what_more_could_be_logged(log):
    diagnosis = diagnose(log(SETTLED, SETTLED[5::6] * 1.1))
    assert (diagnosis.verdict, diagnosis.findings) == (Name.HEALTHY, [])
    assert any("metric" in line for line in diagnosis.insufficient)


@pytest.mark.parametrize(
    ("train", "validation"),
    [(None, None), ([1.0, 0.5], None), ([1, 0.6, 0.5, 0.4], [0.5, 0.4]), (None, [0.35, 0.33, 0.37]), ([0.9], [0.8])],
)
def test_too_little_says_what_to_log(log, train, validation):
    diagnosis = diagnose(log(train, validation))
    assert diagnosis.verdict == Name.INSUFFICIENT_EVIDENCE
    assert any("--logging_steps" in line or "--eval_steps" in line for line in diagnosis.insufficient)


def test_evaluations_that_are_no_number_do_not_hide_the_training_loss(log):
    diagnosis = diagnose(log(SETTLED, np.full(10, np.nan)))
    assert diagnosis.verdict == Name.HEALTHY
    assert any("10 of 10 are no number" in line for line in diagnosis.insufficient)


def test_training_alone_is_enough_for_healthy_and_for_divergence(log):
    assert diagnose(log(SETTLED)).verdict == Name.HEALTHY
    assert diagnose(log(np.where(X > 0.5, np.nan, SETTLED))).verdict == Name.DIVERGENCE
    assert diagnose(log([1.0, np.nan, np.nan])).verdict == Name.DIVERGENCE


def test_a_running_sum_is_no_training_loss(log):
    diagnosis = diagnose(log(np.tile(np.arange(1.0, 6), 10)))
    assert diagnosis.verdict == Name.INSUFFICIENT_EVIDENCE
    assert "begins anew" in diagnosis.insufficient[0]


def test_what_explains_another_comes_first(log):
    blown_up = SETTLED + 3 * np.clip((X - 0.6) / 0.1, 0, 1)
    turned = np.where(X < 0.4, 0.5, 0.5 + 2 * (X - 0.4))
    names = [finding.name for finding in diagnose(log(blown_up, turned[::6])).findings]
    assert names[0] == Name.DIVERGENCE


def test_a_finding_of_little_confidence_is_told_but_is_no_verdict(log):
    low = 1.5 + 1.5 * np.exp(-15 * X)
    diagnosis = diagnose(log(low, train_metrics={"accuracy": np.full(60, 0.4)}))
    assert diagnosis.verdict == Name.HEALTHY
    assert [finding.name for finding in diagnosis.findings] == [Name.UNDERFITTING]


def test_a_new_run_in_the_same_file_is_judged_by_itself(log):
    twice = np.concatenate([SETTLED, SETTLED * 1.02])
    diagnosis = diagnose(log(twice, restarts=(61.0,)))
    assert diagnosis.verdict == Name.HEALTHY


def test_a_run_under_way_is_not_undertrained(log):
    still = 0.1 + 0.9 * np.exp(-0.8 * X)
    assert diagnose(log(still)).verdict == Name.UNDERTRAINED
    assert diagnose(log(still), under_way=True).verdict == Name.HEALTHY


def test_gradients_alone_can_be_healthy():
    norms = np.ones((5, 8))
    gradients = Gradients([f"layer {i}" for i in range(8)], np.arange(5.0), {"norm": norms})
    assert diagnose(History(source="made up", gradients=gradients)).verdict == Name.HEALTHY


@pytest.mark.parametrize("loss", [1e-3, 1e3])
@pytest.mark.parametrize("step", [1.0, 1e-3, 250.0])
def test_units_change_no_verdict(scaled, loss, step):
    draw = np.random.default_rng(3)
    for _ in range(12):
        for history in (simulated.healthy(draw)[1], simulated.sick(draw)[2]):
            assert diagnose(scaled(history, loss=loss, step=step)).verdict == diagnose(history).verdict


def test_every_flag_that_is_advised_exists():
    flags = {flag for action in build_parser()._actions for flag in action.option_strings}
    draw, named = np.random.default_rng(4), set()
    for _ in range(150):
        for finding in diagnose(simulated.sick(draw)[2]).findings:
            texts = [action.flags for action in finding.today] + finding.next_week + finding.confirm_by
            named |= {word for text in texts for word in re.findall(r"--\w+", text)}
    assert len(named) > 8
    assert named <= flags, named - flags


def test_a_million_points_take_under_a_second():
    draw = np.random.default_rng(5)
    step = np.arange(1.0, 1_000_001)
    values = (0.2 + np.exp(-8 * step / 1e6)) * np.exp(draw.normal(0, 0.2, len(step)))
    curve = Curve(step, values)
    history = History(
        source="made up", train=curve, learning_rate=Curve(step, 1e-3 * (1 - step / 1e6)), grad_norm=curve
    )
    diagnose(History(source="made up", train=Curve(step[:50], values[:50])))
    start = time.process_time()
    assert diagnose(history).verdict == Name.HEALTHY
    assert time.process_time() - start < 1
