import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from eval.calibration import (
    abstain,
    abstention_threshold,
    apply_temperature,
    equal_mass_bins,
    expected_calibration_error,
    fit_temperature,
    overconfidence,
    plug_in_calibration_error,
    reliability,
    risk_coverage,
)


def two_columns(positive: np.ndarray) -> np.ndarray:
    return np.stack([1 - positive, positive], axis=1)


def simulate(rows: int, seed: int, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels with log-odds z, and a model that says sigmoid(sharpness z)."""
    draw = np.random.default_rng(seed)
    z = draw.normal(scale=2, size=rows)
    return two_columns(expit(sharpness * z)), (draw.random(rows) < expit(z)).astype(int)


def coarse(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities in tenths: most confidences are tied."""
    probabilities, labels = simulate(rows, seed)
    return two_columns(np.round(probabilities[:, 1], 1)), labels


def test_bins_have_equal_mass_and_keep_ties_together():
    values = np.random.default_rng(0).random(301)
    counts = np.bincount(equal_mass_bins(values))
    assert len(counts) == 15
    assert set(counts) <= {20, 21}
    tied = equal_mass_bins(np.repeat([0.6, 0.7, 0.9], [100, 5, 100]))
    assert [len(set(tied[rows])) for rows in (slice(0, 100), slice(100, 105), slice(105, 205))] == [1, 1, 1]
    assert set(tied) == set(range(tied.max() + 1))
    assert equal_mass_bins(values[:25]).max() == 1


def test_the_plug_in_error_is_a_loop_over_bins():
    probabilities, labels = simulate(300, seed=0, sharpness=2)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    parts = np.array_split(np.argsort(confidence), 15)
    loop = sum(len(rows) * abs(correct[rows].mean() - confidence[rows].mean()) for rows in parts) / 300
    assert plug_in_calibration_error(probabilities, labels) == pytest.approx(loop)


def test_the_error_is_kumars_formula():
    probabilities, labels = simulate(300, seed=1, sharpness=3)
    residuals = (probabilities.argmax(axis=1) == labels) - probabilities.max(axis=1)
    parts = np.array_split(np.argsort(probabilities.max(axis=1)), 15)
    squared = np.mean([residuals[rows].mean() ** 2 - residuals[rows].var(ddof=1) / len(rows) for rows in parts])
    assert expected_calibration_error(probabilities, labels, resamples=10).value == pytest.approx(np.sqrt(squared))


def test_a_calibrated_model_has_an_error_of_zero_where_the_plug_in_has_not():
    sets = [simulate(500, seed) for seed in range(60)]
    errors = [expected_calibration_error(*each, resamples=1).value for each in sets]
    plug_in = [plug_in_calibration_error(*each) for each in sets]
    assert np.median(errors) < 0.01
    assert min(plug_in) > 0.02
    # Without bias before the root: the squares, negative ones kept at zero, are small beside the plug-in's.
    assert np.mean(np.square(errors)) < 0.3 * np.mean(np.square(plug_in))


def test_an_over_confident_model_has_the_error_of_its_distribution():
    z = np.linspace(-16, 16, 100_001)
    density = np.exp(-(z**2) / 8)
    gap = expit(3 * np.abs(z)) - expit(np.abs(z))
    truth = np.sqrt(density @ gap**2 / density.sum())
    errors = [expected_calibration_error(*simulate(1000, seed, 3), resamples=1).value for seed in range(40)]
    assert np.mean(errors) == pytest.approx(truth, abs=0.01)
    excess = overconfidence(*simulate(20_000, 0, 3))
    assert excess.value == pytest.approx(density @ gap / density.sum(), abs=0.015)
    assert excess.low < excess.value < excess.high
    assert overconfidence(*simulate(20_000, 0, 0.4)).high < 0


def test_the_order_of_the_rows_does_not_matter():
    probabilities, labels = coarse(200, seed=3)
    order = np.argsort(labels)
    for measure in (plug_in_calibration_error, lambda *data: risk_coverage(*data, resamples=2).area.value):
        assert measure(probabilities[order], labels[order]) == pytest.approx(measure(probabilities, labels))


def test_reliability_bins_have_wilson_intervals():
    probabilities, labels = simulate(300, seed=4)
    bins = reliability(probabilities, labels)
    assert sum(each.accuracy.n for each in bins) == 300
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)
    correct = (probabilities.argmax(axis=1) == labels).mean()
    assert np.mean([each.accuracy.value for each in bins]) == pytest.approx(correct)
    first = bins[0].accuracy
    wilson = proportion_confint(round(first.value * first.n), first.n, method="wilson")
    assert (first.low, first.high) == pytest.approx(wilson)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature):
    probabilities, labels = simulate(30_000, seed=5, sharpness=temperature)
    found = fit_temperature(probabilities, labels)
    assert found.fitted and not found.at_bound
    assert found.value == pytest.approx(temperature, rel=0.04)


def test_the_temperature_is_the_optimum_of_another_method():
    probabilities, labels = simulate(300, seed=6, sharpness=2)
    logits = np.log(probabilities[:, 1] / probabilities[:, 0])
    rival = minimize(lambda t: sk.log_loss(labels, expit(logits / t[0])), x0=[1.0], method="Nelder-Mead", tol=1e-8)
    assert fit_temperature(probabilities, labels).value == pytest.approx(rival.x[0], rel=1e-3)
    calibrated = apply_temperature(probabilities, rival.x[0])
    assert calibrated[:, 1] == pytest.approx(expit(logits / rival.x[0]))
    assert (calibrated.argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_a_temperature_that_nothing_tells_is_one():
    labels = np.array([0, 1] * 20)
    perfect = two_columns(np.where(labels == 1, 0.8, 0.3))
    undecided = np.full((40, 2), 0.5)
    for probabilities in (perfect, undecided):
        found = fit_temperature(probabilities, labels)
        assert (found.value, found.fitted) == (1.0, False)


def test_a_degenerate_model_is_told_not_to_be_sure():
    labels = np.array([0, 1] * 20)
    found = fit_temperature(two_columns(np.full(40, 0.99)), labels)
    assert found.value == pytest.approx(20, rel=0.01) and found.at_bound
    hard = two_columns(np.where(np.arange(40) < 30, labels, 1 - labels).astype(float))
    assert np.isfinite(apply_temperature(hard, fit_temperature(hard, labels).value)).all()


def test_the_risk_coverage_curve_is_a_loop():
    probabilities, labels = simulate(157, seed=7)
    found = risk_coverage(probabilities, labels, resamples=20)
    wrong = (probabilities.argmax(axis=1) != labels)[np.argsort(-probabilities.max(axis=1))]
    risks = [wrong[:count].mean() for count in range(1, 158)]
    assert found.curve.y == pytest.approx(risks)
    assert found.curve.x == pytest.approx([count / 157 for count in range(1, 158)])
    assert found.area.value == pytest.approx(np.mean(risks))
    assert found.area.low < found.area.value < found.area.high
    assert len(risk_coverage(*simulate(1111, seed=7), resamples=2).curve.x) == 200


def test_the_area_of_ties_is_that_of_random_orders():
    probabilities, labels = coarse(40, seed=8)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    draw = np.random.default_rng(0)
    areas = []
    for _ in range(4000):
        order = np.lexsort([draw.random(40), -confidence])
        areas.append(np.mean(np.cumsum(wrong[order]) / np.arange(1, 41)))
    found = risk_coverage(probabilities, labels, resamples=2).area.value
    assert found == pytest.approx(np.mean(areas), abs=4 * np.std(areas) / np.sqrt(4000))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("make", [simulate, coarse])
def test_the_abstention_threshold_answers_as_much_as_any(make, seed):
    probabilities, labels = make(300, seed)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    threshold = abstention_threshold(probabilities, labels)
    tried = [confidence >= level for level in np.unique(confidence)]
    allowed = [answered.mean() for answered in tried if answered.sum() >= 20 and wrong[answered].mean() < 0.05]
    if not allowed:
        assert threshold is None
        return
    found = abstain(probabilities, labels, threshold)
    assert found.coverage.value == pytest.approx(max(allowed))
    assert found.error.value < 0.05
    assert found.error.n == round(found.coverage.value * 300)


def test_a_model_answers_all_or_nothing_where_it_is_always_right_or_wrong():
    probabilities, labels = simulate(100, seed=9)
    answers = probabilities.argmax(axis=1)
    assert abstention_threshold(probabilities, answers) == 0.5
    assert abstention_threshold(probabilities, 1 - answers) is None
    assert abstention_threshold(probabilities[:10], answers[:10]) is None
    nobody = abstain(probabilities, labels, 1.1)
    assert (nobody.coverage.value, nobody.error.value) == (0, None)
