import numpy as np
import pytest

from cli.errors import UserError
from eval.scaling_laws.compare import compare, largest_rows, regression, sensitivity
from eval.scaling_laws.fitting import fit
from eval.scaling_laws.laws import HOFFMANN, KAPLAN, SURFACES, TIED, power_law, power_law_with_floor, surface_loss
from eval.scaling_laws.table import make_table
from tests.eval.scaling_laws.planted import TRUTH, grid, hoffmann_loss, hoffmann_table, line_table

LAWS = [*SURFACES, power_law("compute"), power_law_with_floor("compute")]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_derivatives_are_those_of_finite_differences(law):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(len(law.inputs), 7))
    for theta in draw.uniform(0.2, 0.9, (5, len(law.constants))):
        value, jacobian = law.with_jacobian(theta, x)
        np.testing.assert_allclose(value, law.log_loss(theta, x))
        for index, row in enumerate(jacobian):
            step = np.zeros_like(theta)
            step[index] = 1e-6
            moved = (law.log_loss(theta + step, x) - law.log_loss(theta - step, x)) / 2e-6
            np.testing.assert_allclose(row, moved, rtol=1e-6, atol=1e-8)


def test_hoffmanns_constants_are_recovered_exactly():
    found = fit(HOFFMANN, hoffmann_table())
    assert found.constants == pytest.approx(TRUTH, rel=1e-3)
    assert found.on_bounds == ()


def test_hoffmanns_constants_are_recovered_from_noise():
    found = fit(HOFFMANN, hoffmann_table(noise=0.005, sizes=10, counts=10)).constants
    assert found["alpha"] == pytest.approx(TRUTH["alpha"], abs=0.02)
    assert found["beta"] == pytest.approx(TRUTH["beta"], abs=0.02)
    assert found["E"] == pytest.approx(TRUTH["E"], abs=0.05)


def test_kaplans_constants_are_recovered():
    truth = {"Nc": 8.8e13, "Dc": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095}
    n, d = grid()
    table = make_table(surface_loss("kaplan", truth, n, d), n, d)
    assert fit(KAPLAN, table).constants == pytest.approx(truth, rel=0.02)


def test_the_tied_law_is_recovered():
    n, d = grid()
    table = make_table(1.7 + 300 / n**0.3 + 900 / d**0.3, n, d)
    assert fit(TIED, table).constants == pytest.approx({"E": 1.7, "A": 300, "B": 900, "alpha": 0.3}, rel=1e-3)


@pytest.mark.parametrize("unit", [1.0, 1.4427, 100.0])
def test_the_unit_of_the_loss_moves_no_exponent(unit):
    n, d = grid()
    found = fit(HOFFMANN, make_table(unit * hoffmann_loss(n, d), n, d)).constants
    assert found["alpha"] == pytest.approx(0.34, rel=1e-3)
    assert found["E"] == pytest.approx(1.69 * unit, rel=1e-3)


def test_a_power_law_with_and_without_its_floor():
    table = line_table()
    assert fit(power_law_with_floor("parameters"), table).constants == pytest.approx(
        {"E": 1.5, "k": 60, "a": 0.2}, rel=1e-3
    )
    straight = make_table(40 * table.parameters**-0.15, table.parameters)
    assert fit(power_law("parameters"), straight).constants == pytest.approx({"k": 40, "a": 0.15}, rel=1e-4)


def test_one_spoilt_run_hardly_moves_the_fit():
    table = hoffmann_table(noise=0.002)
    spoilt = make_table(np.where(np.arange(30) == 12, 1.5, 1.0) * table.loss, table.parameters, table.tokens)
    assert fit(HOFFMANN, spoilt).constants["alpha"] == pytest.approx(fit(HOFFMANN, table).constants["alpha"], abs=0.01)


def test_a_floor_that_would_be_negative_stands_on_its_bound():
    n = np.geomspace(1e7, 1e10, 8)
    found = fit(power_law_with_floor("parameters"), make_table(30 * n**-0.1 - 2.0, n))
    assert "E" in found.on_bounds
    assert found.constants["E"] == 0


def test_more_constants_than_rows_are_refused():
    n = np.array([1e6, 1e7, 1e8, 1e9])
    with pytest.raises(UserError, match="5 constants and the table 4 rows"):
        fit(HOFFMANN, make_table([4, 3, 2.5, 2.2], n, n[::-1]))


def test_laws_are_told_apart_by_what_they_predict():
    table = hoffmann_table(noise=0.003)
    right, wrong = compare(HOFFMANN, table), compare(KAPLAN, table)
    assert right.held_out == 6
    assert right.error < 0.02 < wrong.error
    assert right.aicc < wrong.aicc


def test_the_largest_rows_are_those_of_most_compute_and_their_equals():
    n = np.array([1e6, 1e7, 1e8, 1e9, 1e9])
    assert largest_rows(make_table([5, 4, 3, 2, 2], n)).tolist() == [False, False, False, True, True]


def test_the_regression_of_a_straight_line():
    n = np.geomspace(1e7, 1e10, 6)
    found = regression(make_table(40 * n**-0.15, n), "parameters")
    assert (found.slope.value, found.r_squared) == (pytest.approx(-0.15), pytest.approx(1.0))


def test_sensitivity_leaves_out_the_highest_losses():
    found = sensitivity(fit(HOFFMANN, table := hoffmann_table(noise=0.002)), table)
    kept = table.rows(np.sort(np.argsort(table.loss)[:-3]))
    assert found.left_out == 3
    assert found.without == pytest.approx(fit(HOFFMANN, kept).constants, rel=1e-3)
    assert sensitivity(fit(power_law_with_floor("parameters"), four := line_table(4)), four) is None
