"""Runs of plain SGD whose swings have a known cause: a loss that is quadratic near its minimum and bends further out.

loss = sum of h (sqrt(1 + x^2) - 1) over directions: curvature h at the minimum, a slope of at most h. A rate above
2 / h swings from side to side instead of leaving for good, as networks at the edge of stability do. Validation has its
minimum a little elsewhere, so that the two sides are told apart. Everything is simulated at once.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

FACTORS = {"rate": ["as_it_was", "lower"], "batch": ["as_it_was", "larger"]}
ARMS = (("as_it_was", "as_it_was"), ("as_it_was", "larger"), ("lower", "as_it_was"), ("lower", "larger"))
NAMES = ("baseline", "batch=larger", "rate=lower", "rate=lower,batch=larger")
STEPS, EVERY = 297, 11
DIRECTIONS = 6


@dataclass(frozen=True, slots=True)
class Problem:
    """So many problems at once, with the rate and the batch size that they were given."""

    curvature: np.ndarray
    noise: np.ndarray
    """Both (problems, directions); noise is the standard deviation of a row's gradient."""
    shift: np.ndarray
    least: np.ndarray
    rate: np.ndarray
    batch: np.ndarray
    """(problems,), as are the two before it."""


def drawn(draw: np.random.Generator, kind: str, count: int) -> Problem:
    """Problems of a kind: "healthy", "rate" (above the edge), "noise" (batches of a row or few), or "both"."""

    def between(low, high, size):
        return np.exp(draw.uniform(np.log(low), np.log(high), size))

    curvature = between(0.05, 1.0, (count, DIRECTIONS))
    curvature[:, 0] = 1.0
    rate, batch = between(0.2, 0.6, count), between(16, 64, count)
    size = between(0.1, 0.35, count) if kind != "healthy" else between(0.05, 0.2, count)
    noise = (size * np.sqrt(batch))[:, None] * np.sqrt(curvature)
    if kind in ("rate", "both"):
        rate = between(2.4, 8.0, count)
    if kind in ("noise", "both"):
        batch = batch / between(16, 64, count)
    shift = draw.normal(0, 0.4, (count, DIRECTIONS))
    return Problem(curvature, noise, shift, draw.uniform(0.2, 0.6, count), rate, batch)


def factorial(draw: np.random.Generator, problem: Problem, seeds: int, lowered: float, enlarged: float) -> np.ndarray:
    """The validation losses of the four ARMS, (problems, arms, seeds, evaluations); a seed begins alike in all arms."""
    times = np.array([[1, 1], [1, enlarged], [1 / lowered, 1], [1 / lowered, enlarged]])
    rate = (problem.rate[:, None] * times[:, 0])[:, :, None, None]
    batch = (problem.batch[:, None] * times[:, 1])[:, :, None, None]
    curvature, noise, shift = (one[:, None, None, :] for one in (problem.curvature, problem.noise, problem.shift))
    count = len(problem.rate)
    x = np.repeat(draw.normal(0, 1, (count, 1, seeds, DIRECTIONS)), 4, axis=1)
    losses = []
    for step in range(1, STEPS + 1):
        gradient = curvature * x / np.sqrt(1 + x**2) + noise / np.sqrt(batch) * draw.normal(size=x.shape)
        x = x - rate * gradient
        if step % EVERY == 0:
            away = curvature * (np.sqrt(1 + (x - shift) ** 2) - 1)
            losses.append(problem.least[:, None, None] + away.sum(axis=-1))
    return np.stack(losses, axis=-1)


def cells(swings: np.ndarray, levels: np.ndarray, **more) -> pd.DataFrame:
    """The table of one experiment from (arms, seeds) of swings and levels of the validation loss."""
    rows = [
        {"cell": name, "rate": rate, "batch": batch, "seed": seed, "swing": swings[arm, seed]}
        | {"validation_level": levels[arm, seed]}
        | more
        for arm, (name, (rate, batch)) in enumerate(zip(NAMES, ARMS, strict=True))
        for seed in range(swings.shape[1])
    ]
    return pd.DataFrame(rows)
