"""Nothing that a log may hold makes a diagnosis fail."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, History
from eval.diagnosis.verdict import diagnose

VALUES = (
    st.floats(width=64)
    | st.sampled_from([0.0, 1.0, 0.5, np.log(2), np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
    | st.floats(0, 3)
)


@st.composite
def curves(draw) -> Curve:
    count = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 9, 14, 40, 300]))
    steps = np.cumsum(np.ones(count) * draw(st.sampled_from([1, 7, 1e-3, 1e300 / 400]))) - draw(st.sampled_from([0, 5]))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        values = draw(arrays(np.float64, count, elements=VALUES, fill=VALUES))
    else:
        noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(
            0, draw(st.sampled_from([0, 0.01, 0.5])), count
        )
        values = np.exp(-np.arange(count) / max(count, 1) * draw(st.floats(-5, 20))) * np.exp(noise)
    if count and kind == 2:
        values[draw(st.integers(0, count - 1)) :] = draw(VALUES)
    return Curve(np.sort(steps), values)


NAMES = st.sampled_from(["accuracy", "f1", "eval_accuracy", "wer", "auc", "recall", "loss2", "", "val-acc"])
HISTORIES = st.builds(
    History,
    source=st.just("any"),
    train=curves(),
    validation=curves(),
    metrics=st.dictionaries(NAMES, curves(), max_size=2),
    train_metrics=st.dictionaries(NAMES, curves(), max_size=1),
    learning_rate=curves(),
    grad_norm=curves(),
    restarts=st.lists(st.sampled_from([0.0, 3.0, 50.0]), max_size=2, unique=True).map(tuple),
    steps_per_epoch=st.sampled_from([None, 1.0, 12.5]),
    max_step=st.sampled_from([None, 1e4]),
    classes=st.sampled_from([None, 1, 2, 50_000]),
    settings=st.sampled_from([{}, {"learning_rate": 0}, {"learning_rate": 5e-5, "dropout": 0.5, "tuning": "frozen"}]),
)


def _check(history: History) -> None:
    diagnosis = diagnose(history)
    assert diagnosis.verdict in set(Name)
    assert all(0 <= finding.severity <= 1 and 0 <= finding.confidence <= 1 for finding in diagnosis.findings)
    assert all(finding.causes and finding.today and finding.confirm_by for finding in diagnosis.findings)
    if diagnosis.verdict not in (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE):
        assert diagnosis.findings[0].name == diagnosis.verdict


LOOSE = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
}


@settings(max_examples=300, **LOOSE)
@given(HISTORIES)
def test_no_random_log_raises(history):
    _check(history)


@pytest.mark.slow
@settings(max_examples=2000, **LOOSE)
@given(HISTORIES)
def test_no_random_log_of_two_thousand_raises(history):
    _check(history)
