"""The rows the model gets wrong, the most confident first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ConfidentError:
    """A row whose given label the model contradicts."""

    row: int
    text: str
    label: int
    """The given one."""
    probability: float
    """Of the other label, which the model chose; raw."""


def most_confident_errors(
    texts: Sequence[str], probabilities: np.ndarray, labels: np.ndarray, limit: int = 10
) -> list[ConfidentError]:
    """The `limit` wrong rows with the highest probability for the wrong class; equal ones in the order of the rows.

    `probabilities` is (n, 2), `labels` (n,) of 0 and 1.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities[wrong, 1 - labels[wrong]]
    return [
        ConfidentError(int(row), texts[row], int(labels[row]), float(probabilities[row, 1 - labels[row]]))
        for row in wrong[np.argsort(-confidence, kind="stable")][:limit]
    ]
