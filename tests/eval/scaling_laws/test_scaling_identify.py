import numpy as np
import pytest

from eval.scaling_laws.consistent import consistent_laws
from eval.scaling_laws.fitting import fit
from eval.scaling_laws.identify import compute_check, design_of, profile, rounding
from eval.scaling_laws.laws import HOFFMANN, KAPLAN, power_law_with_floor
from eval.scaling_laws.table import make_table
from tests.eval.scaling_laws.planted import TRUTH, hoffmann_table, line_table

N = np.geomspace(1e7, 1e10, 8)
LOSS = 1.5 + 60 * N**-0.2


def test_a_grid_tells_n_from_d():
    design = design_of(hoffmann_table())
    assert design.separate
    assert (design.rank, design.sizes, design.token_counts) == (3, 6, 5)
    assert design.condition == pytest.approx(1)


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_runs_on_a_line_do_not(power):
    design = design_of(make_table(LOSS, N, 300 * N**power))
    assert not design.separate
    assert design.rank == 2
    assert (design.power, design.tokens_at) == (pytest.approx(power), pytest.approx(300))


def test_nor_do_runs_almost_on_a_line():
    d = 20 * N * np.exp(0.02 * np.random.default_rng(0).standard_normal(8))
    design = design_of(make_table(LOSS, N, d))
    assert not design.separate
    assert 30 < design.condition < 1000


@pytest.mark.parametrize(("n", "d"), [(N, 1e9 + 0 * N), (1e8 + 0 * N, N)])
def test_a_column_that_does_not_vary_tells_nothing(n, d):
    design = design_of(make_table(LOSS, n, d))
    assert (design.separate, design.rank) == (False, 2)


def test_compute_is_held_against_6nd():
    d = 20 * N
    exact = compute_check(make_table(LOSS, N, d, 6 * N * d))
    assert exact.is_6nd and exact.constant
    doubled = compute_check(make_table(LOSS, N, d, 12 * N * d))
    assert doubled.constant and not doubled.is_6nd
    assert doubled.high == pytest.approx(2)
    assert not compute_check(make_table(LOSS, N, d, 1e15 * N)).constant
    assert compute_check(make_table(LOSS, N, d)) is None


def test_rounding_is_seen_in_the_digits():
    assert rounding(make_table([2.5, 2.1, 1.75, 1.5], N[:4])) == pytest.approx(0.01 / 12**0.5 / 1.93, rel=0.01)
    assert rounding(make_table(LOSS, N)) == 0
    assert rounding(make_table(1e-7 * LOSS, N)) == 0


def test_a_profile_bounds_what_the_rows_settle():
    table = hoffmann_table(noise=0.005, seed=1)
    found = fit(HOFFMANN, table)
    for name in ("E", "alpha", "beta"):
        bounds = profile(found, table, name)
        assert bounds.settled
        assert bounds.low < found.constants[name] < bounds.high
        assert bounds.low < TRUTH[name] < bounds.high
        assert min(bounds.excess) == 0
    assert profile(found, table, "A") is None
    assert profile(fit(KAPLAN, table), table, "alpha_D") is None


def test_a_profile_of_a_linear_model_is_the_t_interval():
    # With so little noise the Huber loss is a square, and the exponent almost enters linearly.
    table = line_table(12, noise=1e-4)
    found = fit(power_law_with_floor("parameters"), table)
    bounds = profile(found, table, "a")
    _, jacobian = found.law.with_jacobian(found.theta, table.inputs(("parameters",)) - found.centre[:, None])
    error = found.spread * np.linalg.inv(jacobian @ jacobian.T)[2, 2] ** 0.5
    assert bounds.high - bounds.low == pytest.approx(2 * 2.262 * error, rel=0.1)


def test_the_exponents_of_runs_on_a_line_have_an_open_profile():
    table = line_table(8, noise=0.002)
    found = fit(HOFFMANN, table)
    assert not all(profile(found, table, name).settled for name in ("alpha", "beta"))


def test_laws_that_fit_a_line_agree_on_it_and_nowhere_else():
    table = line_table(8, noise=0.002)
    laws = consistent_laws(table, spread=0.002, freedom=5)
    for n, d, row in zip(table.parameters, table.tokens, table.loss, strict=True):
        assert np.abs(laws.loss(n, d) / row - 1).max() < 4 * laws.within
    assert np.ptp(laws.loss(1e9, 2e10)) < 0.05
    assert np.ptp(laws.loss(1e9, 2e8)) > 1
    assert np.ptp(laws.beta / (laws.alpha + laws.beta)) > 0.5


def test_laws_that_fit_hold_the_one_that_made_the_table():
    # Halves of both terms, exponents on the grid or nearly.
    laws = consistent_laws(hoffmann_table(noise=0.01), spread=0.03, freedom=25)
    assert laws.alpha.min() < TRUTH["alpha"] < laws.alpha.max()
    assert laws.beta.min() < TRUTH["beta"] < laws.beta.max()
    assert laws.E.min() < TRUTH["E"] < laws.E.max()
