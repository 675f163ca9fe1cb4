"""What the factors of a study do to a metric: effects with their intervals, interactions, and one verdict a level.

The seeds are the replicates. Each effect is measured within each seed, where everything but the factors is the same,
and a paired t-test over the seeds judges it; a factorial without replicates is judged by Lenth's method. What is
assumed: seeds are drawn alike and independently, and an effect's differences between seeds are about normal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import norm

from eval.anova import AnovaRow, anova
from eval.designs import Contrast, Design, Factor
from eval.guards import Guard, judge_guard
from eval.metrics import Estimate
from eval.paired import PairedTest, paired_t
from eval.power import LEVEL, POWER, detectable_effect, seeds_needed
from eval.row_level import RowLevel, row_level
from eval.slices import holm
from eval.unreplicated import HalfNormal, half_normal, p_values
from eval.verdicts import UNRESOLVED, default_margin, higher_is_better, seeds_to_resolve, verdict

SCHEMA_VERSION = 1

PAIRED_T, LENTH, NO_METHOD = "paired t", "lenth", "none"


@dataclass(frozen=True, slots=True)
class Effect:
    """A level of a factor against the factor's baseline, averaged over the levels of the other factors."""

    factor: str
    level: str
    baseline: str
    estimate: Estimate
    """The level minus the baseline, with the interval that holds for it alone; n counts seeds."""
    differences: list[float]
    """The difference of each seed that has it."""
    spread: float | None
    """Their standard deviation, or Lenth's pseudo standard error."""
    p: float | None
    p_adjusted: float | None
    """After Holm over all effects of the study (Sidak over all contrasts with Lenth's method)."""
    verdict: str
    """HELPS or HURTS (p_adjusted below 5%), BOUNDED (the interval lies within the margin) or UNRESOLVED."""
    bound: float | None
    """The end of the interval farther from 0, without its sign."""
    detectable: float | None
    """What would be found with 80% power, whatever the other effects are, at this spread."""
    seeds_needed: int | None
    """For UNRESOLVED: seeds in all to get another verdict in four studies of five, if the effect and its spread are
    as seen; None where the runs show no spread to reckon with."""
    depends_on: list[str] = field(default_factory=list)
    """Factors whose interaction with this level is told from nothing: the verdict is of a mean over their levels."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """How much more a level of the first factor does at a level of the second than at the second's baseline."""

    factors: list[str]
    levels: list[str]
    estimate: Estimate
    p: float | None
    p_adjusted: float | None
    """After Holm over all interactions (Sidak over all contrasts with Lenth's method)."""


@dataclass(frozen=True, slots=True)
class PairMeans:
    """The mean of the metric for each level of the first factor and, within, of the second; None without a run."""

    factors: list[str]
    levels: list[list[str]]
    means: list[list[float | None]]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the study could find at all."""

    seeds: int
    """The median over the effects of how many each rests on."""
    comparisons: int
    level: float
    power: float
    spread: float | None
    """Of a paired difference between seeds, pooled over the effects."""
    detectable: float | None
    """The minimum detectable effect: found with this power whatever the other effects are (level / comparisons)."""
    seeds_for_margin: int | None
    """Seeds with which an effect as large as the margin would be found."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a study said before its runs, beside its factors, its metric and its margin."""

    hypothesis: str | None = None
    guards: dict[str, float] = field(default_factory=dict)
    """How much of a figure may be lost at most, in the figure's own unit: {figure: 0 or more}."""
    changed: list[str] = field(default_factory=list)
    """What was changed of all that after runs had begun, in words."""


@dataclass(frozen=True, slots=True)
class StudyEffects:
    """effects.json: everything that the runs of a study say about one metric."""

    schema: int
    metric: str
    higher_is_better: bool
    margin: float
    """The smallest difference that matters."""
    design: str
    """A kind of eval.designs."""
    method: str
    """PAIRED_T, LENTH or NO_METHOD."""
    factors: list[Factor]
    aliases: dict[str, list[str]]
    cells: int
    seeds: list[str]
    runs: int
    left_out: int
    """Runs without the metric: failed, or not finished."""
    missing: int
    """Runs that are planned and still to come."""
    resolution: Resolution
    effects: list[Effect]
    interactions: list[Interaction]
    pair_means: list[PairMeans]
    half_normal: HalfNormal | None
    anova: list[AnovaRow]
    rows: list[RowLevel]
    guards: list[Guard]
    """Each guard with each level, as the effects."""
    protocol: Protocol | None
    """None where the study's file is not known."""


def analyse(
    runs: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    metric: str,
    *,
    margin: float | None = None,
    correct: Mapping[str, np.ndarray] | None = None,
    planned: int | None = None,
    protocol: Protocol | None = None,
) -> StudyEffects:
    """Judge every factor of a study by one metric.

    `runs` is runs.csv: a row a cell and seed, with the columns of the factors, `seed`, `metric` and, where it is there,
    `status`; a row that is not complete or lacks the metric is counted and left out. `factors` gives the levels of
    each, the baseline first. `margin` is the smallest difference that matters, default_margin() when left out.
    `correct` says which test rows each run gets right, {value of the column `run`: (rows,) of bool}. `planned` is how
    many rows the finished study has. `protocol` is what the study's file says beside all this; a figure of its guards
    that no run has leaves the guard open. Raises ValueError for two runs of one cell and seed, and for a level that
    `factors` does not name.
    """
    factors = [Factor(name, [str(level) for level in levels]) for name, levels in factors.items()]
    design, seeds, values = study_matrix(runs, factors, metric)
    higher = higher_is_better(metric)
    if margin is None:
        baseline = values[:, (design.cells == 0).all(axis=1)]
        # A fraction need not hold the baseline.
        margin = default_margin(metric, values if np.isnan(baseline).all() else baseline)
    replicated = (~np.isnan(values)).sum(axis=0).max(initial=0) > 1
    single = None if replicated else half_normal(design, _only_run(values))
    effects, interactions = [], []
    if replicated and not design.is_search:
        method = PAIRED_T
        effects = paired_effects(design, values, higher=higher, margin=margin)
        interactions = paired_interactions(design, values)
    elif single:
        method = LENTH
        effects = lenth_effects(design, single, higher=higher, margin=margin)
        interactions = lenth_interactions(design, single)
    else:
        method = NO_METHOD
        effects = [] if design.is_search else single_run_effects(design, _only_run(values))
    complete = ~np.isnan(values)
    return StudyEffects(
        schema=SCHEMA_VERSION,
        metric=metric,
        higher_is_better=higher,
        margin=float(margin),
        design=design.kind,
        method=method,
        factors=factors,
        aliases=design.aliases,
        cells=len(design.cells),
        seeds=seeds,
        runs=int(complete.sum()),
        left_out=len(runs) - int(complete.sum()),
        missing=max(0, planned - len(runs)) if planned else 0,
        resolution=resolution(effects, margin),
        effects=[replace(effect, depends_on=_partners(effect, interactions)) for effect in effects],
        interactions=interactions,
        pair_means=pair_means(design, values),
        half_normal=single,
        anova=anova(design, values) if method == PAIRED_T else [],
        rows=row_level(_complete(runs, metric), factors, correct) if correct else [],
        guards=judged_guards(runs, factors, protocol.guards) if protocol and not design.is_search else [],
        protocol=protocol,
    )


def study_matrix(runs: pd.DataFrame, factors: Sequence[Factor], metric: str) -> tuple[Design, list[str], np.ndarray]:
    """The design of all runs, failed ones too, the seeds, and the metric as (seeds, cells), NaN where it is missing."""
    numbers = []
    for factor in factors:
        levels = runs[factor.name].astype(str)
        if unknown := sorted(set(levels) - set(factor.levels)):
            raise ValueError(f"{factor.name} has no level {unknown[0]!r}: it has {', '.join(factor.levels)}")
        numbers.append(levels.map(factor.levels.index).to_numpy(int))
    cells, cell_of = np.unique(np.column_stack(numbers), axis=0, return_inverse=True)
    given = runs["seed"].astype(str)
    names = sorted(set(given), key=lambda name: (len(name), name))
    seed_of = given.map(names.index).to_numpy(int)
    if len(set(zip(cell_of.tolist(), seed_of.tolist(), strict=True))) < len(runs):
        raise ValueError("two runs are of one cell and seed: keep one of them")
    values = np.full((len(names), len(cells)), np.nan)
    values[seed_of, cell_of] = finite_metric(runs, metric)
    return Design(factors, cells), names, values


def paired_effects(design: Design, values: np.ndarray, *, higher: bool, margin: float) -> list[Effect]:
    """Every level against its baseline, from `values` (seeds, cells): paired t over the seeds, Holm over the levels."""
    contrasts = design.contrasts(design.mains)
    tests = [paired_t(differences) for differences in design.differences(values, contrasts).T]
    return judged([_names(design, contrast) for contrast in contrasts], tests, higher=higher, margin=margin)


def judged(
    names: Sequence[tuple[str, str, str]], tests: Sequence[PairedTest], *, higher: bool, margin: float
) -> list[Effect]:
    """Turn paired tests into effects with verdicts, Holm over all; `names` are (factor, level, baseline) of each."""
    level = LEVEL / max(1, sum(test.p is not None for test in tests))
    effects = []
    for who, test, p_adjusted in zip(names, tests, _holm(tests), strict=True):
        estimate, spread = test.estimate, test.spread
        found = verdict(estimate, p_adjusted, higher=higher, margin=margin)
        effect = _effect(
            *(who, estimate),
            differences=test.differences,
            spread=spread,
            p=test.p,
            p_adjusted=p_adjusted,
            verdict=found,
            detectable=detectable_effect(spread, estimate.n, level=level) if spread else None,
            seeds_needed=seeds_to_resolve(estimate, spread, level=level, margin=margin)
            if found == UNRESOLVED
            else None,
        )
        effects.append(effect)
    return effects


def judged_guards(runs: pd.DataFrame, factors: Sequence[Factor], guards: Mapping[str, float]) -> list[Guard]:
    """Every guard with every level against its baseline: paired over the seeds, as the effects are."""
    found = []
    for figure, margin in guards.items():
        table = runs if figure in runs else runs.assign(**{figure: np.nan})
        design, _, values = study_matrix(table, factors, figure)
        contrasts, higher = design.contrasts(design.mains), higher_is_better(figure)
        for contrast, differences in zip(contrasts, design.differences(values, contrasts).T, strict=True):
            test = paired_t(differences)
            found.append(judge_guard(figure, margin, _names(design, contrast), test, higher=higher))
    return found


def paired_interactions(design: Design, values: np.ndarray) -> list[Interaction]:
    """Every interaction of two factors in the model, judged as the effects are; the surest first."""
    contrasts = design.contrasts(design.pairs)
    tests = [paired_t(differences) for differences in design.differences(values, contrasts).T]
    rows = zip(contrasts, tests, _holm(tests), strict=True)
    return _sorted([_interaction(design, contrast, test.estimate, test.p, p) for contrast, test, p in rows])


def lenth_effects(design: Design, single: HalfNormal, *, higher: bool, margin: float) -> list[Effect]:
    """The main effects of a two-level factorial run once."""
    method, tests = single.lenth, _lenth_tests(single)
    spread, level = method.pseudo_standard_error, LEVEL / method.m
    effects = []
    for contrast in design.contrasts(design.mains):
        value, p, p_adjusted = tests[design.term_name(contrast.factors)]
        estimate = Estimate(value, value - method.margin, value + method.margin, 1)
        found = verdict(estimate, p_adjusted, higher=higher, margin=margin)
        effect = _effect(
            *(_names(design, contrast), estimate),
            differences=[value],
            spread=spread,
            p=p,
            p_adjusted=p_adjusted,
            verdict=found,
            detectable=method.simultaneous_margin + float(norm.ppf(POWER)) * spread,
            seeds_needed=seeds_to_resolve(estimate, spread, level=level, margin=margin)
            if found == UNRESOLVED
            else None,
        )
        effects.append(effect)
    return effects


def lenth_interactions(design: Design, single: HalfNormal) -> list[Interaction]:
    """The interactions of two factors of a two-level factorial run once, the surest first."""
    tests, found = _lenth_tests(single), []
    for contrast in design.contrasts(design.pairs):
        if (name := design.term_name(contrast.factors)) in tests:
            # A contrast is half the difference of the differences.
            value, p, p_adjusted = tests[name]
            value, reach = 2 * value, 2 * single.lenth.margin
            estimate = Estimate(value, value - reach, value + reach, 1)
            found.append(_interaction(design, contrast, estimate, p, p_adjusted))
    return _sorted(found)


def single_run_effects(design: Design, values: np.ndarray) -> list[Effect]:
    """Differences between single runs, (cells,): with nothing to measure chance by, none of them is resolvable."""
    contrasts = design.contrasts(design.mains)
    tests = [paired_t(differences) for differences in design.differences(values[None], contrasts).T]
    return [
        _effect(
            *(_names(design, contrast), test.estimate),
            differences=test.differences,
            spread=None,
            p=None,
            p_adjusted=None,
            verdict=UNRESOLVED,
            detectable=None,
            seeds_needed=None,
        )
        for contrast, test in zip(contrasts, tests, strict=True)
    ]


def resolution(effects: Sequence[Effect], margin: float) -> Resolution:
    """What a study with these effects could find, whatever it did find."""
    judged = [effect for effect in effects if effect.p is not None]
    if not judged:
        return Resolution(0, len(effects), LEVEL, POWER, None, None, None)
    seeds, level = int(np.median([effect.estimate.n for effect in judged])), LEVEL / len(judged)
    spread = sqrt(np.mean([effect.spread**2 for effect in judged]))
    detectable = judged[0].detectable if seeds == 1 else detectable_effect(spread, seeds, level=level)
    needed = seeds_needed(margin, spread, level=level) if margin else None
    return Resolution(seeds, len(judged), LEVEL, POWER, spread, detectable, needed)


def pair_means(design: Design, values: np.ndarray) -> list[PairMeans]:
    """The means that an interaction plot draws, for each interaction in the model."""
    found = []
    for first, second in design.pairs:
        levels = [design.factors[index].levels for index in (first, second)]
        one, two = design.cells[:, first], design.cells[:, second]
        means = [
            [_mean(values[:, (one == a) & (two == b)]) for b in range(len(levels[1]))] for a in range(len(levels[0]))
        ]
        found.append(PairMeans([design.factors[first].name, design.factors[second].name], levels, means))
    return found


def _complete(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    return runs[~np.isnan(finite_metric(runs, metric))]


def finite_metric(runs: pd.DataFrame, metric: str) -> np.ndarray:
    """The metric of each row, NaN where the run did not complete or the figure is not finite."""
    values = pd.to_numeric(runs[metric], errors="coerce").to_numpy(float, copy=True)
    if "status" in runs:
        values[(runs["status"] != "complete").to_numpy()] = np.nan
    return np.where(np.isfinite(values), values, np.nan)


def _only_run(values: np.ndarray) -> np.ndarray:
    """The one run of each cell, (cells,), whichever its seed; NaN where there is none."""
    return np.array([_mean(column) if not np.isnan(column).all() else np.nan for column in values.T])


def _mean(values: np.ndarray) -> float | None:
    found = values[~np.isnan(values)]
    return float(found.mean()) if len(found) else None


def _partners(effect: Effect, interactions: Sequence[Interaction]) -> list[str]:
    """The factors that an effect depends on."""
    told = [row for row in interactions if row.p_adjusted is not None and row.p_adjusted < LEVEL]
    found = {
        row.factors[1 - side]
        for row in told
        for side in (0, 1)
        if (row.factors[side], row.levels[side]) == (effect.factor, effect.level)
    }
    return sorted(found)


def _names(design: Design, contrast: Contrast) -> tuple[str, str, str]:
    (factor,), (level,) = (design.factors[index] for index in contrast.factors), contrast.levels
    return factor.name, factor.levels[level], factor.levels[0]


def _effect(names: tuple[str, str, str], estimate: Estimate, **rest) -> Effect:
    bound = None if estimate.low is None else max(-estimate.low, estimate.high)
    return Effect(*names, estimate, bound=bound, **rest)


def _interaction(design: Design, contrast: Contrast, estimate: Estimate, p, adjusted) -> Interaction:
    factors = [design.factors[index] for index in contrast.factors]
    levels = [factor.levels[level] for factor, level in zip(factors, contrast.levels, strict=True)]
    return Interaction([factor.name for factor in factors], levels, estimate, p, adjusted)


def _lenth_tests(single: HalfNormal) -> dict[str, tuple[float, float, float]]:
    """The effect, its p-value and the corrected one by the name of the term."""
    sizes = np.array([point.effect for point in single.points])
    alone, adjusted = p_values(sizes, single.lenth)
    names = [point.name for point in single.points]
    return dict(zip(names, zip(sizes.tolist(), alone.tolist(), adjusted.tolist(), strict=True), strict=True))


def _holm(tests: Sequence[PairedTest]) -> list[float | None]:
    corrected = holm({str(index): test.p for index, test in enumerate(tests) if test.p is not None})
    return [corrected.get(str(index)) for index in range(len(tests))]


def _sorted(interactions: list[Interaction]) -> list[Interaction]:
    return sorted(interactions, key=lambda row: (row.p is None, row.p))
