import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from benchmarks.coverage import too_few
from benchmarks.scaling_coverage import NOISE, covered, intervals
from eval.scaling_laws.answers import best_loss, best_split, extrapolation, flat_range, frontier_of, optimum, predict
from eval.scaling_laws.fitting import fit
from eval.scaling_laws.laws import HOFFMANN, KAPLAN, power_law, power_law_with_floor, surface_loss, two_terms
from eval.scaling_laws.published import BESIROGLU_2024, HOFFMANN_2022
from eval.scaling_laws.resampling import resample
from eval.scaling_laws.table import make_table
from tests.eval.scaling_laws.planted import TRUTH, hoffmann_loss, hoffmann_table, line_table

KAPLANS = {"Nc": 8.8e13, "Dc": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095}


@pytest.mark.parametrize(("law", "constants"), [(HOFFMANN, TRUTH), (KAPLAN, KAPLANS)])
@pytest.mark.parametrize("budget", [1e18, 1e24])
def test_the_closed_form_is_the_minimum(law, constants, budget):
    def loss(log_n: float) -> float:
        return float(surface_loss(law.name, constants, np.exp(log_n), budget / 6 / np.exp(log_n)))

    found = minimize_scalar(loss, bounds=np.log([1e3, 1e15]), method="bounded", options={"xatol": 1e-9})
    n, d = best_split(*two_terms(law, {k: np.float64(v) for k, v in constants.items()}), budget)
    assert n == pytest.approx(np.exp(found.x), rel=1e-3)
    assert 6 * n * d == pytest.approx(budget)


def test_published_laws_at_chinchillas_budget():
    # Hoffmann et al. 2022, table A3: by approach 3 the best use of 5.76e23 FLOP is some 40B parameters.
    n, d = best_split(406.4, 410.7, 0.34, 0.28, 5.76e23)
    assert n == pytest.approx(40e9, rel=0.2)
    # Besiroglu et al. 2024, section 5: about 20 tokens a parameter.
    law = BESIROGLU_2024
    n, d = best_split(law.A, law.B, law.alpha, law.beta, 5.76e23)
    assert d / n == pytest.approx(20, rel=0.15)
    assert HOFFMANN_2022.loss(70e9, 1.4e12) == pytest.approx(1.937, abs=0.01)


def test_the_flat_range_is_where_the_loss_is_half_a_percent_worse():
    def loss(n: float) -> float:
        return float(hoffmann_loss(n, 1e22 / 6 / n))

    best = float(best_split(406.4, 410.7, 0.34, 0.28, 1e22)[0])
    low, high = flat_range(loss, best)
    assert low < best < high
    assert loss(low) == pytest.approx(1.005 * loss(best), rel=1e-6)
    assert loss(high) == pytest.approx(1.005 * loss(best), rel=1e-6)
    assert flat_range(lambda n: 2.0, 1e9) == (None, None)


def test_an_optimum_from_a_table_holds_the_true_one():
    table = hoffmann_table(noise=0.005)
    known = resample(fit(HOFFMANN, table), table, resamples=60)
    best = optimum(known, 1e22)
    n, d = best_split(406.4, 410.7, 0.34, 0.28, 1e22)
    assert best.parameters.low < n < best.parameters.high
    assert best.tokens_per_parameter.low < d / n < best.tokens_per_parameter.high
    assert best.loss.low < hoffmann_loss(n, d) < best.loss.high
    assert best.flat_low < best.parameters.value < best.flat_high
    assert best_loss(known, 1e22) == best.loss
    at_best = predict(known, np.array([best.parameters.value, best.tokens.value]))
    assert at_best.value == pytest.approx(best.loss.value)


def test_resamples_are_the_same_for_the_same_seed():
    table = hoffmann_table(noise=0.005)
    found = fit(HOFFMANN, table)
    first, second, third = (resample(found, table, resamples=5, seed=seed).resampled for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, third)


def test_a_resample_is_the_fit_to_its_rows():
    table = hoffmann_table(noise=0.005)
    found = fit(HOFFMANN, table)
    known = resample(found, table, resamples=1, seed=3)
    rows = np.random.default_rng(3).integers(30, size=30)
    again = fit(HOFFMANN, table.rows(rows))
    assert found.constants_of(known.resampled[0])["alpha"] == pytest.approx(again.constants["alpha"], rel=1e-3)


def test_few_rows_get_students_interval():
    # Of a straight line on logarithmic axes with little noise it is the t interval of the regression.
    n = np.geomspace(1e7, 1e10, 5)
    table = make_table(40 * n**-0.15 * np.exp(1e-4 * np.array([1, -2, 0.5, 1.5, -1])), n)
    known = resample(fit(power_law("parameters"), table), table, resamples=50)
    assert known.few_rows
    x, y = np.log(n), np.log(table.loss)
    slope, intercept = np.polyfit(x, y, 1)
    spread = np.sqrt(((y - intercept - slope * x) ** 2).sum() / 3)
    at = np.log(1e11)
    half = 3.1824 * spread * np.sqrt(1 / 5 + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    estimate = predict(known, np.array([1e11]))
    assert estimate.value == pytest.approx(np.exp(intercept + slope * at), rel=1e-5)
    assert estimate.low == pytest.approx(np.exp(intercept + slope * at - half), rel=1e-4)
    assert estimate.high == pytest.approx(np.exp(intercept + slope * at + half), rel=1e-4)


def test_noise_that_is_surely_there_widens_students_interval():
    table = line_table(4)
    found = fit(power_law_with_floor("parameters"), table)
    sure, rounded = (resample(found, table, resamples=50, noise=noise) for noise in (0.0, 0.002))
    widths = [
        np.diff(known.by_student(lambda theta: found.loss(np.log([[1e11]]), theta)[..., 0]))
        for known in (sure, rounded)
    ]
    assert widths[1] > 10 * widths[0]


def test_no_degree_of_freedom_no_interval():
    n = np.geomspace(1e7, 1e10, 5)
    table = make_table(40 * n**-0.15, n, 1e9 * n**0.1)
    known = resample(fit(HOFFMANN, table), table, resamples=50)
    assert predict(known, np.array([1e11, 1e11])).low is None


def test_extrapolation_is_told_against_the_largest_run():
    table = line_table()
    assert extrapolation(table, parameters=3e10, tokens=1e11) == pytest.approx({"parameters": 3, "tokens": 0.5})


def test_the_frontier_is_the_line_of_the_table():
    table = line_table()
    line = frontier_of(table, by_column=False)
    n, d = line.split(1e21)
    assert (6 * n * d, d / n) == (pytest.approx(1e21), pytest.approx(20))
    fixed = frontier_of(
        make_table(table.loss, 1e8 + 0 * table.tokens, table.tokens, 6e8 * table.tokens), by_column=True
    )
    assert fixed.split(1e21) == (pytest.approx(1e8), pytest.approx(1e21 / 6e8))


@pytest.mark.slow
@pytest.mark.parametrize("world", NOISE)
def test_intervals_hold_the_true_values_as_often_as_they_say(world):
    rows = [row for seed in range(30) for row in intervals(world, seed, resamples=200)]
    assert [name for (_, name), held in covered(rows).items() if too_few(held)] == []
