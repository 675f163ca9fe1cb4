"""What the test rows say of a factor: runs that differ in it alone, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import norm

from eval.comparison import detectable_difference, mcnemar
from eval.designs import Factor
from eval.metrics import Estimate
from eval.slices import holm


@dataclass(frozen=True, slots=True)
class RowLevel:
    """Pairs of runs with the same seed that differ in one factor alone: the level against the baseline."""

    factor: str
    level: str
    pairs: int
    told_apart: int
    """Pairs whose two models McNemar's exact test tells apart at 5%, after Holm over the pairs."""
    discordant: float
    """The mean share of rows that one model of a pair alone gets right."""
    difference: Estimate
    """In accuracy, the mean over the pairs, with its 95% interval over rows (n rows) for these very models."""
    detectable: float | None
    """The difference that one pair on n rows tells with 80% power at this discordance."""


def row_level(runs: pd.DataFrame, factors: list[Factor], correct: Mapping[str, np.ndarray]) -> list[RowLevel]:
    """Compare runs row by row: `correct` says for each value of the column `run` which test rows are right, (rows,).

    A level without a pair is left out; all of `correct` must be of one length. Seeds and cells are held fixed here: the
    interval tells how much hangs on which rows the test set holds, the interval over seeds how much on the seed.
    """
    names = [factor.name for factor in factors]
    run_of = {(*levels, seed): run for *levels, seed, run in runs[[*names, "seed", "run"]].itertuples(index=False)}
    found = []
    for position, factor in enumerate(factors):
        baseline = factor.levels[0]
        for level in factor.levels[1:]:
            pairs = [
                (correct[run], correct[other])
                for key, run in run_of.items()
                if key[position] == level
                and (other := run_of.get((*key[:position], baseline, *key[position + 1 :]))) in correct
                and run in correct
            ]
            if pairs:
                found.append(_compare(factor.name, level, pairs))
    return found


def _compare(factor: str, level: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> RowLevel:
    tests = {str(index): mcnemar(this, other) for index, (this, other) in enumerate(pairs)}
    corrected = holm({index: test.p for index, test in tests.items()})
    rows = np.mean([this.astype(float) - other for this, other in pairs], axis=0)
    discordant = float(np.mean([this != other for this, other in pairs]))
    reach = norm.isf(0.025) * rows.std(ddof=1) / sqrt(len(rows))
    mean = float(rows.mean())
    return RowLevel(
        factor,
        level,
        len(pairs),
        sum(p < 0.05 for p in corrected.values()),
        discordant,
        Estimate(mean, float(mean - reach), float(mean + reach), len(rows)),
        detectable_difference(len(rows), discordant) if discordant else None,
    )
