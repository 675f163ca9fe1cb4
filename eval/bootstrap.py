"""The percentile bootstrap, vectorised: a resample is a vector that says how often each row was drawn."""

from collections.abc import Callable, Iterator

import numpy as np

CELLS = 1_000_000
"""Resamples times rows that are held at once (8 MB an array)."""


def bootstrap(
    statistics: Callable[[np.ndarray], dict[str, np.ndarray]], rows: int, *, resamples: int = 2000, seed: int = 0
) -> dict[str, np.ndarray]:
    """Compute statistics on resamples of the rows, drawn with replacement.

    `statistics` takes weights of shape (k, rows), one resample a row, and returns {name: values of shape (k,)}, NaN
    where a statistic is undefined. Returns {name: values of shape (resamples,)}, the same for the same seed. Memory is
    bounded whatever the number of rows. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 6.
    """
    parts = [statistics(weights) for weights in resampled_weights(rows, resamples=resamples, seed=seed)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def percentile_interval(values: np.ndarray, *, level: float = 0.95) -> tuple[float, float] | tuple[None, None]:
    """The central interval that holds a share `level` of bootstrap values (Efron and Tibshirani 1993, equation 13.5).

    Values that are NaN (undefined on their resample) are left out; where they are more than half, there is no interval.
    """
    defined = values[~np.isnan(values)]
    if 2 * defined.size < values.size:
        return None, None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def resampled_weights(rows: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield, some resamples at a time, how often each row was drawn: float64 of shape (k, rows)."""
    generator = np.random.default_rng(seed)
    step = max(1, CELLS // rows)
    for start in range(0, resamples, step):
        k = min(step, resamples - start)
        drawn = generator.integers(rows, size=(k, rows)) + rows * np.arange(k)[:, None]
        yield np.bincount(drawn.ravel(), minlength=k * rows).reshape(k, rows).astype(np.float64)
