"""How much each factor of a search matters, as far as its trials tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from eval.metrics import Estimate

FEWEST = 10
"""Trials below which nothing is said."""
DECOYS, TREES = 19, 8


@dataclass(frozen=True, slots=True)
class Importance:
    """A factor's part in the metric; None where its values are no numbers, or where there are too few trials."""

    factor: str
    rank_correlation: Estimate
    """Spearman's, with its 95% interval, over n trials that were drawn at random."""
    share: float | None
    """Of the variance of the metric over the ranges of the search, this factor by itself (fANOVA)."""
    chance: float | None
    """The largest share of 19 factors made up of random numbers, which 5% of factors that do nothing exceed."""


def importances(trials: pd.DataFrame, values: np.ndarray, drawn: np.ndarray, log: Sequence[str]) -> list[Importance]:
    """The importance of the columns of `trials`, whose `values` (trials,) are all known; the largest share first.

    `drawn` (trials,) says which were drawn at random: the others follow from those before them, so that an interval
    would not hold. `log` names the factors whose logarithm was searched.
    """
    shares, chance = _shares(trials, values, log)
    found = [
        Importance(
            name,
            rank_correlation(trials[name].to_numpy()[drawn], values[drawn])
            if pd.api.types.is_numeric_dtype(trials[name])
            else Estimate(None, None, None, int(drawn.sum())),
            shares.get(name),
            chance,
        )
        for name in trials
    ]
    return sorted(found, key=lambda one: -(one.share or 0.0))


def rank_correlation(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Spearman's rank correlation with the interval of Bonett and Wright (Psychometrika 65, 2000)."""
    n = len(x)
    if n < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Estimate(None, None, None, n)
    value = float(spearmanr(x, y).statistic)
    if abs(value) == 1:
        return Estimate(value, None, None, n)
    reach = norm.isf(0.025) * sqrt((1 + value**2 / 2) / (n - 3))
    return Estimate(value, tanh(atanh(value) - reach), tanh(atanh(value) + reach), n)


def _shares(trials: pd.DataFrame, values: np.ndarray, log: Sequence[str]) -> tuple[dict[str, float], float | None]:
    """The mean share of each factor over forests that each hold a decoy beside it, and the largest share of a decoy.

    Shares add up to 1 even where nothing matters: only the decoys tell what a share is worth. Source: Hutter, Hoos and
    Leyton-Brown, An efficient approach for assessing hyperparameter importance, ICML 2014; decoys as in Kursa and
    Rudnicki, Feature selection with the Boruta package, Journal of Statistical Software 36, 2010.
    """
    # Slow to import, and a page that only shows a report does not need it.
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator

    if len(values) < FEWEST or np.ptp(values) == 0:
        return {}, None
    spaces = {}
    for name, column in trials.items():
        if pd.api.types.is_numeric_dtype(column):
            spaces[name] = FloatDistribution(float(column.min()), float(column.max()), log=name in log)
        else:
            spaces[name] = CategoricalDistribution(sorted(set(column)))
    rows = trials.to_dict("records")
    rng, found, decoys = np.random.default_rng(0), [], []
    loudness = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        for seed in range(DECOYS):
            study = optuna.create_study()
            study.add_trials(
                optuna.create_trial(
                    params={**row, "": decoy}, distributions={**spaces, "": FloatDistribution(0, 1)}, value=value
                )
                for row, decoy, value in zip(rows, rng.random(len(rows)), values, strict=True)
            )
            forest = FanovaImportanceEvaluator(n_trees=TREES, seed=seed).evaluate(study)
            decoys.append(float(forest.pop("")))
            found.append(forest)
    finally:
        optuna.logging.set_verbosity(loudness)
    return {name: float(np.mean([forest.get(name, 0.0) for forest in found])) for name in spaces}, max(decoys)
