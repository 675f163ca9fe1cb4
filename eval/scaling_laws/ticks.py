"""Where the logarithmic axes of a scaling law have their ticks: at numbers that a reader would say."""

import numpy as np

STEPS = np.array([1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8])
"""Those of a loss in each decade, which it seldom spans."""
NARROW = 2.5
"""Fewer decades of a count than this get their threes too."""


def count_ticks(low: float, high: float) -> np.ndarray:
    """Decades between two counts above 0, six or so."""
    ends = np.log10([low, high])
    decades = np.arange(np.floor(ends[0]), np.ceil(ends[1]) + 1)
    ticks = 10.0 ** decades[:: max(1, int(np.ceil(len(decades) / 6)))]
    if ends[1] - ends[0] < NARROW:
        ticks = np.sort(np.concatenate([ticks, 3 * ticks]))
    return ticks[(ticks >= low) & (ticks <= high)]


def loss_ticks(low: float, high: float) -> np.ndarray:
    """Three to eight plain numbers between two losses above 0."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.unique(np.outer(decades, STEPS).ravel())
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    if len(ticks) < 3:
        ticks = np.geomspace(low, high, 5)
    return ticks[:: max(1, len(ticks) // 8)]
