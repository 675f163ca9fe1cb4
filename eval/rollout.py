"""Attention rollout: how much of each token reaches the position that the classifier reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import Estimate
from eval.predictor import Predictor

FEWEST = 4
"""Tokens from which on a rank correlation is given: below, its interval is undefined."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Where a network looks against what moves its answer, a token at a time; special tokens left out."""

    tokens: tuple[str, ...]
    rollout: np.ndarray
    """(tokens,) of what these tokens bring to the position that the classifier reads, the share of each."""
    attribution: np.ndarray
    """(tokens,) in logits; above 0 speaks for positive."""
    agreement: Estimate
    """Spearman's rank correlation of rollout and the size of the attribution."""


def compare_with_attribution(
    predictor: Predictor, text: str, layers: Sequence[np.ndarray], scores: np.ndarray
) -> Comparison:
    """Set attention rollout against the attribution `scores`, (tokens,), of the same text.

    layers: predictor.attentions of the text. Raises UserError for an empty text.
    """
    tokenised = predictor.tokenise(text)
    share = classified_share(
        rollout(layers),
        tokenised.ids[0].tolist(),
        predictor.tokenizer.cls_token_id,
        mean=getattr(predictor.model.config, "classifier_pooling", None) == "mean",
    )
    content = np.flatnonzero(~tokenised.special)
    return Comparison(
        tuple(tokenised.tokens[place] for place in content),
        share[content] / share[content].sum(),
        scores[content],
        rank_agreement(share[content], np.abs(scores[content])),
    )


def rollout(layers: Sequence[np.ndarray]) -> np.ndarray:
    """The share of each input token (column) in each position (row) after the last layer; rows sum to one.

    `layers`: the attention of each layer from the input on, each (heads, tokens, tokens). Heads are averaged, half of
    every step is the residual connection, and the layers are multiplied. Source: Abnar and Zuidema, "Quantifying
    Attention Flow in Transformers" (ACL 2020), equation 1.
    """
    tokens = layers[0].shape[-1]
    share = np.eye(tokens)
    for layer in layers:
        step = layer.mean(axis=0, dtype=np.float64) + np.eye(tokens)
        share = step / step.sum(axis=-1, keepdims=True) @ share
    return share


def classified_share(share: np.ndarray, ids: Sequence[int], classifier_token: int | None, *, mean: bool) -> np.ndarray:
    """The row of a rollout that the classifier reads, (tokens,).

    That of the `classifier_token` ([CLS]), the last one where the text has none (decoders), the mean over all where
    the classifier pools by the mean.
    """
    if mean:
        return share.mean(axis=0)
    return share[list(ids).index(classifier_token) if classifier_token in ids else -1]


def rank_agreement(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Spearman's rank correlation of two scores a token, with its 95% interval.

    Both (tokens,). The interval is Fisher's with the variance of Bonett and Wright, "Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations" (Psychometrika 2000). Undefined under four tokens and where
    one of the two says the same of all.
    """
    from scipy.stats import spearmanr

    n = len(first)
    if n < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Estimate(None, None, None, n)
    value = float(spearmanr(first, second).statistic)
    # The end points are fixed points of tanh(atanh(x) ± y).
    middle = math.atanh(min(max(value, -1 + 1e-12), 1 - 1e-12))
    width = 1.959964 * math.sqrt((1 + value**2 / 2) / (n - 3))
    return Estimate(value, math.tanh(middle - width), math.tanh(middle + width), n)
