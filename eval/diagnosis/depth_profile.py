"""How large the gradient is from layer to layer: its profile over the depth and the straight line through it."""

import re
from dataclasses import dataclass
from math import log

import numpy as np

from eval.diagnosis.history import Gradients, History
from eval.diagnosis.ranks import theil_sen
from eval.diagnosis.series import last_part, level, noise, thinned

FEWEST = 4
"""Hidden layers that a line is drawn through."""
LATE = 1 / 3
"""The last recordings, as a share, that say how a run ended."""
MOST = 120
"""Layers and recordings that are looked at; more are thinned evenly."""
BLOCK = re.compile(r"(?:^|\.)(?:h|\w*(?:layers?|blocks?))\.(\d+)(?=\.|$)")
ALIKE = 1.5
"""Von Neumann's ratio, 2 where neighbouring deviations are independent."""
OUTER = re.compile(r"(?i)embed|\bwte\b|\bwpe\b|(^|[._])(head|lm_head|classifier|pooler|score|logits)([._]|$)")


@dataclass(frozen=True, slots=True)
class Profile:
    """Magnitudes of the hidden layers at each recording."""

    layers: list[str]
    """From input to output, without embeddings and head, whose gradients have another scale."""
    depth: np.ndarray
    """(layers,), counted from 0 at the input; one that was left out keeps its place."""
    step: np.ndarray
    """(recordings,)."""
    magnitude: np.ndarray
    """(recordings, layers), log10; -inf of a layer without any gradient, NaN where nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through a profile: log10 of the gradient for one layer more towards the input, with a 95% interval."""

    rate: float
    low: float
    high: float
    ratio: float
    """Of the layer next to the input to the one next to the output, on the line."""
    surest_ratio: float
    """The same at the end of the interval that is nearer to no change."""
    layers: list[str]
    """Those the line goes through."""
    without: list[str]
    """Those left out because their gradient is exactly zero."""


def hidden(gradients: Gradients) -> list[list[int]]:
    """The columns of each hidden layer: blocks where names tell of any, else all but embeddings and head."""
    blocks: dict[int, list[int]] = {}
    for column, name in enumerate(gradients.layers):
        if found := BLOCK.search(name):
            # A block's parameters may stand one by one.
            blocks.setdefault(int(found[1]), []).append(column)
    if len(blocks) >= FEWEST:
        return list(blocks.values())
    return [[column] for column, name in enumerate(gradients.layers) if not OUTER.search(name)]


def profile(gradients: Gradients) -> Profile | None:
    """The magnitude of every hidden layer; None of fewer than FEWEST.

    mean |g| where every layer has it, which does not depend on how large a layer is, else the norm.
    """
    columns = hidden(gradients)
    if len(columns) < FEWEST or not len(gradients.step):
        return None
    mean = gradients.figures.get("mean_abs")
    values = gradients.norm if mean is None or np.isnan(mean[:, sum(columns, [])]).all(0).any() else mean
    rows = evenly(len(gradients.step))
    kept = evenly(len(columns))
    with np.errstate(all="ignore"):
        logs = np.log10(np.where(np.isfinite(values[rows]) & (values[rows] >= 0), values[rows], np.nan))
    if all(len(columns[layer]) == 1 for layer in kept):
        magnitude = logs[:, [columns[layer][0] for layer in kept]]
    else:
        magnitude = np.column_stack([_median(logs[:, columns[layer]], axis=1) for layer in kept])
    return Profile([gradients.layers[columns[layer][0]] for layer in kept], kept, gradients.step[rows], magnitude)


def fit(profile: Profile, rows: slice | int | None = None) -> Fit | None:
    """Theil-Sen's line through the median profile of some recordings; None where fewer than FEWEST layers have one.

    Without `rows`, those of the end (LATE). Layers whose gradient is exactly zero are left out: frozen, or below what a
    float can hold. The interval is Theil-Sen's; where neighbouring layers deviate alike (von Neumann's ratio of the
    residuals is below ALIKE) it is at least that of the drift of a random walk, as each layer multiplies the gradient
    by a factor of its own. It covers the rate in 92 to 98% of simulated profiles of 4 to 30 layers that deviate
    independently, and in 75 to 91% where they wander. Source: Sen 1968; for why the profile is geometric Schoenholz et
    al., Deep information propagation, ICLR 2017, and why it wanders Hanin, Which neural net architectures give rise to
    exploding and vanishing gradients?, NeurIPS 2018.
    """
    rows = slice(int(len(profile.step) * (1 - LATE)), None) if rows is None else rows
    values = late = _median(np.atleast_2d(profile.magnitude[rows]), axis=0)
    finite = np.isfinite(values)
    if finite.sum() < FEWEST:
        return None
    depth, values = profile.depth[finite], values[finite]
    slope, low, high = theil_sen(depth, values)
    residuals = values - np.median(values) - slope * (depth - np.median(depth))
    length = depth[-1] - depth[0]
    reach = _reach_of_a_walk(depth, residuals)
    low, high = min(low, slope - reach), max(high, slope + reach)
    surest = 0.0 if low <= 0 <= high else min(low, high, key=abs)
    return Fit(
        rate=float(-slope),
        low=float(-high),
        high=float(-low),
        ratio=_power(-slope * length),
        surest_ratio=_power(-surest * length),
        layers=[name for name, used in zip(profile.layers, finite, strict=True) if used],
        without=[name for name, value in zip(profile.layers, late, strict=True) if value == -np.inf],
    )


def ratios(profile: Profile) -> np.ndarray:
    """(recordings,): first to last layer on the line through each recording, as log10; NaN where there is none."""
    first, second = np.triu_indices(len(profile.layers), 1)
    with np.errstate(invalid="ignore"):
        slopes = (profile.magnitude[:, second] - profile.magnitude[:, first]) / (
            profile.depth[second] - profile.depth[first]
        )
    slopes[~np.isfinite(slopes)] = np.nan
    found = np.isfinite(profile.magnitude).sum(axis=1) >= FEWEST
    length = profile.depth[-1] - profile.depth[0]
    return np.where(found, -_median(slopes, axis=1) * length, np.nan)


def onset(step: np.ndarray, sick: np.ndarray) -> float:
    """The step from which on all recordings are sick; the last one's where none is."""
    well = np.flatnonzero(~sick)
    return float(step[min(well[-1] + 1 if len(well) else 0, len(step) - 1)])


def learned(history: History) -> float | None:
    """How far the training loss fell from its start, as a share of that: 0 within its noise; None of under 3 losses.

    A start above the loss of a guess, ln K, counts as that: to come down to a guess is not to learn. Where no training
    loss is logged the evaluation loss stands for it.
    """
    curve = thinned(history.train if len(history.train.finite) >= 3 else history.validation)
    if len(curve) < 3:
        return None
    last = last_part(curve, 0.2, min(3, len(curve) // 2)).value
    start, end = level(curve.value[: max(1, len(curve) // 20)]), level(last)
    if history.classes and history.classes > 1:
        start = min(start, log(history.classes))
    # A median's standard error is 1.25 times a mean's.
    wobble = 1.25 * np.nan_to_num(noise(curve.value)) / np.sqrt(len(last))
    return (start - end) / abs(start) if start and abs(start - end) > 3 * wobble else 0.0


def evenly(count: int) -> np.ndarray:
    """At most MOST of so many indices, evenly, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int))


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """The median without what is NaN, NaN where all is."""
    empty = np.isnan(values).all(axis=axis)
    filled = np.where(np.expand_dims(empty, axis), 0.0, values)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=axis))


def _reach_of_a_walk(depth: np.ndarray, residuals: np.ndarray) -> float:
    """Half the 95% interval of the drift of a random walk; 0 where neighbouring residuals are not alike."""
    centred = residuals - residuals.mean()
    if (np.diff(residuals) ** 2).sum() >= ALIKE * (centred**2).sum() or residuals.std() < 1e-9:
        return 0.0
    # Slow to import, and seldom needed.
    from scipy.special import stdtrit

    gaps = np.diff(depth)
    per_layer = ((np.diff(residuals) / np.sqrt(gaps)) ** 2).sum() / max(len(gaps) - 1, 1)
    return float(stdtrit(max(len(gaps) - 1, 1), 0.975) * np.sqrt(per_layer / gaps.sum()))


def _power(log: float) -> float:
    return float(10.0 ** np.clip(log, -300, 300))
