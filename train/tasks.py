"""What differs between learning the labels of texts and learning to write them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from scipy.special import softmax
from torch import Tensor
from transformers import EvalPrediction

from data.batching import PadToLongest
from data.language import PadLanguageRows, language_rows
from data.tokenizing import tokenize
from eval.language_metrics import language_metrics_with_intervals
from eval.metrics import Estimate, metrics_with_intervals
from eval.trainer_metrics import compute_language_metrics, compute_metrics, log_losses_by_row
from models.losses import cross_entropy, next_token_cross_entropy


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """The way from a split to what the Trainer minimises and reports."""

    tokenize: Callable[..., Dataset]
    """(split, tokenizer, max_length) -> rows with input_ids and length."""
    collator: type[PadToLongest]
    loss: Callable[..., Tensor]
    """(outputs, labels, num_items_in_batch, label_smoothing=...) -> the loss, a mean over the whole step."""
    compute_metrics: Callable[[EvalPrediction], dict[str, float]]
    estimates: Callable[[np.ndarray, np.ndarray], dict[str, Estimate]]
    """(what evaluation keeps of the logits, labels) -> the figures of metrics.json."""
    preprocess_logits: Callable[[Tensor, Tensor], Tensor] | None = None


def class_probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of a classifier's logits, (rows, classes), in float64."""
    return softmax(np.asarray(logits, dtype=np.float64), axis=-1)


def _classification_estimates(logits: np.ndarray, labels: np.ndarray) -> dict[str, Estimate]:
    return metrics_with_intervals(class_probabilities(logits), labels)


def _language_estimates(by_row: np.ndarray, labels: np.ndarray) -> dict[str, Estimate]:
    return language_metrics_with_intervals(*np.asarray(by_row, dtype=np.float64).T)


TASKS = {
    "classification": Task(
        tokenize=tokenize,
        collator=PadToLongest,
        loss=cross_entropy,
        compute_metrics=compute_metrics,
        estimates=_classification_estimates,
    ),
    "causal_lm": Task(
        tokenize=language_rows,
        collator=PadLanguageRows,
        loss=next_token_cross_entropy,
        compute_metrics=compute_language_metrics,
        estimates=_language_estimates,
        preprocess_logits=log_losses_by_row,
    ),
}
"""What --task names."""
