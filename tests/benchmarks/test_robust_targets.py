"""The benchmark that holds the robust recipe to its targets."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset
from statsmodels.stats.proportion import proportion_confint

from benchmarks.robust_recipe import MOST_LOST, TARGETS, WHOLE, compare, describe, rights, row_of, write_rows
from data.corpora import FEATURES


def says(word):
    """A model that finds texts with a word in them positive."""

    def predict(texts):
        positive = np.array([0.95 if word in text else 0.05 for text in texts])
        return SimpleNamespace(probabilities=np.stack([1 - positive, positive], axis=1))

    return predict


@pytest.fixture
def split():
    return Dataset.from_dict({"text": ["a b", "a", "b", "c"], "label": [1, 1, 1, 0]}, features=FEATURES)


def test_shares_and_their_difference():
    row = row_of("x", np.array([[50, 30], [8, 12]]), most=0.25)
    assert (row.n, row.plain, row.robust, row.difference) == (100, 0.42, 0.2, pytest.approx(-0.22))
    assert (row.robust_low, row.robust_high) == pytest.approx(proportion_confint(20, 100, method="wilson"))
    assert row.met and not row.surely_met and row.difference_high < 0
    assert row_of("x", np.array([[500, 300], [80, 120]]), most=0.25).surely_met
    assert not row_of("x", np.array([[50, 30], [8, 12]]), most=0.2).met


def test_an_accuracy_is_held_to_what_it_loses():
    # 10 of 1,000 rows are right with the plain model alone, 6 with the robust one alone: 0.4 points less.
    counts = np.array([[100, 10], [6, 884]])
    row = row_of("x", counts, lost=0.005)
    assert row.difference == pytest.approx(-0.004) and row.met and not row.surely_met
    assert not row_of("x", counts, lost=0.0).met
    assert row_of("x", np.array([[100, 0], [60, 840]]), lost=0.0).surely_met


def test_rows_that_both_one_or_none_get_right(split):
    assert rights(split, says("a"), says("b")).tolist() == [[0, 1], [1, 2]]


@pytest.mark.slow
def test_a_model_differs_from_another_and_not_from_itself(split, tmp_path):
    corpus = SimpleNamespace(test=split)
    same, moved = compare(
        SimpleNamespace(predict=says("e"), other=SimpleNamespace(predict=says("e")), corpus=corpus), 1
    )
    assert [row.figure for row in same] == [*TARGETS, WHOLE, *MOST_LOST]
    assert all(row.difference == 0 and row.plain == row.robust for row in same)
    assert "0 are surely failed less often than by the plain run, none more often." in describe(same, moved)
    pair = SimpleNamespace(predict=says("zzz"), other=SimpleNamespace(predict=says("not")), corpus=corpus)
    rows, moved = compare(pair, 1)
    text = describe(rows, moved)
    # Whoever finds nothing positive changes no answer, and reads every "not" before a negative word as negative.
    by_name = {row.figure: row for row in rows}
    assert by_name["typo_changes"].robust == 0 and by_name["not_negative_read_negative"].robust == 1
    assert "negation, not + negative adjective: " in text and "no" in text
    write_rows(rows, tmp_path / "table.csv")
    kept = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["figure"] for row in kept] == list(by_name)
    assert float(kept[0]["robust"]) == pytest.approx(rows[0].robust, abs=1e-4)
    assert {row["met"] for row in kept} == {"True", "False", ""}
