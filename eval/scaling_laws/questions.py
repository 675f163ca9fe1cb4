"""The two questions that are put to a table: the loss of a run that was not made, and the best use of a budget."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cli.errors import UserError
from eval.scaling_laws.answers import Frontier, best_split, extrapolation, flat_range, frontier_of, optimum, predict
from eval.scaling_laws.compare import Compared
from eval.scaling_laws.consistent import ConsistentLaws
from eval.scaling_laws.fitting import Fit
from eval.scaling_laws.identify import ComputeCheck, Design
from eval.scaling_laws.laws import SURFACES, two_terms
from eval.scaling_laws.published import PUBLISHED, Published
from eval.scaling_laws.resampling import Uncertainty
from eval.scaling_laws.table import ScalingTable

ON_LINE = 1.25
"""Factor by which a run's tokens may differ from the table's line to count as on it."""
NEAR = 1.5
"""Factor by which tokens a parameter may leave the table's range before it is said."""
SHOWN = 1e3
"""Ranges of N are told up to this factor from the table's line; what is farther has no bound that matters."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of a table; factor is C / N D, allowed are the laws that fit where N cannot be told from D."""

    table: ScalingTable
    design: Design | None
    cost: ComputeCheck | None
    factor: float
    uncertainty: Uncertainty
    compared: Sequence[Compared]
    allowed: ConsistentLaws | None

    @property
    def fit(self) -> Fit:
        return self.uncertainty.fit


def check_questions(table: ScalingTable, run: tuple[float, float] | float | None, budget: float | None) -> None:
    """Raise UserError where a question is put in terms that the completed table has not."""
    both = table.parameters is not None and table.tokens is not None
    if isinstance(run, tuple) and not both:
        raise UserError("--predict N D needs columns for parameters and tokens: add them, or ask with a compute alone")
    if isinstance(run, float) and table.compute is None:
        raise UserError("--predict with a compute needs a column for it, or parameters and tokens: add it")
    if budget is not None and table.compute is None:
        raise UserError("--budget needs a column for compute, or parameters and tokens: add it")


def about_run(known: Known, run: tuple[float, float] | float) -> dict[str, Any]:
    """The loss of a run of N and D, or of a compute alone: at the best split, or on the table's own line."""
    fit, design, table = known.fit, known.design, known.table
    (parameters, tokens), compute = _placed(known, run)
    on_line = True
    if isinstance(run, tuple) and known.allowed is not None:
        on_line = _off_line(design, table, parameters, tokens) < max(np.log(ON_LINE), 3 * (design.scatter or 0.0))
    at = {"parameters": parameters, "tokens": tokens, "compute": compute}
    point = np.array([at[name] for name in fit.law.inputs])
    ratio = None if parameters is None else tokens / parameters
    outside = ratio is not None and not design.ratio_low / NEAR <= ratio <= design.ratio_high * NEAR
    others = [one.fit for one in known.compared if one.fit is not fit and one.fit.law.inputs == fit.law.inputs]
    losses = None
    if known.allowed is not None and len(known.allowed.E):
        losses = known.allowed.loss(parameters, tokens)
    return {
        **at,
        "on_line": on_line,
        "loss": asdict(predict(known.uncertainty, point)) if on_line else None,
        "resampled": known.uncertainty.by_resampling(lambda theta: _loss(fit, point, theta)) if on_line else None,
        "beyond": extrapolation(table, **at),
        "beyond_nd": None if ratio is None else float(parameters * tokens / (table.parameters * table.tokens).max()),
        "ratio": ratio,
        "ratio_outside": outside,
        "others": {other.law.formula: float(_loss(other, point, other.theta)) for other in others},
        "allowed": None
        if losses is None
        else {"low": float(losses.min()), "high": float(losses.max()), "within": known.allowed.within},
    }


def about_budget(known: Known, budget: float) -> dict[str, Any]:
    """The best parameters and tokens for a compute; where the table does not settle them, what it leaves open.

    optimum: by the table's own law of N and D. Without one: along, what the table's own line would make of it; allowed,
    where the laws that fit put the best N; borrowed, the split by published laws.
    """
    fit, design = known.fit, known.design
    answer = {
        "compute": budget,
        "beyond": extrapolation(known.table, compute=budget)["compute"],
        "optimum": None,
        "ratio_outside": False,
        "loss": None,
        "along": [],
        "by_compute": {},
        "allowed": None,
        "borrowed": [],
    }
    if fit.law in SURFACES:
        best = optimum(known.uncertainty, budget, factor=known.factor)
        outside = not design.ratio_low <= best.tokens_per_parameter.value <= design.ratio_high
        return answer | {"optimum": asdict(best), "ratio_outside": outside}
    factors = [known.factor]
    if known.cost is not None and not known.cost.constant:
        # What the largest run paid, should the column be the cost.
        factors.append(6 * known.cost.factors[int(np.argmax(known.table.compute))])
    answer["borrowed"] = [_borrowed(law, budget, factor, known.table) for factor in factors for law in PUBLISHED]
    if fit.law.inputs == ("compute",):
        answer["loss"] = asdict(predict(known.uncertainty, np.array([budget])))
    if design is not None:
        answer["along"] = _along(known, budget)
        answer["allowed"] = _allowed_split(known, budget, answer["along"][-1]["parameters"])
        of_compute = [one.fit for one in known.compared if one.fit.law.inputs == ("compute",)]
        point = np.array([budget])
        answer["by_compute"] = {other.law.formula: float(_loss(other, point, other.theta)) for other in of_compute}
    return answer


def _placed(known: Known, run: tuple[float, float] | float) -> tuple[tuple[float | None, float | None], float | None]:
    """Parameters and tokens of a run, as far as the table lets them be known, and the compute if that was asked."""
    fit = known.fit
    if isinstance(run, tuple):
        return run, None
    if fit.law in SURFACES:
        parameters, tokens = best_split(*two_terms(fit.law, fit.constants_of(fit.theta)), run, known.factor)
        return (float(parameters), float(tokens)), run
    if known.design is not None:
        return frontier_of(known.table, by_column=True).split(run), run
    return (None, None), run


def _loss(fit: Fit, point: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return fit.loss(np.log(point)[:, None], theta)[..., 0]


def _off_line(design: Design, table: ScalingTable, parameters: float, tokens: float) -> float:
    """How far, as a logarithm, a run lies from the line along which the table's N and D moved."""
    n, d = table.inputs(("parameters", "tokens")).mean(1)
    if design.power is None:
        return float(abs(np.log(parameters) - n if design.sizes == 1 else np.log(tokens) - d))
    return float(abs(np.log(tokens / design.tokens_at) - design.power * np.log(parameters)))


def _along(known: Known, budget: float) -> list[dict[str, Any]]:
    """The runs that the table's own habit makes of a budget: by its compute column, and by C = factor N D."""
    ways = [(f"if C = {known.factor:.3g} N D", frontier_of(known.table, by_column=False, factor=known.factor))]
    if known.cost is not None and not known.cost.constant:
        ways.insert(0, ("if a run costs what the compute column says", frontier_of(known.table, by_column=True)))
    return [_run_along(known, words, line, budget) for words, line in ways]


def _run_along(known: Known, words: str, line: Frontier, budget: float) -> dict[str, Any]:
    parameters, tokens = line.split(budget)
    at = {"parameters": parameters, "tokens": tokens, "compute": budget}
    return {
        "cost": words,
        "growth": line.growth,
        "parameters": parameters,
        "tokens": tokens,
        "loss": asdict(predict(known.uncertainty, np.array([at[name] for name in known.fit.law.inputs]))),
        "beyond": extrapolation(known.table, parameters=parameters, tokens=tokens),
    }


def _allowed_split(known: Known, budget: float, line: float) -> dict[str, Any] | None:
    """Where laws that fit the table put the best N, and how N grows with compute by them."""
    laws = known.allowed
    if laws is None or not len(laws.E):
        return None
    parameters, _ = best_split(laws.A, laws.B, laws.alpha, laws.beta, budget, known.factor)
    growth = laws.beta / (laws.alpha + laws.beta)
    return {
        "laws": len(laws.E),
        "within": laws.within,
        "parameters": [max(float(parameters.min()), line / SHOWN), min(float(parameters.max()), line * SHOWN)],
        "bounded": [bool(parameters.min() > line / SHOWN), bool(parameters.max() < line * SHOWN)],
        "growth": [float(growth.min()), float(growth.max())],
        "alpha": [float(laws.alpha.min()), float(laws.alpha.max())],
        "beta": [float(laws.beta.min()), float(laws.beta.max())],
        "E": [float(laws.E.min()), float(laws.E.max())],
    }


def _borrowed(law: Published, budget: float, factor: float, table: ScalingTable) -> dict[str, Any]:
    """The split of a published law, and how far that law is from the losses of this table."""
    parameters, tokens = best_split(law.A, law.B, law.alpha, law.beta, budget, factor)
    off = None
    if table.parameters is not None and table.tokens is not None:
        relative = law.loss(table.parameters, table.tokens) / table.loss - 1
        off = [float(relative.min()), float(relative.max())]
    return {
        "source": law.source,
        "constants": law.constants,
        "factor": factor,
        "parameters": float(parameters),
        "tokens": float(tokens),
        "tokens_per_parameter": float(tokens / parameters),
        "growth": law.beta / (law.alpha + law.beta),
        "loss": float(law.loss(parameters, tokens)),
        "flat": list(flat_range(lambda n: law.loss(n, budget / factor / n), float(parameters))),
        "off": off,
        "below_floor": bool(table.loss.min() < law.E),
    }
