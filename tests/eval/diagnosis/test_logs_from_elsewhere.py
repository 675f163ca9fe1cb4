"""Whole logs of other tasks, as their writers keep them, from the file to the verdict."""

import json

import numpy as np
import pytest

from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose

DRAW = np.random.default_rng(7)
X = np.linspace(0, 1, 60)


def trainer_state(folder, rows) -> str:
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"log_history": rows}))
    return path


def csv(folder, **columns):
    path = folder / "curves.csv"
    lines = [
        ",".join(columns),
        *(",".join(f"{value:.5f}" for value in row) for row in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(lines))
    return path


def reward_from_nothing(folder):
    """A penalty that begins at next to nothing and grows as the reward does."""
    return trainer_state(
        folder,
        [
            {
                "step": int(10 * n),
                "loss": float(0.045 * x + 0.0005),
                "reward": float(0.2 + 0.6 * x),
                "learning_rate": 1e-6,
            }
            for n, x in enumerate(X, 1)
        ],
    )


def right_on_few_rows(folder):
    """An accuracy on so few rows that it soon stays the same, beside a training loss that falls."""
    accuracy = np.where(X < 0.2, 0.8, 0.9)
    return csv(folder, epoch=np.arange(1, 61.0), train_loss=0.05 + 0.65 * np.exp(-5 * X), val_accuracy=accuracy)


def cycles_of_a_rate_that_is_not_logged(folder):
    phase = (X * 5) % 1
    loss = 0.2 + np.exp(-2 * X) * (0.4 + 0.5 * (1 - phase)) + DRAW.normal(0, 0.005, 60)
    return csv(folder, epoch=np.arange(1, 61.0), train_loss=loss, val_loss=loss * 1.05)


def continued_pretraining(folder):
    """2% less of a loss whose noise is a tenth of that."""
    loss = 2.30 - 0.05 * X + DRAW.normal(0, 0.004, 60)
    return csv(folder, epoch=np.arange(1, 61.0), train_loss=loss, val_loss=2.31 - 0.05 * X + DRAW.normal(0, 0.001, 60))


@pytest.mark.parametrize(
    "log",
    [reward_from_nothing, right_on_few_rows, cycles_of_a_rate_that_is_not_logged, continued_pretraining],
    ids=lambda log: log.__name__,
)
def test_a_healthy_log_is_healthy(log, tmp_path):
    assert diagnose(read_history(log(tmp_path))).verdict == "healthy"


def test_a_perplexity_is_no_decision(tmp_path):
    loss = 3.1 + 3 * np.abs(X - 0.35) ** 1.2
    rows = [{"step": n, "loss": float(3.5 - 2 * x)} for n, x in enumerate(X, 1)]
    rows += [
        {"step": n, "eval_loss": float(value), "eval_perplexity": float(np.exp(value))}
        for n, value in enumerate(loss, 1)
    ]
    diagnosis = diagnose(read_history(trainer_state(tmp_path, rows)))
    assert diagnosis.verdict == "overfitting"
    assert not any("too sure" in cause.cause for cause in diagnosis.findings[0].causes)


def test_an_accuracy_that_came_and_went_is_harmed(tmp_path):
    """It goes on rising after the loss has turned, and ends where it was then."""
    loss, accuracy = 1.1 + 1.2 * np.abs(X - 0.2), 0.68 - 0.2 * np.abs(X - 0.45)
    path = csv(tmp_path, epoch=np.arange(1, 61.0), train_loss=1.5 - 1.3 * X, val_loss=loss, val_accuracy=accuracy)
    diagnosis = diagnose(read_history(path))
    assert diagnosis.verdict == "overfitting"
    assert not any("too sure" in cause.cause for cause in diagnosis.findings[0].causes)


def test_a_log_without_a_rate_gets_none_invented(tmp_path):
    path = csv(tmp_path, epoch=np.arange(1, 61.0), train_loss=np.full(60, np.log(10)), val_accuracy=np.full(60, 0.1))
    diagnosis = diagnose(read_history(path))
    assert diagnosis.verdict == "plateau"
    flags = [action.flags for action in diagnosis.findings[0].today]
    assert not any("learning_rate" in flag for flag in flags)
