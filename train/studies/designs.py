"""The cells of a study from its factors: ablations, grids and two-level factorials, whole or a fraction of one."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import prod
from string import ascii_lowercase

import numpy as np
from pyDOE3 import fracfact, fracfact_aliasing

from cli.errors import UsageError

ONE_AT_A_TIME, GRID, FACTORIAL, FRACTIONAL, SEARCH = "one_at_a_time", "grid", "factorial", "fractional", "search"
DESIGNS = (ONE_AT_A_TIME, GRID, FACTORIAL, FRACTIONAL)
"""The designs that have cells; a search draws its own."""

BASELINE = "baseline"
"""The name of the cell in which every factor is at its baseline."""
LONGEST_NAME = 80
MOST_FACTORS = 15
"""In a fraction: its aliases are told term by term, and the number of terms doubles with each factor."""
LOWEST_RESOLUTION = 3
"""Below it, the cells do not even tell one factor from another."""

Factors = Mapping[str, Sequence[str]]
Cell = dict[str, str]


def check_design(design: str) -> None:
    """Raise UsageError, with the nearest name there is, for a design that is unknown."""
    known = (*DESIGNS, SEARCH)
    if design not in known:
        match = difflib.get_close_matches(str(design), known, n=1, cutoff=0.5)
        hint = f"did you mean {match[0]}?" if match else f"use one of {', '.join(known)}"
        raise UsageError(f"unknown design {design!r}: {hint}")


def make_cells(
    factors: Factors,
    design: str,
    *,
    generators: str | None = None,
    resolution: int | None = None,
    limit: int | None = None,
) -> list[Cell]:
    """List the cells of a design, each {factor: level}; the baseline, where the design has it, comes first.

    `factors` gives the names of the levels of each factor, the baseline first. A fraction needs either `generators`, a
    word a factor in pyDOE3's notation (`a b c ab`; -1 is the baseline), or the `resolution` that its cells shall have.
    Raises UsageError for what cannot be laid out, and for more than `limit` cells, before they are.
    """
    check_design(design)
    _check_factors(factors)
    if design != FRACTIONAL and (generators is not None or resolution is not None):
        given = "resolution" if generators is None else "generators"
        raise UsageError(f"{given} is for design: {FRACTIONAL}, not {design}: leave it out")
    if design == SEARCH:
        return []
    if design == ONE_AT_A_TIME:
        _check_size(sum(len(levels) - 1 for levels in factors.values()) + 1, limit)
        baseline = {name: levels[0] for name, levels in factors.items()}
        changed = [{**baseline, name: level} for name, levels in factors.items() for level in levels[1:]]
        return [baseline, *changed]
    if design == GRID:
        return _all_cells(factors, limit)
    for name, levels in factors.items():
        if len(levels) != 2:
            raise UsageError(
                f"factor {name!r} has {len(levels)} levels and design: {design} takes two of each: "
                f"drop all but two, or use {GRID}"
            )
    return _all_cells(factors, limit) if design == FACTORIAL else _fraction(factors, generators, resolution, limit)


def describe_aliasing(factors: Factors, fraction: Sequence[Cell]) -> str:
    """Say which main effects and interactions of two factors a two-level fraction cannot tell apart.

    A line for each group of such terms, as in `dropout = lr × batch`; a minus says that one is the other turned round.
    Source: Box, Hunter and Hunter, Statistics for Experimenters, 2nd ed. 2005, ch. 6.
    """
    signs = np.array([[1 - 2 * (cell[name] == levels[0]) for name, levels in factors.items()] for cell in fraction])
    groups = _aliases(signs)
    head = f"Resolution {_resolution(groups)}: {len(fraction)} of the {2 ** len(factors)} cells."
    lines = []
    for group in groups:
        told = [term for term in group if len(term) <= 2]
        if len(told) > 1:
            first = prod(signs[0, told[0]])
            names = [
                f"{'−' if prod(signs[0, term]) != first else ''}{' × '.join(list(factors)[index] for index in term)}"
                for term in told
            ]
            lines.append("  " + " = ".join(names))
    if not lines:
        return f"{head} It tells all main effects and interactions of two factors apart."
    return "\n".join([f"{head} It cannot tell apart (left out: interactions of three factors and more)", *lines])


def cell_name(cell: Cell, factors: Factors) -> str:
    """A name for a cell by what differs from the baseline, fit for a folder: `lr=1e-3,batch=64`.

    What is not letters, digits or `_.+-` becomes a dash, and a long name is cut; a hash then keeps it unique.
    """
    changed = [(name, cell[name]) for name, levels in factors.items() if cell[name] != levels[0]]
    if not changed:
        return BASELINE
    safe = ",".join(f"{_safe(name)}={_safe(level)}" for name, level in changed)
    if len(safe) <= LONGEST_NAME and all(_safe(text) == text for pair in changed for text in pair):
        return safe
    digest = hashlib.sha256(repr(changed).encode()).hexdigest()[:8]
    return f"{safe[: LONGEST_NAME - 9]}-{digest}"


def _safe(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII)


def _check_factors(factors: Factors) -> None:
    if not factors:
        raise UsageError("a study needs factors: name at least one flag with its values, the baseline first")
    for name, levels in factors.items():
        for one, other in combinations(levels, 2):
            # Folders are named by levels, and some file systems do not tell a from A.
            if one.casefold() == other.casefold():
                raise UsageError(f"factor {name!r} has the levels {one!r} and {other!r}: give each a name of its own")
        if len(levels) < 2:
            raise UsageError(f"factor {name!r} has {len(levels)} level: give the baseline and one more, or drop it")


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise UsageError(f"the design has {size:,} cells and --max_cells is {limit}: raise it, or drop levels")


def _all_cells(factors: Factors, limit: int | None) -> list[Cell]:
    _check_size(prod(map(len, factors.values())), limit)
    return [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]


def _fraction(factors: Factors, generators: str | None, resolution: int | None, limit: int | None) -> list[Cell]:
    if (generators is None) == (resolution is None):
        raise UsageError(f"design: {FRACTIONAL} takes either generators (such as a b ab) or resolution (3 or more)")
    if len(factors) > MOST_FACTORS:
        raise UsageError(f"design: {FRACTIONAL} takes at most {MOST_FACTORS} factors, not {len(factors)}: drop some")
    words = _words(len(factors), resolution) if generators is None else _checked(str(generators), len(factors))
    _check_size(2 ** sum(len(word) == 1 for word in words), limit)
    signs = fracfact(" ".join(words))
    return [
        {name: levels[int(sign > 0)] for (name, levels), sign in zip(factors.items(), row, strict=True)}
        for row in signs
    ]


def _checked(generators: str, factors: int) -> list[str]:
    """The words of a user's generators, one a factor; some wrong ones pyDOE3 would lay out as something else."""
    words = generators.lower().split()
    if len(words) != factors:
        raise UsageError(f"generators {generators!r} are {len(words)} for {factors} factors: give one word a factor")
    letters = "".join(word for word in words if len(word) == 1)
    if not letters or letters != ascii_lowercase[: len(letters)]:
        raise UsageError(f"generators {generators!r}: the single letters must be a, b, c and so on, in this order")
    if len(letters) == len(words):
        raise UsageError(f"generators {generators!r} give all cells: use design: {FACTORIAL}, or a product such as ab")
    for word in words:
        product_of = word.lstrip("+-")
        if len(word) > 1 and (
            not re.fullmatch(f"[+-]?[{letters}]{{2,}}", word) or len(set(product_of)) < len(product_of)
        ):
            raise UsageError(f"generators: {word!r} is no product of {', '.join(letters)}, such as ab or -ab")
    if len({frozenset(word.lstrip("+-")) for word in words}) < factors:
        raise UsageError(f"generators {generators!r} give two factors the same column: use other products")
    return words


def _words(factors: int, resolution: int) -> list[str]:
    """Generators of a small fraction of a wanted resolution that holds the baseline.

    Words are taken, the shortest first, as long as no product of them is shorter than the resolution, over as few base
    factors as will do. pyDOE3's fracfact_by_res does not look at the products: of seven factors it makes a fraction of
    resolution 4 where 5 is asked for, and it refuses the half fraction of four.
    """
    if not isinstance(resolution, int) or not LOWEST_RESOLUTION <= resolution <= factors:
        raise UsageError(
            f"resolution {resolution!r} with {factors} factors: give a number from {LOWEST_RESOLUTION} to that of the "
            f"factors, or use design: {FACTORIAL}"
        )
    for base in range(1, factors):
        relations, words = [frozenset()], []
        for letters in _products(base, resolution - 1):
            if len(words) == factors - base:
                break
            relation = frozenset(letters) | {base + len(words)}
            products = [other ^ relation for other in relations]
            if min(map(len, products)) >= resolution:
                relations += products
                words.append(letters)
        if len(words) == factors - base:
            break
    # An even number of minus ones would give plus one: the sign keeps the baseline in the fraction.
    signed = ["-" * (len(word) % 2 == 0) + "".join(ascii_lowercase[index] for index in word) for word in words]
    return [*ascii_lowercase[:base], *signed]


def _products(base: int, shortest: int):
    return (letters for size in range(shortest, base + 1) for letters in combinations(range(base), size))


def _aliases(signs: np.ndarray) -> list[list[list[int]]]:
    """Groups of terms, each a list of factors, whose columns are one and the same, but for the sign."""
    # pyDOE3 does not see that a column is another turned round: in these terms none is.
    groups, _ = fracfact_aliasing(signs * signs[0])
    return [[[ascii_lowercase.index(letter) for letter in term] for term in group.split(" = ")] for group in groups]


def _resolution(groups: list[list[list[int]]]) -> int:
    """The length of the shortest word of the defining relation."""
    (group,) = (group for group in groups if [0] in group)
    return min(len({0} ^ set(term)) for term in group if term != [0])
