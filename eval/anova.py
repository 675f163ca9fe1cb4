"""The analysis of variance of a study."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from eval.designs import Design

RESIDUAL, SEED = "residual", "seed"


@dataclass(frozen=True, slots=True)
class AnovaRow:
    """One source of variation; F and p are None for the residual."""

    source: str
    sum_of_squares: float
    degrees_of_freedom: int
    f: float | None
    p: float | None


def anova(design: Design, values: np.ndarray) -> list[AnovaRow]:
    """The table of the terms in the design's model with seeds as blocks, from `values` (seeds, cells); NaN is missing.

    Sums of squares are of type III with codes that sum to zero, so that missing runs do not change what is tested.
    Empty where the runs leave nothing to measure chance by, or cannot tell the terms apart.
    """
    seeds, cells = np.nonzero(~np.isnan(values))
    if not len(seeds):
        return []
    frame = pd.DataFrame({f"f{index}": design.cells[cells, index] for index in range(len(design.factors))})
    frame["value"], frame["seed"] = values[seeds, cells], seeds
    terms = [term for term in [*design.mains, *design.pairs] if all(frame[f"f{index}"].nunique() > 1 for index in term)]
    names = {":".join(f"C(f{index}, Sum)" for index in term): design.term_name(term) for term in terms}
    if frame["seed"].nunique() > 1:
        names["C(seed, Sum)"] = SEED
    if not names:
        return []
    model = ols(f"value ~ {' + '.join(names)}", frame)
    if np.linalg.matrix_rank(model.exog) < model.exog.shape[1] or len(frame) <= model.exog.shape[1]:
        return []
    if np.ptp(frame["value"]) == 0:
        return []
    table = anova_lm(model.fit(), typ=3).drop(index="Intercept")
    names["Residual"] = RESIDUAL
    return [
        AnovaRow(names[source], float(row["sum_sq"]), int(row["df"]), _finite(row["F"]), _finite(row["PR(>F)"]))
        for source, row in table.iterrows()
    ]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
