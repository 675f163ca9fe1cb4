"""The design of a study as matrices: which effects its cells can tell, and which of them are one and the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np

ONE_AT_A_TIME, FULL, FRACTION, OTHER = "one factor at a time", "full factorial", "fractional factorial", "irregular"


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor and its levels, the baseline first."""

    name: str
    levels: list[str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one effect compares: `levels` of `factors`, one or two of each, against their baselines."""

    factors: tuple[int, ...]
    levels: tuple[int, ...]


class Design:
    """The cells of a study: (cells, factors) of level numbers, 0 for the baseline.

    The linear model has every main effect and, in a factorial, every interaction of two factors that the cells can tell
    from what stands before it; codes sum to zero over the levels of a factor, so a main effect is the mean over the
    levels of the others. Source: Box, Hunter and Hunter, Statistics for Experimenters, 2nd ed. 2005, ch. 5 and 6.
    """

    def __init__(self, factors: Sequence[Factor], cells: np.ndarray):
        self.factors, self.cells = list(factors), np.asarray(cells)

    @cached_property
    def kind(self) -> str:
        """ONE_AT_A_TIME, FULL, FRACTION (two levels, orthogonal) or OTHER."""
        levels = [len(factor.levels) for factor in self.factors]
        if ((self.cells != 0).sum(axis=1) <= 1).all():
            return ONE_AT_A_TIME
        if {tuple(cell) for cell in self.cells.tolist()} == set(product(*map(range, levels))):
            return FULL
        mains = self.columns(self.mains)
        orthogonal = np.allclose(mains.T @ mains, len(self.cells) * np.eye(mains.shape[1])) and not mains.sum(0).any()
        return FRACTION if set(levels) == {2} and orthogonal else OTHER

    @cached_property
    def is_search(self) -> bool:
        """Whether levels stand for little but their own cell, as in a search: not even main effects can be told."""
        return self.kind == OTHER and np.linalg.matrix_rank(self.matrix) < self.matrix.shape[1]

    @property
    def mains(self) -> list[tuple[int, ...]]:
        """The terms of one factor."""
        return [(index,) for index in range(len(self.factors))]

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """The interactions of two factors in the model."""
        if self.kind not in (FULL, FRACTION):
            return []
        kept = []
        for pair in combinations(range(len(self.factors)), 2):
            columns = self.columns([(), *self.mains, *kept, pair])
            if np.linalg.matrix_rank(columns) == columns.shape[1]:
                kept.append(pair)
        return kept

    @cached_property
    def aliases(self) -> dict[str, list[str]]:
        """Per term of the model, by name, the interactions of two factors that these cells cannot tell from it."""
        if self.kind != FRACTION:
            return {}
        terms, found = [*self.mains, *self.pairs], {}
        for pair in combinations(range(len(self.factors)), 2):
            for term in terms:
                overlap = abs(self.columns([pair]).T @ self.columns([term])).item()
                if pair != term and overlap == len(self.cells):
                    found.setdefault(self.term_name(term), []).append(self.term_name(pair))
        return found

    @cached_property
    def matrix(self) -> np.ndarray:
        """The model matrix (cells, parameters), a column of ones first."""
        return self.columns([(), *self.mains, *self.pairs])

    def term_name(self, term: Sequence[int]) -> str:
        """`a × b` for the interaction of a and b."""
        return " × ".join(self.factors[index].name for index in term)

    def columns(self, terms: Sequence[Sequence[int]]) -> np.ndarray:
        """The columns of terms, (cells, parameters): products of the codes of their factors."""
        blocks = []
        for term in terms:
            block = np.ones((len(self.cells), 1))
            for index in term:
                codes = _codes(len(self.factors[index].levels))[self.cells[:, index]]
                block = (block[:, :, None] * codes[:, None, :]).reshape(len(self.cells), -1)
            blocks.append(block)
        return np.hstack(blocks)

    def contrasts(self, terms: Sequence[Sequence[int]]) -> list[Contrast]:
        """The comparisons with the baseline in each term."""
        return [
            Contrast(tuple(term), levels)
            for term in terms
            for levels in product(*(range(1, len(self.factors[index].levels)) for index in term))
        ]

    def differences(self, values: np.ndarray, contrasts: Sequence[Contrast]) -> np.ndarray:
        """The size of each contrast by least squares within each row of `values` (seeds, cells): (seeds, contrasts).

        A main effect is the level minus the baseline, an interaction the difference of such differences. NaN in
        `values` is a run that is missing; NaN in the result, a contrast that the runs of a seed do not tell.
        """
        wanted = np.array([self._parameters(contrast) for contrast in contrasts]).reshape(-1, self.matrix.shape[1])
        sizes = np.full((len(values), len(contrasts)), np.nan)
        present = ~np.isnan(values)
        for pattern in np.unique(present, axis=0):
            matrix = self.matrix[pattern]
            weights = wanted @ np.linalg.pinv(matrix)
            told = np.abs(weights @ matrix - wanted).max(axis=1, initial=0.0) < 1e-8
            seeds = (present == pattern).all(axis=1)
            sizes[seeds] = np.where(told, values[np.ix_(seeds, pattern)] @ weights.T, np.nan)
        # Runs that are equal shall differ by 0, not by rounding, which a t-test would take for a spread.
        scale = np.abs(values[present]).max(initial=0.0) or 1.0
        return np.round(sizes / scale, 12) * scale

    def _parameters(self, contrast: Contrast) -> np.ndarray:
        """The contrast as a combination of the model's parameters."""
        parts = [np.zeros(1)]
        for term in [*self.mains, *self.pairs]:
            codes = [_codes(len(self.factors[index].levels)) for index in term]
            if term == contrast.factors:
                steps = [code[level] - code[0] for code, level in zip(codes, contrast.levels, strict=True)]
                parts.append(steps[0] if len(steps) == 1 else np.kron(*steps))
            else:
                parts.append(np.zeros(np.prod([code.shape[1] for code in codes])))
        return np.concatenate(parts)


def _codes(levels: int) -> np.ndarray:
    """Codes that sum to zero: (levels, levels - 1); -1 and 1 for two levels."""
    return np.vstack([-np.ones(levels - 1), np.eye(levels - 1)])
