"""What training minimises."""

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
"""The label of what is not to be predicted, as everywhere in torch and transformers."""


def cross_entropy(outputs, labels: Tensor, num_items_in_batch: Tensor | None = None, *, label_smoothing: float = 0.0):
    """Cross-entropy of `outputs.logits`, shape (rows, classes), in nats: the mean over the rows of an optimiser step.

    `num_items_in_batch` is the number of rows of the whole step, over all accumulated batches and processes, and the
    batch's own where it is None. Sequence classifiers of transformers take that number and ignore it, so that with the
    Trainer's own loss gradients come out as many times too large as there are accumulated batches or processes.
    """
    rows = labels.numel() if num_items_in_batch is None else num_items_in_batch
    total = functional.cross_entropy(outputs.logits.float(), labels, reduction="sum", label_smoothing=label_smoothing)
    return total / torch.as_tensor(rows, device=total.device)


def next_token_cross_entropy(
    outputs, labels: Tensor, num_items_in_batch: Tensor | None = None, *, label_smoothing: float = 0.0
):
    """Cross-entropy of `outputs.logits`, shape (rows, tokens, vocabulary), in nats: the mean over a step's tokens.

    labels: (rows, tokens), the tokens read; the logits at a token are for the next one, and a label IGNORED is none.
    `num_items_in_batch` is the number of tokens predicted in the whole step, as for cross_entropy: batches of unequal
    length accumulate to the gradient of the one large batch, where a mean of their means would not.
    """
    logits, targets = outputs.logits[:, :-1], labels[:, 1:]
    predicted = targets != IGNORED
    tokens = predicted.sum() if num_items_in_batch is None else num_items_in_batch
    total = functional.cross_entropy(
        logits[predicted].float(), targets[predicted], reduction="sum", label_smoothing=label_smoothing
    )
    return total / torch.as_tensor(tokens, device=total.device)
