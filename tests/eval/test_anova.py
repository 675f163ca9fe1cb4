from itertools import product

import numpy as np
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import ttest_rel

from eval.anova import anova
from eval.designs import Design, Factor


def full(*levels):
    names = zip("abc", levels, strict=False)
    factors = [Factor(name, [str(level) for level in range(n)]) for name, n in names]
    return Design(factors, np.array(list(product(*map(range, levels)))))


def test_one_factor_of_two_levels_is_the_paired_t_test():
    values = np.random.default_rng(0).normal(size=(6, 2))
    rival = ttest_rel(values[:, 1], values[:, 0])
    factor, seed, residual = anova(full(2), values)
    assert (factor.f, factor.p) == pytest.approx((rival.statistic**2, rival.pvalue))
    assert [row.degrees_of_freedom for row in (factor, seed, residual)] == [1, 5, 5]
    assert (residual.f, residual.p) == (None, None)


def test_a_balanced_factorial_is_that_of_the_textbook():
    """Sums of squares from means, in blocks: Montgomery, Design and Analysis of Experiments, section 5.6."""
    design, seeds = full(2, 3), 4
    values = np.random.default_rng(1).normal(size=(seeds, 6))
    table = {row.source: row for row in anova(design, values)}
    box, mean = values.reshape(seeds, 2, 3), values.mean()
    squares = {
        "a": seeds * 3 * ((box.mean(axis=(0, 2)) - mean) ** 2).sum(),
        "b": seeds * 2 * ((box.mean(axis=(0, 1)) - mean) ** 2).sum(),
        "seed": 6 * ((values.mean(axis=1) - mean) ** 2).sum(),
    }
    squares["a × b"] = seeds * ((box.mean(axis=0) - mean) ** 2).sum() - squares["a"] - squares["b"]
    squares["residual"] = ((values - mean) ** 2).sum() - sum(squares.values())
    assert {name: row.sum_of_squares for name, row in table.items()} == pytest.approx(squares)
    f = squares["b"] / 2 / (squares["residual"] / 15)
    assert (table["b"].f, table["b"].p) == pytest.approx((f, f_distribution.sf(f, 2, 15)))


def test_missing_runs_do_not_make_a_seed_look_like_an_effect():
    """The seeds differ by much and the factor by nothing: with a run gone, its sum of squares is still 0."""
    values = np.tile([[0.0], [5.0], [9.0]], (1, 4)) + np.random.default_rng(2).normal(0, 1e-3, (3, 4))
    values[0, 3] = np.nan
    table = {row.source: row for row in anova(full(2, 2), values)}
    assert table["a"].sum_of_squares < 1e-4 < table["seed"].sum_of_squares


@pytest.mark.parametrize(
    "values",
    [np.full((0, 4), np.nan), np.full((3, 4), np.nan), np.ones((1, 4)), np.ones((3, 4)), [[1, 2, 3, np.nan]] * 3],
)
def test_where_nothing_can_be_told_there_is_no_table(values):
    assert anova(full(2, 2), np.array(values)) == []
