import gc
import re

import numpy as np
import pytest
from scipy.stats import binom, t, ttest_rel
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from data.groups import CONTROLS, DIMENSIONS
from data.names import MEN, MENS_NAMES, NONSENSE_NAMES, WOMEN, WOMENS_NAMES
from eval.bias import TEMPLATES, control_of, error_rates, group_gaps, sentences

T = len(TEMPLATES)


def simulate(generator, planted=0.0, word=0.02):
    """Probabilities in which words differ by chance, templates take them differently, and one group may be off."""

    def group(words, shift=0.0):
        effects = generator.normal(shift, word, words) + generator.normal(0, 0.03, (T, words))
        return base[:, None] + effects

    base = generator.uniform(0.2, 0.8, T)
    groups = {
        "names": {name: group(6, planted if name == "b" else 0.0) for name in "abcd"},
        "age": {name: group(1) for name in ("young", "old", "middle")},
    }
    controls = {"names": group(16), "described": group(14)}
    return groups, controls, {"names": 6, "age": 1}


@pytest.fixture(autouse=True, scope="module")
def nothing_to_collect():
    """multipletests collects garbage each time, which takes long in a process with torch in it."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_a_planted_bias_is_found():
    for seed in range(20):
        gaps = group_gaps(*simulate(np.random.default_rng(seed), planted=-0.15))
        found = next(gap for gap in gaps if gap.group == "b")
        assert found.counts
        assert found.difference.value == pytest.approx(-0.15, abs=0.05)
        assert found.effect < -1


def test_without_a_bias_false_alarms_stay_at_five_per_cent():
    runs = 200
    alarms = sum(any(gap.counts for gap in group_gaps(*simulate(np.random.default_rng(seed)))) for seed in range(runs))
    assert alarms <= binom.ppf(0.999, runs, 0.05)


def test_the_test_over_templates_alone_would_raise_false_alarms():
    """Why made-up words stand beside the groups: two random words differ in every template alike."""
    alarms = 0
    for seed in range(50):
        groups, _, _ = simulate(np.random.default_rng(seed))
        young, old, _ = (values.mean(axis=1) for values in groups["age"].values())
        alarms += ttest_rel(old, young).pvalue < 0.05
    assert alarms > 20


def test_gaps_match_scipy_and_statsmodels():
    groups, controls, words = simulate(np.random.default_rng(1), planted=0.1, word=0.0001)
    gaps = group_gaps(groups, controls, words)
    expected = []
    for gap in gaps:
        values, base = (groups[gap.dimension][name].mean(axis=1) for name in (gap.group, gap.reference))
        rival = ttest_rel(values, base)
        interval = rival.confidence_interval()
        assert gap.difference.value == pytest.approx((values - base).mean())
        assert (gap.difference.low, gap.difference.high) == pytest.approx((interval.low, interval.high))
        assert gap.effect == pytest.approx(rival.statistic / np.sqrt(T))
        control = controls[control_of(gap.dimension)].mean(axis=0)
        # The same as a t statistic of two group means of that many words with the control's variance.
        spread = np.sqrt(control.var(ddof=1) * 2 / words[gap.dimension])
        expected.append(max(rival.pvalue, 2 * t.sf(abs((values - base).mean()) / spread, len(control) - 1)))
    adjusted = multipletests(expected, method="holm")[1]
    assert [gap.p for gap in gaps] == pytest.approx(list(adjusted))
    assert [gap.counts for gap in gaps] == [p < 0.05 for p in adjusted]


@pytest.mark.parametrize(("planted", "words"), [(0.0, 0.02), (0.05, 0.02), (-0.1, 0.02), (-0.15, 0.0001)])
def test_a_gap_counts_exactly_where_it_lies_beyond_its_bar(planted, words):
    counting = 0
    for seed in range(30):
        gaps = group_gaps(*simulate(np.random.default_rng(seed), planted, words))
        assert [gap.counts for gap in gaps] == [abs(gap.difference.value) > gap.bar for gap in gaps]
        counting += sum(gap.counts for gap in gaps)
    assert counting or not planted


def test_the_bar_is_that_of_holms_first_step_where_nothing_counts():
    groups, controls, words = simulate(np.random.default_rng(2))
    gaps = group_gaps(groups, controls, words)
    assert not any(gap.counts for gap in gaps)
    for gap in gaps:
        values, base = (groups[gap.dimension][name].mean(axis=1) for name in (gap.group, gap.reference))
        control = controls[control_of(gap.dimension)].mean(axis=0)
        spread = np.sqrt(control.var(ddof=1) * 2 / words[gap.dimension])
        error = (values - base).std(ddof=1) / np.sqrt(T)
        level = 1 - 0.05 / len(gaps) / 2
        assert gap.bar == pytest.approx(max(t.ppf(level, len(control) - 1) * spread, t.ppf(level, T - 1) * error))
        assert gap.bar > 1.3 * t.ppf(0.975, len(control) - 1) * spread  # what 95% of one pair stay within


def test_a_constant_model_has_no_gap():
    groups = {"age": {"young": np.full((T, 2), 0.7), "old": np.full((T, 2), 0.7)}}
    (gap,) = group_gaps(groups, {"described": np.full((T, 5), 0.7)}, {"age": 1})
    assert (gap.difference.value, gap.p, gap.counts, gap.effect) == (0, 1, False, None)


def test_the_breakdown_by_kind_and_template():
    base = np.full((T, 1), 0.5)
    moved = base.copy()
    moved[-1] = 0.9
    groups = {"age": {"young": base, "old": moved}}
    (gap,) = group_gaps(groups, {"described": np.random.default_rng(0).normal(0.5, 0.1, (T, 9))}, {"age": 1})
    assert (gap.positive, gap.negative) == (0, 0)
    assert gap.neutral == pytest.approx(0.4 * 3 / T)
    first = gap.templates[0]
    assert (first.template, first.group, first.reference) == (TEMPLATES[-1][0], 0.9, 0.5)


def test_error_rates_match_a_count():
    probabilities = np.random.default_rng(0).uniform(size=(T, 4))
    rates = error_rates("age", "old", probabilities)
    wrong = sum(p > 0.5 for (_, label), row in zip(TEMPLATES, probabilities, strict=True) if label == 0 for p in row)
    missed = sum(p <= 0.5 for (_, label), row in zip(TEMPLATES, probabilities, strict=True) if label == 1 for p in row)
    for rate, count in ((rates.false_positive_rate, wrong), (rates.false_negative_rate, missed)):
        assert rate.value == count / 64 and rate.n == 64
        assert (rate.low, rate.high) == pytest.approx(proportion_confint(count, 64, method="wilson"))


def test_only_the_groups_word_differs():
    for groups in DIMENSIONS.values():
        sizes = {len(people) for people in groups.values()}
        assert len(sizes) == 1
        for people in groups.values():
            for text, (template, _) in zip(sentences(people[:1]), TEMPLATES, strict=True):
                before, after = template.split("{person}")
                assert text.lower() == (before + people[0] + after).lower()
                assert text[0].isupper() and text.endswith(".") and not re.search(r"\b(he|she|his|her|him)\b", text)


def test_templates_come_in_threes_and_are_labelled():
    labels = [label for _, label in TEMPLATES]
    assert labels == [1] * 16 + [0] * 16 + [None] * 16
    assert len({template for template, _ in TEMPLATES}) == T


def test_made_up_names_are_nobodys():
    real = {name.lower() for name in (*WOMENS_NAMES, *MENS_NAMES)}
    assert not real & {name.lower() for name in NONSENSE_NAMES}
    assert len(set(NONSENSE_NAMES)) == len(NONSENSE_NAMES)
    assert set(CONTROLS) == {"gender", "names", "described"}
    assert {control_of(dimension) for dimension in DIMENSIONS} == set(CONTROLS)
    for names in (*WOMEN.values(), *MEN.values()):
        assert len(names) == len(set(names)) == 8
