"""The Trainer's compute_metrics: a classifier's from the `evaluate` modules in eval/modules, and a language model's."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from transformers import EvalPrediction

from eval.language_metrics import language_metrics
from eval.metrics import METRIC_NAMES


def compute_metrics(evaluation: EvalPrediction) -> dict[str, float]:
    """Accuracy, F1, precision, recall, AUC, MCC and log loss of logits of shape (n, 2) against labels of shape (n,).

    The same figures as `eval.metrics.classification_metrics` of their softmax. Where any logit is NaN or infinite every
    metric is NaN: a figure over the other rows would look like a healthy one. The AUC of a single class is NaN too.
    """
    logits = evaluation.predictions
    logits = np.asarray(logits[0] if isinstance(logits, tuple) else logits, dtype=np.float64)
    if logits.ndim != 2 or logits.shape[1] != 2:
        raise ValueError(f"expected logits of shape (n, 2), got {logits.shape}")
    if not np.isfinite(logits).all():
        return dict.fromkeys(METRIC_NAMES, math.nan)
    margin = logits[:, 1] - logits[:, 0]
    inputs = {
        "predictions": logits.argmax(axis=1),
        "prediction_scores": np.exp(-np.logaddexp(0, -margin)),  # the sigmoid, without overflow
        "references": np.asarray(evaluation.label_ids),
    }
    metrics = {}
    for name, module in _modules().items():
        (metrics[name],) = module.compute(**{key: inputs[key] for key in module.features}).values()
    return metrics


def log_losses_by_row(logits: Tensor, labels: Tensor) -> Tensor:
    """The Trainer's preprocess_logits_for_metrics of a language model: (rows, 2), summed log loss in nats and tokens.

    logits: (rows, tokens, vocabulary), at each token for the next one; labels: (rows, tokens), -100 for none. What is
    kept of an evaluation is two numbers a row, where the logits would take a vocabulary's worth for each token.
    """
    targets = labels[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits[:, :-1].float().mT, targets, reduction="none", ignore_index=-100)
    return torch.stack([losses.sum(1), (targets != -100).sum(1).to(losses.dtype)], dim=1)


def compute_language_metrics(evaluation: EvalPrediction) -> dict[str, float]:
    """Loss and perplexity over tokens, from log_losses_by_row.

    As "loss" it takes the place of the Trainer's own, which is a mean over rows of their batches' means.
    """
    return language_metrics(*np.asarray(evaluation.predictions, dtype=np.float64).T)


@cache
def _modules():
    """The modules by metric name; imported here, at the first evaluation, because scikit-learn takes a while.

    They are plain imports: `evaluate.load` would make a copy of each in the user's cache and import that, which a
    process killed half-way leaves broken for all later runs.
    """
    from eval.modules.accuracy.accuracy import Accuracy
    from eval.modules.f1.f1 import F1
    from eval.modules.log_loss.log_loss import LogLoss
    from eval.modules.matthews_correlation.matthews_correlation import MatthewsCorrelation
    from eval.modules.precision.precision import Precision
    from eval.modules.recall.recall import Recall
    from eval.modules.roc_auc.roc_auc import RocAuc

    modules = (Accuracy, F1, Precision, Recall, RocAuc, MatthewsCorrelation, LogLoss)
    return {name: module(keep_in_memory=True) for name, module in zip(METRIC_NAMES, modules, strict=True)}
