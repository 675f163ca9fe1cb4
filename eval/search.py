"""What a search found: its best settings, and whether they hold on seeds that it never saw.

A search takes the best of many noisy figures, so its best figure is partly luck. What counts is the confirmation: the
best setting of each sampler and the baseline, run again on fresh seeds and compared pair by pair.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import pandas as pd

from eval.effects import Effect, Resolution, finite_metric, judged, resolution
from eval.importance import Importance, importances
from eval.metrics import Estimate
from eval.paired import paired_t
from eval.verdicts import default_margin, higher_is_better

SCHEMA_VERSION = 1

SEARCH, CONFIRM, RANDOM, BASELINE = "search", "confirm", "random", "baseline"
BEST = "-best"
"""What the name of a sampler's cell in the confirmation ends with."""
SETTING = "setting"


@dataclass(frozen=True, slots=True)
class SearchFactor:
    """What is searched over: whether its values are numbers, and whether their logarithm was searched."""

    name: str
    numeric: bool
    log: bool


@dataclass(frozen=True, slots=True)
class Best:
    """The best complete trial of a sampler, the earliest of equals."""

    trial: int
    """From 1."""
    score: float
    levels: dict[str, str]


@dataclass(frozen=True, slots=True)
class SamplerTrials:
    """What one sampler tried, in this order."""

    sampler: str
    trials: int
    complete: int
    pruned: int
    failed: int
    seconds: float | None
    best: Best | None
    best_so_far: list[float | None]
    """After each trial; None before the first that was completed."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A setting on fresh seeds; the intervals are Student's over the seeds."""

    cell: str
    search_score: float | None
    """The metric that the setting was chosen for; None for the baseline."""
    metric: Estimate
    """The same metric on fresh seeds."""
    fall: Estimate | None
    """How much worse it is there than in the search: above 0, the search flattered it."""
    judged: Estimate
    """The judged metric on fresh seeds."""


@dataclass(frozen=True, slots=True)
class Search:
    """effects.json of a search: everything that its runs say."""

    schema: int
    design: str
    method: str
    metric: str
    """What the search chose by."""
    judged: str
    """What the comparisons are of: the test rows' twin of the metric where there is one."""
    higher_is_better: bool
    margin: float
    factors: list[SearchFactor]
    samplers: list[SamplerTrials]
    expected: list[Estimate]
    """The best of so many random trials, by resampling; empty without random trials."""
    seeds: list[str]
    """Of the confirmation."""
    confirmed: list[Confirmed]
    resolution: Resolution
    effects: list[Effect]
    """Comparisons of settings, the one between samplers first: `level` against `baseline`."""
    importances: list[Importance]
    runs: int
    left_out: int
    """Runs without the metric: failed, or pruned."""
    missing: int
    """Runs that are planned and still to come."""


def analyse_search(
    runs: pd.DataFrame,
    factors: Sequence[str],
    metric: str,
    *,
    margin: float | None = None,
    log: Collection[str] = (),
    planned: int | None = None,
) -> Search:
    """Judge what a search found.

    `runs` is runs.csv: a row a trial, in the order of the trials, with the columns `sampler`, those of the factors,
    `seed`, `status` and `metric`; the confirmation's rows have the sampler CONFIRM and the cells BASELINE and, for each
    sampler, its name and BEST. Comparisons are of the same metric on the test rows where the runs have it: neither the
    search nor the seed has seen those. `log` names the factors that were searched by their logarithm, `planned` is how
    many rows the finished search has. Raises ValueError where the confirmation has a seed of the search.
    """
    higher = higher_is_better(metric)
    confirmation = runs[runs["sampler"] == CONFIRM]
    trials = runs[runs["sampler"] != CONFIRM]
    if known := set(trials["seed"]) & set(confirmation["seed"]):
        raise ValueError(f"seed {min(known)} is of the search and of its confirmation: confirm on fresh seeds")
    names = list(dict.fromkeys(trials["sampler"]))
    samplers = [_sampler_trials(name, trials[trials["sampler"] == name], factors, metric) for name in names]
    twin = f"test.{metric.partition('.')[2]}"
    compared = twin if twin in runs and runs[twin].notna().any() else metric
    tables = {column: _by_seed(confirmation, column) for column in {metric, compared}}
    if margin is None:
        table = tables[compared]
        level = table.get(BASELINE, table)
        margin = default_margin(compared, level.to_numpy(float) if level.size else finite_metric(trials, metric))
    effects = compare_settings(tables[compared], names, higher=higher, margin=margin)
    numbers = _numbers(trials, factors)
    found = finite_metric(trials, metric)
    known = ~np.isnan(found) & numbers.notna().all(axis=1).to_numpy()
    random = trials["sampler"].to_numpy() == RANDOM
    return Search(
        schema=SCHEMA_VERSION,
        design=SEARCH,
        method="paired t" if any(effect.p is not None for effect in effects) else "none",
        metric=metric,
        judged=compared,
        higher_is_better=higher,
        margin=float(margin),
        factors=[
            SearchFactor(name, bool(pd.api.types.is_numeric_dtype(numbers[name])), name in log) for name in factors
        ],
        samplers=samplers,
        expected=expected_best(found[random], higher=higher),
        seeds=[str(seed) for seed in tables[metric].index],
        confirmed=_confirmed(samplers, tables[metric], tables[compared], higher=higher),
        resolution=resolution(effects, margin),
        effects=effects,
        importances=importances(numbers[known], found[known], random[known], log),
        runs=int((~np.isnan(finite_metric(runs, metric))).sum()),
        left_out=int(np.isnan(finite_metric(runs, metric)).sum()),
        missing=max(0, planned - len(runs)) if planned else 0,
    )


def compare_settings(table: pd.DataFrame, samplers: Sequence[str], *, higher: bool, margin: float) -> list[Effect]:
    """Compare what samplers found, each with the next and with the baseline: paired t over the seeds, Holm over all.

    `table` has a row a seed and the columns BASELINE and, for each sampler, its name and BEST; NaN is a missing run.
    """
    cells = [name + BEST for name in samplers if name + BEST in table]
    pairs = [*zip(cells, cells[1:], strict=False)]
    pairs += [(cell, BASELINE) for cell in cells if BASELINE in table]
    tests = [paired_t((table[one] - table[other]).to_numpy(float)) for one, other in pairs]
    return judged([(SETTING, one, other) for one, other in pairs], tests, higher=higher, margin=margin)


def expected_best(values: np.ndarray, *, higher: bool) -> list[Estimate]:
    """The best of n = 1, 2, ... trials drawn at random: its mean and the middle 95% of it, exactly, by resampling.

    `values` (trials,) are of independent trials; NaN, a trial without a figure, counts as the worst there is. Trials
    are drawn from these with replacement, so that the best of n is at most the one of rank i in (i / N)^n of draws.
    The mean errs low where n nears N: resampling knows of nothing better than the best. Source: Dodge et al., Show your
    work: improved reporting of experimental results, EMNLP 2019, equations 3 to 8.
    """
    sign = 1 if higher else -1
    finite = sign * values[~np.isnan(values)]
    if not len(finite):
        return []
    ordered = np.sort(np.where(np.isnan(values), finite.min(), sign * values))
    size, found = len(ordered), []
    for n in range(1, size + 1):
        below = (np.arange(size + 1) / size) ** n
        low, high = (ordered[np.searchsorted(below[1:], share)] for share in (0.025, 0.975))
        ends = sorted([sign * float(low), sign * float(high)])
        found.append(Estimate(sign * float(ordered @ np.diff(below)), *ends, n))
    return found


def sampler_name(sampler: str) -> str:
    """A sampler as it is written: `TPE` for tpe."""
    return {"tpe": "TPE"}.get(sampler, sampler)


def _sampler_trials(name: str, trials: pd.DataFrame, factors: Sequence[str], metric: str) -> SamplerTrials:
    values = finite_metric(trials, metric)
    sign = 1 if higher_is_better(metric) else -1
    signed = np.where(np.isnan(values), -inf, sign * values)
    best, running = None, np.maximum.accumulate(signed)
    if np.isfinite(signed).any():
        index = int(signed.argmax())
        row = trials.iloc[index]
        best = Best(index + 1, float(values[index]), {factor: str(row[factor]) for factor in factors})
    return SamplerTrials(
        sampler=name,
        trials=len(trials),
        complete=int(np.isfinite(signed).sum()),
        pruned=int((trials["status"] == "pruned").sum()),
        failed=int((~np.isfinite(signed)).sum() - (trials["status"] == "pruned").sum()),
        seconds=float(trials["seconds"].sum()) if "seconds" in trials else None,
        best=best,
        best_so_far=[sign * float(value) if np.isfinite(value) else None for value in running],
    )


def _confirmed(
    samplers: Sequence[SamplerTrials], table: pd.DataFrame, compared: pd.DataFrame, *, higher: bool
) -> list[Confirmed]:
    scores = {one.sampler + BEST: one.best.score for one in samplers if one.best} | {BASELINE: None}
    found = []
    for cell, score in scores.items():
        if cell in table:
            values = table[cell].to_numpy(float)
            fall = None if score is None else _mean((1 if higher else -1) * (score - values))
            found.append(Confirmed(cell, score, _mean(values), fall, _mean(compared[cell].to_numpy(float))))
    return found


def _mean(values: np.ndarray) -> Estimate:
    return paired_t(values).estimate


def _by_seed(confirmation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The metric with a row a seed and a column a cell."""
    values = confirmation[["seed", "cell"]].assign(value=finite_metric(confirmation, metric))
    return values.pivot(index="seed", columns="cell", values="value")


def _numbers(trials: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """The factors' columns: as numbers where every value is one, else as text, NaN where there is none."""
    found = {}
    for name in factors:
        given = trials[name].where(trials[name] != "")
        numbers = pd.to_numeric(given, errors="coerce").astype(float)
        found[name] = numbers if numbers.notna().equals(given.notna()) else given
    return pd.DataFrame(found)
