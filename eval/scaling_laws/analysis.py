"""A table of runs from end to end: what it can tell apart, the law it settles, and what that says of other runs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cli.errors import UserError
from eval.run_directory import plain
from eval.scaling_laws.answers import best_loss, predict
from eval.scaling_laws.compare import Compared, compare, regression, sensitivity
from eval.scaling_laws.consistent import consistent_laws
from eval.scaling_laws.identify import ComputeCheck, Design, Profile, compute_check, design_of, profile, rounding
from eval.scaling_laws.laws import SURFACES, Law, power_law, power_law_with_floor
from eval.scaling_laws.questions import Known, about_budget, about_run, check_questions
from eval.scaling_laws.resampling import RESAMPLES, Uncertainty, resample
from eval.scaling_laws.table import ScalingTable, completed
from eval.scaling_laws.threads import one_thread

SCHEMA_VERSION = 1
CURVE_POINTS = 60
BEYOND = 10.0
"""How far the drawn curve goes beyond the largest run, as a factor of its variable."""


@one_thread
def analyse(
    given: ScalingTable,
    *,
    run: tuple[float, float] | float | None = None,
    budget: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything that is told of a table, as it is written to JSON.

    run: parameters and tokens, or FLOP alone, whose loss is asked for. budget: FLOP to be used best. Raises UserError
    where all runs are of one size, or a question needs columns that the table has not.
    """
    table = completed(given)
    check_questions(table, run, budget)
    design, cost, noise = design_of(table), compute_check(given), rounding(table)
    laws = candidates(table, design)
    compared = [compare(law, table) for law in (*laws, *_of_compute(table, laws))]
    fit = best_of(compared[: len(laws)]).fit
    uncertainty = resample(fit, table, resamples=resamples, seed=seed, noise=noise)
    profiles = [found for name in fit.law.constants if (found := profile(fit, table, name, noise=noise))]
    separate = fit.law in SURFACES
    allowed = None
    if design is not None and not separate:
        allowed = consistent_laws(table, spread=max(fit.spread, noise), freedom=fit.rows - fit.size)
    factor = _factor(cost)
    known = Known(table, design, cost, factor, uncertainty, compared, allowed)
    found = sensitivity(fit, table)
    return plain(
        {
            "schema": SCHEMA_VERSION,
            "rows": _rows(table, uncertainty),
            "notes": list(table.notes),
            "rounding": noise,
            "design": design and asdict(design) | {"separate": design.separate},
            "compute": cost and asdict(cost) | {"constant": cost.constant, "is_6nd": cost.is_6nd},
            "factor": factor,
            "separate": separate,
            "law": _law(uncertainty, profiles),
            "profiles": [asdict(one) | {"settled": one.settled} for one in profiles],
            "compared": [_compared(one) for one in compared],
            "regression": asdict(regression(table, _variable(table, design))),
            "sensitivity": found and asdict(found),
            "curve": _curve(table, uncertainty, factor),
            "prediction": None if run is None else about_run(known, run),
            "budget": None if budget is None else about_budget(known, budget),
        }
    )


def best_of(compared: Sequence[Compared]) -> Compared:
    """The law with the lowest AICc; where rows are too few for it, with the smallest error on the largest rows."""
    if all(one.aicc is not None for one in compared):
        return min(compared, key=lambda one: one.aicc)
    tested = [one for one in compared if one.error is not None]
    return min(tested or compared, key=lambda one: one.error if one.error is not None else one.fit.size)


def candidates(table: ScalingTable, design: Design | None) -> list[Law]:
    """The laws that may answer: of N and D where the rows can tell them apart, else of one variable.

    Raises UserError where all runs are of one size.
    """
    if design is not None and design.separate:
        runs = len(np.unique(table.inputs(("parameters", "tokens")), axis=1).T)
        fitting = [law for law in SURFACES if len(law.constants) < runs]
        if fitting:
            return fitting
    variable = _variable(table, design)
    sizes = len(np.unique(getattr(table, variable)))
    if sizes == 1:
        raise UserError(f"every run has the same {variable}, so nothing can be seen to scale: add runs of other sizes")
    laws = [power_law(variable), power_law_with_floor(variable)]
    return laws[:1] if sizes == 2 else laws


def _of_compute(table: ScalingTable, laws: Sequence[Law]) -> list[Law]:
    """The laws of compute, to be looked at beside those that answer."""
    if table.compute is None or laws[0].inputs == ("compute",) or len(np.unique(table.compute)) < 3:
        return []
    return [power_law("compute"), power_law_with_floor("compute")]


def _variable(table: ScalingTable, design: Design | None) -> str:
    """The one variable that stands for all where there is no more than one."""
    if design is None:
        return next(name for name in ("compute", "parameters", "tokens") if getattr(table, name) is not None)
    if design.separate:
        return "compute"
    return "tokens" if design.sizes == 1 else "parameters"


def _factor(cost: ComputeCheck | None) -> float:
    """C / N D: what the table says where that is one number, else 6."""
    if cost is None or cost.is_6nd or not cost.constant:
        return 6.0
    return 6 * float(np.exp(np.log(cost.factors).mean()))


def _rows(table: ScalingTable, known: Uncertainty) -> list[dict[str, float | None]]:
    fit = known.fit
    fitted = fit.loss(table.inputs(fit.law.inputs))
    columns = {name: getattr(table, name) for name in ("parameters", "tokens", "compute", "loss")}
    return [
        {name: None if column is None else float(column[i]) for name, column in columns.items()}
        | {"fitted": float(fitted[i]), "residual": float(fit.residuals[i])}
        for i in range(len(table))
    ]


def _law(known: Uncertainty, profiles: Sequence[Profile]) -> dict[str, Any]:
    fit = known.fit
    constants = {
        name: asdict(known.interval(lambda theta, name=name: fit.constants_of(theta)[name]))
        for name in fit.law.constants
    }
    if known.few_rows:
        # A profile follows the law where it is curved, and keeps a floor under the losses.
        for one in profiles:
            constants[one.constant] |= {"low": one.low, "high": one.high}
    return {
        "name": fit.law.name,
        "formula": fit.law.formula,
        "inputs": list(fit.law.inputs),
        "constants": constants,
        "exponents": list(fit.law.exponents),
        "rows": fit.rows,
        "freedom": fit.rows - fit.size,
        "spread": fit.spread,
        "few_rows": known.few_rows,
        "resamples": len(known.resampled),
        "resamples_undefined": int(np.isnan(known.resampled[:, 0]).sum()),
        "on_bounds": list(fit.on_bounds),
        "starts": fit.starts,
        "agreeing": fit.agreeing,
    }


def _compared(one: Compared) -> dict[str, Any]:
    fit = one.fit
    return {
        "name": fit.law.name,
        "formula": fit.law.formula,
        "constants": fit.constants,
        "spread": fit.spread,
        "aicc": one.aicc,
        "held_out": one.held_out,
        "error": one.error,
        "p": one.p,
        "on_bounds": list(fit.on_bounds),
    }


def _curve(table: ScalingTable, known: Uncertainty, factor: float) -> dict[str, Any]:
    """The law to be drawn: along its one variable, or along compute with every run at its optimum."""
    inputs = known.fit.law.inputs
    variable = inputs[0] if len(inputs) == 1 else "compute"
    column = getattr(table, variable)
    x = np.geomspace(column.min(), BEYOND * column.max(), CURVE_POINTS)
    if len(inputs) == 1:
        estimates = [predict(known, np.array([value])) for value in x]
    else:
        estimates = [best_loss(known, value, factor=factor) for value in x]
    columns = {name: [getattr(estimate, name) for estimate in estimates] for name in ("value", "low", "high")}
    return {"variable": variable, "x": x, **columns}
