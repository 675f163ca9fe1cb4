from itertools import product

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.api import OLS, add_constant

from eval.designs import Design, Factor
from eval.unreplicated import half_normal, lenth, p_values

# Montgomery, Design and Analysis of Experiments, example 6.2: filtration rate, 2^4, A changing fastest. The figures are
# as the R package BsMD2 quotes them, on the help page of its function Lenth.
RATE = [45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96]
EFFECTS = {
    **{"A": 21.625, "B": 3.125, "A × B": 0.125, "C": 9.875, "A × C": -18.125, "B × C": 2.375, "A × B × C": 1.875},
    **{"D": 14.625, "A × D": 16.625, "B × D": -0.375, "A × B × D": 4.125, "C × D": -1.125, "A × C × D": -1.625},
    **{"B × C × D": -2.625, "A × B × C × D": 1.375},
}


@pytest.fixture
def filtration():
    cells = np.array([cell[::-1] for cell in product((0, 1), repeat=4)])
    return Design([Factor(name, ["-", "+"]) for name in "ABCD"], cells)


def test_the_effects_are_those_of_least_squares(filtration):
    found = half_normal(filtration, np.array(RATE, float))
    effects = {point.name: point.effect for point in found.points}
    assert effects == pytest.approx(EFFECTS)
    signs = dict(zip("ABCD", (2 * filtration.cells - 1).T, strict=True))
    columns = [np.prod([signs[factor] for factor in name.split(" × ")], axis=0) for name in EFFECTS]
    rival = 2 * OLS(np.array(RATE, float), add_constant(np.column_stack(columns))).fit().params[1:]
    assert [effects[name] for name in EFFECTS] == pytest.approx(rival)
    sizes = [abs(point.effect) for point in found.points]
    assert sizes == sorted(sizes)


def test_lenths_margins_are_those_worked_out_by_hand():
    """The median size is 2.625, and five effects exceed 2.5 * 1.5 * 2.625 = 9.84; the median of the other ten is 1.75.

    So the pseudo standard error is 1.5 * 1.75, by the formula in the source of the R package BsMD (LenthPlot), and the
    margins are that times 2.5706 and 5.2187: t of .975 and of (1 + .95^(1/15)) / 2 with 5 degrees of freedom.
    """
    found = lenth(np.array(list(EFFECTS.values())))
    assert found.pseudo_standard_error == pytest.approx(2.625)
    assert found.margin == pytest.approx(6.748, abs=1e-3)
    assert found.simultaneous_margin == pytest.approx(13.699, abs=1e-3)


@pytest.mark.parametrize("m", [7, 15, 31])
def test_the_margins_err_on_the_careful_side(m):
    """Where nothing has an effect, the true 95% points, here simulated, lie below the margins: by half at most."""
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(2000, m))
    methods = [lenth(effects) for effects in draws]
    ratios = np.abs(draws) / np.array([[method.pseudo_standard_error] for method in methods])
    error = methods[0].pseudo_standard_error
    assert 0.5 < np.quantile(ratios, 0.95) / (methods[0].margin / error) < 1
    assert 0.5 < np.quantile(ratios.max(axis=1), 0.95) / (methods[0].simultaneous_margin / error) < 1


def test_the_margins_are_where_p_is_5_percent():
    effects = np.random.default_rng(0).normal(size=15)
    method = lenth(effects)
    alone, adjusted = p_values(np.array([method.margin, -method.simultaneous_margin, 0.0]), method)
    assert (alone[0], adjusted[1]) == pytest.approx((0.05, 0.05))
    assert (alone[2], adjusted[2]) == pytest.approx((1.0, 1.0))


def test_the_scores_are_quantiles_of_the_half_normal(filtration):
    scores = [point.score for point in half_normal(filtration, np.array(RATE, float)).points]
    assert norm.cdf(scores) * 2 - 1 == pytest.approx((np.arange(15) + 0.5) / 15)


def test_a_missing_run_costs_the_highest_interaction(filtration):
    """Draper and Stoneman: the value that makes that contrast 0, and the effects that follow from it."""
    rate = np.array(RATE, float)
    rate[5] = np.nan
    found = {point.name: point.effect for point in half_normal(filtration, rate).points}
    signs = np.prod(2 * filtration.cells - 1, axis=1)
    filled = rate.copy()
    filled[5] = -np.nansum(signs * rate) / signs[5]
    whole = {point.name: point.effect for point in half_normal(filtration, filled).points}
    assert whole.pop("A × B × C × D") == pytest.approx(0, abs=1e-9)
    assert found == pytest.approx(whole)


def test_a_fraction_gives_each_group_of_aliases_once():
    base = np.array(list(product((0, 1), repeat=3)))
    cells = np.column_stack([base, base.sum(axis=1) % 2])
    design = Design([Factor(name, ["-", "+"]) for name in "ABCD"], cells)
    values = np.random.default_rng(0).normal(size=8)
    found = {point.name: point.effect for point in half_normal(design, values).points}
    assert set(found) == {"A", "B", "C", "D", "A × B", "A × C", "A × D"}
    columns = [2 * cells - 1, (2 * cells[:, :1] - 1) * (2 * cells[:, 1:] - 1)]
    rival = 2 * OLS(values, add_constant(np.hstack(columns))).fit().params[1:]
    assert list(found[name] for name in ("A", "B", "C", "D", "A × B", "A × C", "A × D")) == pytest.approx(rival)


@pytest.mark.parametrize("levels", [(2, 3), (2,)])
def test_other_designs_have_no_such_effects(levels):
    cells = np.array(list(product(*map(range, levels))))
    names = zip("ab", levels, strict=False)
    design = Design([Factor(name, [str(level) for level in range(n)]) for name, n in names], cells)
    assert half_normal(design, np.arange(float(len(cells)))) is None


def test_runs_that_are_all_equal_show_no_effect(filtration):
    found = half_normal(filtration, np.full(16, 0.8451327))
    assert found.lenth.margin == 0.0
    assert p_values(np.array([point.effect for point in found.points]), found.lenth)[1].tolist() == [1.0] * 15
