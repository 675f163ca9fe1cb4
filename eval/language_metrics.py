"""How well a language model predicts: loss and perplexity over tokens."""

from collections.abc import Callable

import numpy as np

from eval.metrics import Estimate, estimates


def language_metrics(log_losses: np.ndarray, tokens: np.ndarray) -> dict[str, float]:
    """Loss (mean over all tokens, in nats) and perplexity (its exponential).

    log_losses, tokens: (n,), for each row the sum over its predicted tokens and how many these are.
    """
    weighted = weighted_language_metrics(log_losses, tokens)
    return {name: float(value[0]) for name, value in weighted(np.ones((1, len(tokens)))).items()}


def language_metrics_with_intervals(
    log_losses: np.ndarray, tokens: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Estimate]:
    """The same with their 95% percentile bootstrap intervals over rows, whose tokens stay together; n is the rows."""
    weighted = weighted_language_metrics(log_losses, tokens)
    return estimates(weighted, len(tokens), resamples=resamples, seed=seed)


def weighted_language_metrics(
    log_losses: np.ndarray, tokens: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The function from row weights of shape (k, n) to {metric: values of shape (k,)}."""
    per_row = np.stack([log_losses, tokens], axis=1).astype(np.float64)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        total, count = (weights @ per_row).T
        return {"loss": total / count, "perplexity": np.exp(total / count)}

    return metrics
