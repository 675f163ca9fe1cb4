import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.power import TTestPower

from eval.power import detectable_effect, power, seeds_needed


def rival(ratio, seeds, level):
    """The power of a two-sided test by statsmodels; where it gives NaN, that of the side which counts."""
    both = TTestPower().power(ratio, seeds, level)
    return TTestPower().power(ratio, seeds, level / 2, alternative="larger") if np.isnan(both) else both


@pytest.mark.parametrize("level", [0.05, 0.05 / 6])
@pytest.mark.parametrize("seeds", [3, 5, 12, 40])
@pytest.mark.parametrize("ratio", [0.1, 0.8, 2.0, 6.0])
def test_power_is_that_of_statsmodels(ratio, seeds, level):
    assert power(-ratio * 2, 2, seeds, level=level) == pytest.approx(rival(ratio, seeds, level), abs=1e-9)


@pytest.mark.parametrize("level", [0.05, 0.0125])
@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_the_detectable_effect_has_that_power_by_statsmodels(seeds, level):
    assert rival(detectable_effect(0.02, seeds, level=level) / 0.02, seeds, level) == pytest.approx(0.8)


@pytest.mark.parametrize("ratio", [0.02, 0.05, 0.3, 0.7, 1.5, 4.0])
@pytest.mark.parametrize("level", [0.05, 0.0125])
def test_the_seeds_needed_are_the_fewest(ratio, level):
    seeds = seeds_needed(-ratio, 1.0, level=level)
    assert rival(ratio, seeds, level) >= 0.8 - (1e-3 if seeds > 1000 else 0)
    assert seeds == 2 or rival(ratio, seeds - 1, level) < 0.8


def test_the_ends_of_the_range():
    assert detectable_effect(0.0, 5) == 0.0
    assert seeds_needed(0.01, 0.0) == 2
    assert seeds_needed(100.0, 1.0) == 2
    assert power(1000.0, 1.0, 2) == pytest.approx(1.0)
    assert detectable_effect(1.0, 2, level=0.05 / 100) > detectable_effect(1.0, 2)


def test_the_formula_holds_in_simulated_studies():
    """At the seeds it asks for and the spread it is told, the test finds the effect as often as it says."""
    studies, effect, spread = 20_000, 0.03, 0.02
    seeds = seeds_needed(effect, spread)
    differences = np.random.default_rng(0).normal(effect, spread, (studies, seeds))
    found = (ttest_1samp(differences, 0, axis=1).pvalue < 0.05).mean()
    assert found >= 0.8
    assert found == pytest.approx(power(effect, spread, seeds), abs=4 * 0.4 / np.sqrt(studies))
