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


def consistent_cross_entropy(
    outputs, labels: Tensor, num_items_in_batch: Tensor | None = None, *, weight: float, label_smoothing: float = 0.0
):
    """Cross-entropy of the rows plus `weight` times how far the answers to their twins lie from them, in nats.

    outputs.logits: the rows, (n, classes), and after them the twins of the first k of them, (k, classes); labels: (n,),
    IGNORED where a row has none and only its twin counts. The distance of a pair is symmetric_divergence; both get
    its gradient. Both sums are divided by the labelled rows of the whole step (`num_items_in_batch`, as for
    cross_entropy), so that batches add up to the gradient of the one large batch. Without twins, as in evaluation, it
    is cross_entropy. Source: R-Drop (Liang et al. 2021, equation 2), here between two texts, not two dropout masks.
    """
    logits, twins = outputs.logits.float().split((len(labels), len(outputs.logits) - len(labels)))
    rows = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
    total = functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=label_smoothing)
    if len(twins):
        total = total + weight * symmetric_divergence(logits[: len(twins)], twins).sum()
    # A step may hold sentences without a label alone.
    return total / torch.as_tensor(rows, device=total.device).clamp(min=1)


def symmetric_divergence(logits: Tensor, others: Tensor) -> Tensor:
    """The mean of KL(p || q) and KL(q || p) row by row, in nats, of the distributions with these logits; (n,)."""
    log_p, log_q = logits.log_softmax(dim=-1), others.log_softmax(dim=-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=-1) / 2


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
