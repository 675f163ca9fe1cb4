"""What a table is asked, from what was typed: the loss of a run of N and D, and the best use of a budget."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from cli.errors import UserError
from eval.scaling_laws.units import parse_compute, parse_count
from space.scaling_tables import Chosen

RESAMPLES = 200
"""Half of those that the command makes: they take up to ten seconds."""
LONGEST = 40
"""Characters of a question."""
LEAST, MOST = 1.0, 1e40
"""Parameters and tokens that can be asked about; FLOP to the square of it."""
SMALLEST_COMPUTE = 1e8
"""FLOP that no run stays below: a smaller number is in some other unit."""


@dataclass(frozen=True, slots=True)
class Questions:
    """FLOP to be used best, and parameters and tokens whose loss is asked for; None where nothing was typed."""

    budget: float | None = None
    run: tuple[float, float] | None = None


def read_questions(budget: str | None, n: str | None, d: str | None) -> Questions:
    """What was typed, as numbers; raises UserError, one line, that names the field."""
    budget, n, d = (_typed(text, name) for text, name in ((budget, "budget"), (n, "N"), (d, "D")))
    if bool(n) != bool(d):
        raise UserError("a prediction needs parameters N and tokens D: give both, such as 10B and 1T")
    return Questions(
        _compute(budget) if budget else None, (_count(n, "parameters N"), _count(d, "tokens D")) if n else None
    )


def analysis_of(chosen: Chosen, questions: Questions) -> dict[str, Any]:
    """Everything that is told of a table; raises UserError where it has not the columns to be asked so."""
    # SciPy takes half a second to import.
    from eval.scaling_laws.analysis import analyse
    from eval.scaling_laws.table import completed

    table = completed(chosen.table)
    if questions.run and (table.parameters is None or table.tokens is None):
        raise UserError("a prediction needs columns for parameters and tokens: add them, or ask by a budget alone")
    if questions.budget and table.compute is None:
        raise UserError("a budget needs a column for compute, or for parameters and tokens: add it")
    return analyse(chosen.table, run=questions.run, budget=questions.budget, resamples=RESAMPLES)


def _typed(text: str | None, name: str) -> str:
    if text is not None and not isinstance(text, str):
        raise UserError(f"{name} must be a string such as 10B, not {type(text).__name__}")
    text = (text or "").strip()
    if len(text) > LONGEST:
        raise UserError(f"{name} has {len(text):,} characters: write a number such as 10B or 1e21")
    return text


def _count(text: str, name: str) -> float:
    try:
        value = parse_count(text)
    except ValueError as error:
        raise UserError(f"{name}: {error}; write a number such as 10B or 1e10") from error
    if not LEAST <= value <= MOST:
        raise UserError(f"{name}: {text!r} is no size of a run; write a number such as 10B or 1e10")
    return value


def _compute(text: str) -> float:
    try:
        value, with_unit = parse_compute(text)
    except ValueError as error:
        raise UserError(f"budget: {error}; write a compute such as 20PFd or 1e21") from error
    if not (isfinite(value) and 0 < value <= MOST**2):
        raise UserError(f"budget: {text!r} is no compute; write one such as 20PFd or 1e21")
    if not with_unit and value < SMALLEST_COMPUTE:
        raise UserError(f"budget: {text} would be {value:g} FLOP; name the unit, such as {text}PFd")
    return value
