import re

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from data.edits import MEANING_PRESERVING
from data.synonyms import NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES
from eval.wording import (
    Variant,
    edit_effects,
    harms,
    negation_cases,
    negation_effects,
    sample_rows,
    variants,
    worst_case,
)

TEXTS = ["The film is good.", "it 's a dull film . ", "Anna loved it.", "A funny and clever story."]


def test_variants_are_of_their_rows_and_repeat_by_seed():
    found = variants(TEXTS, seed=3)
    assert found == variants(TEXTS, seed=3)
    assert found != variants(TEXTS, seed=4)
    assert {variant.edit for variant in found} <= set(MEANING_PRESERVING)
    assert all(variant.text != TEXTS[variant.row] for variant in found)
    assert len({(variant.row, variant.edit) for variant in found}) == len(found)


def test_rows_are_sampled_without_replacement_in_order():
    rows = sample_rows(1000, seed=1)
    assert len(rows) == 300 and (np.diff(rows) > 0).all() and rows.max() < 1000
    assert (rows != sample_rows(1000, seed=2)).any()
    assert sample_rows(5).tolist() == [0, 1, 2, 3, 4]


def test_effects_match_statsmodels():
    generator = np.random.default_rng(0)
    before, after = generator.uniform(size=(2, 200))
    edits = ["typo"] * 120 + ["synonym"] * 80
    typo, synonym = edit_effects(edits, before, after)
    assert (typo.edit, synonym.edit) == ("typo", "synonym")
    for effect, part in ((typo, slice(0, 120)), (synonym, slice(120, 200))):
        moved = np.abs(after[part] - before[part])
        flips = int(((before[part] > 0.5) != (after[part] > 0.5)).sum())
        assert effect.flips.value == flips / len(moved)
        interval = proportion_confint(flips, len(moved), method="wilson")
        assert (effect.flips.low, effect.flips.high) == pytest.approx(interval)
        assert (effect.swing.low, effect.swing.high) == pytest.approx(DescrStatsW(moved).tconfint_mean())


def test_the_worst_case_by_hand():
    right = np.array([True, True, False, True])
    rows = np.array([0, 0, 1, 2, 3, 3])
    variant_right = np.array([True, False, True, True, True, True])
    case = worst_case(right, rows, variant_right)
    assert (case.accuracy.value, case.worst.value, case.drop.value) == (0.75, 0.5, 0.25)
    assert right.tolist() == [True, True, False, True]


def test_the_interval_of_the_drop_covers():
    """Simulated: rows right with 0.85, each of three edits loses a row with 0.05."""
    generator = np.random.default_rng(0)
    covered, runs, truth = 0, 400, 0.85 * (1 - 0.95**3)
    for _ in range(runs):
        right = generator.uniform(size=300) < 0.85
        case = worst_case(right, np.repeat(np.arange(300), 3), generator.uniform(size=900) > 0.05)
        covered += case.drop.low <= truth <= case.drop.high
        assert case.drop.value == pytest.approx(case.accuracy.value - case.worst.value)
    assert covered / runs > 0.92


def test_harms_are_right_answers_turned_wrong_widest_first():
    texts, labels = ["a", "b", "c"], np.array([1, 0, 1])
    found = [Variant(0, "typo", "a1"), Variant(0, "synonym", "a2"), Variant(1, "typo", "b1"), Variant(2, "typo", "c1")]
    before, after = np.array([0.9, 0.9, 0.2, 0.4]), np.array([0.4, 0.1, 0.6, 0.1])
    worst = harms(texts, labels, found, before, after)
    assert [(harm.edit, harm.original, harm.edited) for harm in worst] == [("synonym", "a", "a2"), ("typo", "b", "b1")]
    assert (worst[1].before, worst[1].after) == (pytest.approx(0.8), pytest.approx(0.4))
    assert len(harms(texts, labels, found, before, after, count=1)) == 1


def test_negation_cases_are_balanced_and_grammatical():
    cases = negation_cases()
    assert sum(case.label for case in cases) * 2 == len(cases)
    for case in cases:
        feeling = set(re.findall(r"\w+", case.text)) & (POSITIVE_ADJECTIVES | NEGATIVE_ADJECTIVES)
        assert case.text.startswith("I ") or feeling <= (POSITIVE_ADJECTIVES if case.label else NEGATIVE_ADJECTIVES)
        assert re.sub(r" not| did not", "", case.negated) != case.negated
        assert re.fullmatch(r"(The|This) \w+ is not \w+\.|I did not \w+ .*\.", case.negated)
        assert len(case.doubled) == 3
        assert all(len(re.findall(r"\b(?:not|wrong)\b", text)) == 2 for text in case.doubled)
    assert cases[0].doubled[0] == "It is not the case that the film is not good."


def test_a_reader_of_negation_is_sound_and_a_deaf_one_agrees():
    cases = negation_cases()
    labels = np.array([case.label for case in cases])
    plain = np.where(labels == 1, 0.9, 0.1)
    reader = negation_effects(labels, plain, 1 - plain, np.stack([plain] * 3, axis=1))
    assert {reader.plain.value, reader.flips_positive.value, reader.agreement.value, reader.sound.value} == {1.0}
    deaf = negation_effects(labels, plain, plain, np.stack([plain] * 3, axis=1))
    assert (deaf.agreement.value, deaf.flips_positive.value, deaf.flips_negative.value, deaf.sound.value) == (
        1,
        0,
        0,
        0,
    )
    half = negation_effects(labels, plain, 1 - plain, np.stack([plain, plain, 1 - plain], axis=1))
    assert half.agreement.value == pytest.approx(2 / 3) and half.sound.value == 0
