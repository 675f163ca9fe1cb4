"""Closed-form curves, and a function that makes a log of them."""

from dataclasses import replace

import numpy as np
import pytest

from eval.diagnosis.history import EMPTY, Curve, History


def _curve(values, step: float = 1.0) -> Curve:
    if values is None:
        return EMPTY
    values = np.asarray(values, dtype=float)
    return Curve((np.arange(len(values)) + 1) * step, values)


@pytest.fixture
def log():
    """log(train, validation, step=, learning_rate=, metrics={}, **fields): a History of values one step apart."""

    def make(train=None, validation=None, *, step=1.0, learning_rate=None, metrics=None, train_metrics=None, **fields):
        # Evaluations are spread over the steps of training.
        wide = step * len(train) / len(validation) if train is not None and validation is not None else step
        return History(
            source="made up",
            train=_curve(train, step),
            validation=_curve(validation, wide),
            learning_rate=_curve(learning_rate, step),
            metrics={name: _curve(values, wide) for name, values in (metrics or {}).items()},
            train_metrics={name: _curve(values, step) for name, values in (train_metrics or {}).items()},
            **fields,
        )

    return make


@pytest.fixture
def scaled():
    """scaled(history, loss=, step=): the same log with the losses, or the steps, in another unit."""

    def scale(history: History, *, loss: float = 1.0, step: float = 1.0) -> History:
        def of(curve: Curve, factor: float = 1.0) -> Curve:
            return Curve(curve.step * step, curve.value * factor)

        return replace(
            history,
            train=of(history.train, loss),
            validation=of(history.validation, loss),
            learning_rate=of(history.learning_rate),
            metrics={name: of(curve) for name, curve in reversed(history.metrics.items())},
            steps_per_epoch=history.steps_per_epoch and history.steps_per_epoch * step,
        )

    return scale
