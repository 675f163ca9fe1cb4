"""The plane of parameters and tokens: lines of equal loss, the best splits, and the runs that are told of."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.scaling_laws.answers import best_split
from eval.scaling_laws.laws import SURFACES, surface_loss, two_terms
from eval.scaling_laws.published import PUBLISHED

MARGIN = 4.0
"""How far the plane reaches beyond the runs, as a factor."""
LEVELS = 9
"""Lines of equal loss."""
POINTS = 120
"""Points of a line."""

Line = tuple[np.ndarray, np.ndarray]
"""Parameters and tokens along a line, inside the plane."""


@dataclass(frozen=True, slots=True)
class Plane:
    """What there is to be drawn; parameters and tokens are the ends of the axes.

    equal: {loss: its line}, empty where N and D cannot be told apart; optima are then the published ones.
    """

    parameters: tuple[float, float]
    tokens: tuple[float, float]
    equal: dict[float, Line]
    optima: dict[str, Line]
    marked: list[tuple[float, float, str]]
    """Runs that were not made: parameters, tokens, words."""


def plane_of(data: dict[str, Any]) -> Plane | None:
    """The plane of an analysis; None without N and D."""
    if data["design"] is None:
        return None
    marked = marked_runs(data)
    n, d = (
        np.array([*(row[name] for row in data["rows"]), *(run[place] for run in marked)])
        for place, name in enumerate(("parameters", "tokens"))
    )
    ends = tuple((float(axis.min() / MARGIN), float(axis.max() * MARGIN)) for axis in (n, d))
    equal, optima = {}, {source.source.split(",")[0]: _terms_of(source) for source in PUBLISHED}
    if data["separate"]:
        law = next(law for law in SURFACES if law.name == data["law"]["name"])
        constants = {name: np.float64(estimate["value"]) for name, estimate in data["law"]["constants"].items()}
        optima = {"compute-optimal": two_terms(law, constants)}
        equal = _equal(law, constants, *ends)
    # The line is the same whatever a parameter and token cost.
    compute = np.geomspace(ends[0][0] * ends[1][0], ends[0][1] * ends[1][1], POINTS)
    lines = {name: _inside(*best_split(*terms, compute, 1.0), *ends) for name, terms in optima.items()}
    return Plane(*ends, equal, lines, marked)


def marked_runs(data: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Runs that are told of: parameters, tokens, words."""
    marked = []
    if (asked := data["prediction"]) and asked["parameters"]:
        marked.append((asked["parameters"], asked["tokens"], "asked for"))
    if budget := data["budget"]:
        if (best := budget["optimum"]) and best["parameters"]["value"] and best["tokens"]["value"]:
            marked.append((best["parameters"]["value"], best["tokens"]["value"], "best for the budget"))
        for along in budget["along"]:
            marked.append((along["parameters"], along["tokens"], f"budget, {along['cost']}"))
    return [run for run in marked if run[0] and run[1]]


def _terms_of(source) -> tuple[float, float, float, float]:
    return source.A, source.B, source.alpha, source.beta


def _equal(law, constants: dict[str, np.float64], parameters: tuple, tokens: tuple) -> dict[float, Line]:
    """Lines of equal loss in even steps of its logarithm: B / D^beta is what A / N^alpha leaves of the loss."""
    n = np.geomspace(*parameters, POINTS)
    highest, lowest = (surface_loss(law.name, constants, parameters[end], tokens[end]) for end in (0, 1))
    A, B, alpha, beta = two_terms(law, constants)
    lines = {}
    for level in np.geomspace(lowest, highest, LEVELS + 2)[1:-1]:
        with np.errstate(all="ignore"):
            whole = level ** (1 / constants["alpha_D"]) if law.name == "kaplan" else level - constants["E"]
            d = (B / (whole - A * n**-alpha)) ** (1 / beta)
        line = _inside(n, d, parameters, tokens)
        if len(line[0]) > 1:
            lines[float(level)] = line
    return lines


def _inside(n: np.ndarray, d: np.ndarray, parameters: tuple, tokens: tuple) -> Line:
    kept = np.isfinite(n) & np.isfinite(d)
    kept &= (n >= parameters[0]) & (n <= parameters[1]) & (d >= tokens[0]) & (d <= tokens[1])
    return n[kept], d[kept]
