"""Asking a model about many texts, some at a time, so that a bar can show how far it is."""

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from eval.predictor import Predictions
from eval.subject import ROWS_AT_ONCE, Progress


def predict_chunked(
    predict: Callable[[Sequence[str]], Predictions], texts: Sequence[str], progress: Progress, name: str
) -> np.ndarray:
    """The probabilities of texts, (n, 2); `progress` is told how many of them were handed to the model."""
    shown, found = iter(progress(texts, name, len(texts))), []
    while chunk := list(islice(shown, ROWS_AT_ONCE)):
        found.append(predict(chunk).probabilities)
    return np.concatenate(found)
