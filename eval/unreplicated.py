"""Effects of a two-level factorial that was run once: half-normal scores and Lenth's method."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import norm, t

from eval.designs import FRACTION, FULL, Design
from eval.power import LEVEL


@dataclass(frozen=True, slots=True)
class Lenth:
    """Lenth's pseudo standard error of m effects, and how large chance makes one of them, or the largest."""

    pseudo_standard_error: float
    margin: float
    """Of one effect: its 95% interval is the effect plus and minus this."""
    simultaneous_margin: float
    """Of all m: in 95% of studies in which nothing has an effect, none lies beyond it."""
    m: int


@dataclass(frozen=True, slots=True)
class HalfNormalPoint:
    """An effect (the mean at the upper level minus that at the lower) on the half-normal scale."""

    name: str
    effect: float
    score: float
    """Where the size of this rank lies among m of a standard normal."""


@dataclass(frozen=True, slots=True)
class HalfNormal:
    """All effects of a study without replicates, the smallest first."""

    points: list[HalfNormalPoint]
    lenth: Lenth


def lenth(effects: np.ndarray, *, level: float = LEVEL) -> Lenth:
    """Lenth's method: the spread of m effects from those that are small, most being taken to be nothing.

    The margins use t with m/3 degrees of freedom, which errs on the careful side for fewer than about 20 effects.
    Source: Lenth, Quick and easy analysis of unreplicated factorials, Technometrics 31, 1989.
    """
    sizes, m = np.abs(effects), len(effects)
    first = 1.5 * np.median(sizes)
    error = float(1.5 * np.median(sizes[sizes < 2.5 * first])) if first > 0 else 0.0
    simultaneous = (1 + (1 - level) ** (1 / m)) / 2
    return Lenth(error, float(error * t.isf(level / 2, m / 3)), float(error * t.ppf(simultaneous, m / 3)), m)


def p_values(effects: np.ndarray, method: Lenth) -> tuple[np.ndarray, np.ndarray]:
    """The p-value of each effect, and the same corrected over all m, which is 5% at the simultaneous margin (Sidak)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(effects == 0, 0.0, np.abs(effects) / method.pseudo_standard_error)
    alone = 2 * t.sf(ratios, method.m / 3)
    return alone, -np.expm1(method.m * np.log1p(-np.minimum(alone, 1 - 1e-16)))


def half_normal(design: Design, values: np.ndarray) -> HalfNormal | None:
    """Effects, scores and margins of cells run once: `values` (cells,), NaN where the run is missing.

    None for a design that is no two-level factorial or fraction of one, and where fewer than three effects are left.
    Effects of any order are estimated; each missing run costs one of the highest order. Source: Draper and Stoneman,
    Estimating missing values in unreplicated two-level factorial and fractional factorial designs, Biometrics 20, 1964.
    """
    if design.kind not in (FULL, FRACTION) or any(len(factor.levels) != 2 for factor in design.factors):
        return None
    present = ~np.isnan(values)
    terms, columns = [], np.ones((present.sum(), 1))
    for order in range(1, len(design.factors) + 1):
        for term in combinations(range(len(design.factors)), order):
            wider = np.hstack([columns, design.columns([term])[present]])
            if np.linalg.matrix_rank(wider) == wider.shape[1]:
                terms, columns = [*terms, term], wider
    if len(terms) < 3 or terms[: len(design.factors)] != design.mains:
        return None
    effects = 2 * np.linalg.lstsq(columns, values[present], rcond=None)[0][1:]
    # Differences that only rounding keeps from 0 would make the spread look like something.
    effects[np.abs(effects) < 1e-12 * np.abs(values[present]).max()] = 0.0
    order = np.argsort(np.abs(effects), kind="stable")
    scores = norm.ppf(0.5 + 0.5 * (np.arange(1, len(effects) + 1) - 0.5) / len(effects))
    points = [
        HalfNormalPoint(design.term_name(terms[index]), float(effects[index]), float(score))
        for index, score in zip(order, scores, strict=True)
    ]
    return HalfNormal(points, lenth(effects))
