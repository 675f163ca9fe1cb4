"""The verdict on a case, and the counts of a test."""

import math
import tracemalloc

import numpy as np
import pytest

from eval.predictor import Predictions
from eval.probes.judge import TEXTS_AT_ONCE, WORST, judge, paired_failures, verdict, verdicts
from eval.probes.suite import Case

BAND = (1 / 3, 2 / 3)


class Reader:
    """A model that reads its P(POSITIVE) out of the text: "0.25 anything"."""

    def __init__(self):
        self.asked = []

    def predict(self, texts):
        self.asked.append(list(texts))
        positive = np.array([float(text.split()[0]) for text in texts])
        zeros = np.zeros(len(texts), dtype=int)
        return Predictions(np.stack([1 - positive, positive], axis=1), zeros, zeros.astype(bool), zeros)


def case(kind, expect, *, n=1, label=None, tolerance=0.1, test="t", capability="c", texts=None):
    return Case(test, capability, kind, texts or tuple(f"text {i}" for i in range(n)), label, expect, tolerance)


@pytest.mark.parametrize(
    "label, expect, probability, failed",
    [
        (1, "label", 0.67, False),
        (1, "label", 0.6, True),  # neutral, though the likelier class
        (1, "label", 0.1, True),
        (0, "label", 0.33, False),
        (0, "label", 0.4, True),
        (0, "label", 0.9, True),
        (None, "label", 0.5, False),
        (None, "label", 1 / 3, False),
        (None, "label", 2 / 3, False),
        (None, "label", 0.3, True),
        (None, "label", 0.7, True),
        (0, "not_label", 0.5, False),
        (0, "not_label", 1 / 3, False),
        (0, "not_label", 0.9, False),
        (0, "not_label", 0.2, True),
        (1, "not_label", 0.5, False),
        (1, "not_label", 0.2, False),
        (1, "not_label", 0.8, True),
        (None, "not_label", 0.5, True),
        (None, "not_label", 0.8, False),
    ],
)
def test_a_minimum_functionality_case_has_three_classes(label, expect, probability, failed):
    assert verdict(case("MFT", expect, label=label), [probability], BAND).failed is failed


@pytest.mark.parametrize(
    "original, variant, tolerance, failed",
    [
        (0.52, 0.49, 0.1, False),  # another class, but hardly moved
        (0.95, 0.55, 0.1, False),  # moved, but the same class
        (0.6, 0.4, 0.1, True),
        (0.4, 0.6, 0.1, True),
        (0.6, 0.4, 0.3, False),
        (0.51, 0.5, 0.0, True),
        (0.5, 0.4, 0.0, False),  # one half is negative
    ],
)
def test_an_invariance_case_fails_where_class_and_probability_both_move(original, variant, tolerance, failed):
    judged = case("INV", "same", n=2, tolerance=tolerance)
    assert verdict(judged, [original, variant], BAND).failed is failed


@pytest.mark.parametrize(
    "expect, original, variant, failed",
    [
        ("not_more_positive", 0.5, 0.61, True),
        ("not_more_positive", 0.5, 0.59, False),
        ("not_more_positive", 0.5, 0.1, False),
        ("not_more_negative", 0.5, 0.39, True),
        ("not_more_negative", 0.5, 0.41, False),
        ("not_more_negative", 0.5, 0.9, False),
        ("not_less_confident", 0.9, 0.75, True),
        ("not_less_confident", 0.1, 0.25, True),
        ("not_less_confident", 0.9, 0.85, False),
        ("not_less_confident", 0.1, 0.0, False),
        ("not_less_confident", 0.6, 0.1, True),  # very sure, but of the other class
        ("not_more_confident", 0.7, 0.85, True),
        ("not_more_confident", 0.3, 0.15, True),
        ("not_more_confident", 0.3, 0.5, False),
        ("not_more_confident", 0.6, 0.1, False),
    ],
)
def test_a_directional_case_fails_where_it_moves_the_wrong_way(expect, original, variant, failed):
    assert verdict(case("DIR", expect, n=2), [original, variant], BAND).failed is failed


def test_a_case_fails_with_its_worst_variant_and_shows_it():
    invariance = verdict(case("INV", "same", n=4), [0.9, 0.95, 0.1, 0.3], BAND)
    assert invariance.failed and invariance.texts == ("text 0", "text 2") and invariance.probabilities == (0.9, 0.1)
    # The one that moved further kept its class, and is not what failed.
    kept = verdict(case("INV", "same", n=3), [0.6, 0.99, 0.4], BAND)
    assert kept.failed and kept.texts == ("text 0", "text 2")
    labelled = verdict(case("MFT", "label", n=3, label=1), [0.9, 0.2, 0.5], BAND)
    assert labelled.failed and labelled.texts == ("text 1",)
    assert not verdict(case("INV", "same", n=3), [0.9, 0.8, 0.7], BAND).failed


def test_counts_and_wilson_intervals_by_test_and_capability():
    cases = [case("MFT", "label", label=1, test="a", texts=(f"{p} {i}",)) for i, p in enumerate([0.9] * 7 + [0.1] * 3)]
    cases += [case("MFT", "label", label=0, test="b", texts=(f"0.1 b{i}",)) for i in range(20)]
    cases += [case("MFT", "label", label=None, test="b", texts=(f"0.1 n{i}",)) for i in range(5)]
    cases += [case("INV", "same", test="a", capability="d", texts=("0.9", "0.2"))]
    outcome = judge(cases, Reader().predict, BAND)

    assert outcome.cases == 36
    assert [(t.capability, t.test, t.neutral, t.failures, t.failure_rate.n) for t in outcome.tests] == [
        ("c", "b", True, 5, 5),
        ("d", "a", False, 1, 1),
        ("c", "a", False, 3, 10),
        ("c", "b", False, 0, 20),
    ]
    assert [(c.capability, c.tests, c.failures, c.failure_rate.n) for c in outcome.capabilities] == [
        ("d", 1, 1, 1),
        ("c", 2, 3, 30),
    ]
    assert outcome.failure_rate.n == 31
    # Wilson 1927, in closed form.
    n, p, z = 10, 0.3, 1.959963984540054
    middle, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    rate = outcome.tests[2].failure_rate
    assert [rate.low, rate.high] == pytest.approx(
        [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]
    )


def test_a_suite_of_neutral_cases_only_has_no_failure_rate():
    outcome = judge([case("MFT", "label", texts=("0.5",))], Reader().predict, BAND)
    assert outcome.failure_rate.value is None and outcome.capabilities == [] and outcome.tests[0].failures == 0


def test_the_worst_cases_are_the_worst_in_order():
    probabilities = np.random.default_rng(0).permutation(np.linspace(0, 1, 101))
    cases = [case("MFT", "label", label=1, texts=(f"{p:.2f} film",)) for p in probabilities]
    worst = judge(cases, Reader().predict, BAND).tests[0].worst
    assert [w.probabilities for w in worst] == [[0.0], [0.01], [0.02], [0.03], [0.04]]
    assert worst[0].texts == ["0.00 film"] and worst[0].expected == "positive"


def test_long_texts_are_cut_in_what_is_kept():
    worst = (
        judge([case("MFT", "label", label=1, texts=("0.1 " + "x" * 10_000,))], Reader().predict, BAND).tests[0].worst
    )
    assert len(worst[0].texts[0]) == 500


def test_texts_are_asked_once_a_chunk_and_the_chunks_do_not_show():
    cases = [case("INV", "same", texts=("0.9 same", f"{0.1 if i % 3 else 0.8} {i}")) for i in range(3_000)]
    model = Reader()
    judged = list(verdicts(cases, model.predict, BAND))
    assert [judged_case for judged_case, _ in judged] == cases
    assert [v.failed for _, v in judged] == [bool(i % 3) for i in range(3_000)]
    assert len(model.asked) == math.ceil(6_000 / TEXTS_AT_ONCE)
    assert all(len(texts) == len(set(texts)) <= TEXTS_AT_ONCE // 2 + 1 for texts in model.asked)


def test_pairs_of_failures_are_those_of_each_model_alone():
    draw = np.random.default_rng(0)
    cases = [
        case("INV", "same", test=f"t{i % 3}", texts=(f"{p:.3f} {i}", f"{q:.3f} {i}"))
        for i, (p, q) in enumerate(draw.random((2_000, 2)))
    ]
    cases[5:5] = [case("MFT", "label", test="t0", texts=(f"0.9 neutral {i}",)) for i in range(9)]

    class Contrary(Reader):
        def predict(self, texts):
            found = super().predict([f"{float(text.split()[0]) ** 3} {text}" for text in texts])
            return found

    counts = paired_failures(iter(cases), Reader().predict, Contrary().predict, BAND)
    asked = [each for each in cases if not each.neutral]
    one, two = ([v.failed for _, v in verdicts(asked, model.predict, BAND)] for model in (Reader(), Contrary()))
    for name in ("t0", "t1", "t2"):
        mine = [(a, b) for each, a, b in zip(asked, one, two, strict=True) if each.test == name]
        table = [[mine.count((a, b)) for b in (False, True)] for a in (False, True)]
        assert counts["c", name].tolist() == table and min(map(min, table)) > 0


@pytest.mark.parametrize(
    ("probabilities", "name"), [((0.9, 0.6), "positive"), ((0.1, 0.5), "negative"), ((0.9, 0.1), None)]
)
def test_a_model_of_one_answer_is_named(probabilities, name):
    cases = [case("MFT", "label", label=1, texts=(f"{p} film",)) for p in probabilities]
    assert judge(cases, Reader().predict, BAND).degenerate == name


def test_memory_does_not_grow_with_the_suite():
    def peak(n):
        text = "a long review " * 20
        stream = (case("MFT", "label", label=1, texts=(f"{i % 2} {i} {text}",)) for i in range(n))
        tracemalloc.start()
        outcome = judge(stream, ForgetfulReader().predict, BAND)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert outcome.cases == n and len(outcome.tests[0].worst) == WORST
        return most

    class ForgetfulReader(Reader):
        def predict(self, texts):
            self.asked.clear()
            return super().predict(texts)

    assert peak(5_000) < 1.5 * peak(2_000)
