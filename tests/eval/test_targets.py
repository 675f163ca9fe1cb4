"""What a model is held to."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from eval.reliability import Asked, fairness, overconfidence, wording
from eval.targets import CALIBRATED, CONFIDENT_ERRORS, MOST_LOST, TARGETS, estimates, failures, hold, rights, tally

SPEC = importlib.util.spec_from_file_location("target_models", Path(__file__).parent / "reliability" / "conftest.py")
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


def held(figure, counts):
    return hold(figure, *estimates(np.array(counts)))


def test_shares_and_their_difference():
    row = held("used_to_but_now_wrong", [[50, 30], [8, 12]])
    assert (row.this.n, row.other.value, row.this.value) == (100, 0.42, 0.2)
    assert row.difference.value == pytest.approx(-0.22) and row.difference.high < 0
    assert (row.this.low, row.this.high) == pytest.approx(proportion_confint(20, 100, method="wilson"))
    assert (row.met, row.surely_met) == (False, False)


@pytest.mark.parametrize(
    ("failed", "met"), [(19, (True, False)), (20, (False, False)), (5, (True, True)), (90, (False, False))]
)
def test_a_share_is_surely_below_its_target_where_its_interval_is(failed, met):
    row = held("own_opinion_wrong", [100 - failed, failed])
    assert row.below == 0.2 and (row.met, row.surely_met) == met
    assert row.other is None and row.difference is None


def test_an_accuracy_is_held_to_what_it_loses():
    # 10 of 1,000 rows are right with the other model alone, 6 with this one alone: 0.4 points less.
    counts = [[100, 10], [6, 884]]
    row = held("test_accuracy", counts)
    assert row.difference.value == pytest.approx(-0.004) and row.met and not row.surely_met
    assert not held("imdb_accuracy", counts).met
    assert held("imdb_accuracy", [[100, 0], [60, 840]]).surely_met
    assert held("test_accuracy", [110, 890]).met is None
    assert held("confident_errors", counts).met is None


def test_pairs_are_counted_by_who_is_right():
    this, other = np.array([True, True, True, False]), np.array([True, False, False, True])
    assert tally(this, other).tolist() == [[0, 1], [2, 1]]
    assert tally(this).tolist() == [1, 3]


def test_failures_are_those_that_a_run_measures_of_itself(subject):
    found = failures(Asked(subject, "calibrated", seed=3))
    assert list(found) == [*TARGETS, CONFIDENT_ERRORS, CALIBRATED]
    measured = fairness.measure(Asked(subject, seed=3)) | wording.measure(Asked(subject, seed=3))
    assert {name: found[name].mean() for name in TARGETS} == {name: measured[name].value for name in TARGETS}
    for name, answers in ((CONFIDENT_ERRORS, "raw"), (CALIBRATED, "calibrated")):
        own = overconfidence.measure(Asked(subject, answers, seed=3))["confident_errors"]
        assert (found[name].mean(), len(found[name])) == (own.value, own.n)
    # One label in twenty is wrong and answered with all confidence; the temperature takes that away.
    assert found[CONFIDENT_ERRORS].sum() >= 8


def test_rows_of_another_corpus_are_drawn_or_all(subject):
    few, of_imdb = rights(Asked(subject), 30), models.make_subject(subject.predictor, "imdb")
    assert {name: len(rows) for name, rows in few.items()} == {"test_accuracy": 160, "imdb_accuracy": 30}
    assert few["test_accuracy"].mean() > 0.9
    assert list(rights(Asked(of_imdb), 30)) == ["test_accuracy", "reviews_accuracy"]
    assert set(MOST_LOST) == {"test_accuracy", "imdb_accuracy", "reviews_accuracy"}


@pytest.fixture(scope="module")
def subject():
    return models.make_subject(models.WordCounter())
