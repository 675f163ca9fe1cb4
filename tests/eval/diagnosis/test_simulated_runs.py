"""False alarms on healthy runs, and what is found in sick ones, over the simulated logs."""

from collections import Counter

import numpy as np
import pytest

from eval.diagnosis.finding import Name
from eval.diagnosis.verdict import diagnose
from tests.eval.diagnosis import simulated


@pytest.fixture(scope="module")
def verdicts_on_healthy() -> list[tuple[str, Name]]:
    draw = np.random.default_rng(0)
    drawn = [simulated.healthy(draw) for _ in range(400)]
    return [(kind, diagnose(history).verdict) for kind, history in drawn]


@pytest.mark.slow
def test_at_most_three_in_a_hundred_healthy_runs_are_called_sick(verdicts_on_healthy):
    alarms = [pair for pair in verdicts_on_healthy if pair[1] not in (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE)]
    assert len(alarms) <= 12, Counter(alarms)


def test_hardly_a_healthy_run_is_said_to_be_too_short_to_tell(verdicts_on_healthy):
    assert sum(verdict == Name.INSUFFICIENT_EVIDENCE for _, verdict in verdicts_on_healthy) <= 8


@pytest.mark.slow
def test_most_sick_runs_are_recognised():
    draw = np.random.default_rng(1)
    right, all_of = Counter(), Counter()
    for _ in range(280):
        kind, accepted, history = simulated.sick(draw)
        all_of[kind] += 1
        right[kind] += diagnose(history).verdict in accepted
    least = {
        "turn": 0.95,
        "swings": 0.85,
        "growing_swings": 0.65,
        "no_number": 1.0,
        "blow_up": 0.95,
        "never_moved": 0.5,
        "cut": 0.8,
    }
    assert least.keys() == all_of.keys()
    shares = {kind: right[kind] / all_of[kind] for kind in least}
    assert all(shares[kind] >= least[kind] for kind in least), shares
