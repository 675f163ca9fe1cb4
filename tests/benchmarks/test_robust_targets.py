"""The benchmark that holds the robust recipe to its targets."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import robust_recipe
from benchmarks.robust_recipe import COLUMNS, WHOLE, Pair, compare, describe, parse_args, pool, worse_tests, write_rows
from cli.errors import UsageError
from eval.comparison import MovedProbe
from eval.metrics import proportion
from eval.targets import TARGETS, estimates, hold

SPEC = importlib.util.spec_from_file_location(
    "robust_models", Path(__file__).parents[1] / "eval" / "reliability" / "conftest.py"
)
models = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(models)


def pair_of(counts, probes=()):
    counts = {name: np.array(own) for name, own in counts.items()}
    moved = [MovedProbe("comparison", test, 50, this, other, p) for test, this, other, p in probes]
    return Pair(counts, [hold(name, *estimates(own)) for name, own in counts.items()], moved)


@pytest.fixture
def pairs():
    """Three networks: 2, 5 and 14 of 100 cases fail by the robust one, of the plain ones 30, 20 and 40."""
    failed = [[[70, 28], [0, 2]], [[80, 15], [0, 5]], [[60, 26], [0, 14]]]
    right = [[[100, 10], [20, 870]], [[100, 12], [15, 873]], [[100, 9], [24, 867]]]
    probes = [
        [("few are worse", 40, 0, 0.001), ("far worse", 20, 4, 0.01), ("plain", 5, 5, 1.0)],
        [("far worse", 6, 4, 1.0), ("few are worse", 44, 1, 0.001), ("plain", 4, 30, 0.001)],
        [("plain", 4, 4, 1.0), ("few are worse", 30, 2, 0.001), ("far worse", 4, 4, 1.0)],
    ]
    return [
        pair_of({"used_to_but_now_wrong": one, "test_accuracy": two}, own)
        for one, two, own in zip(failed, right, probes, strict=True)
    ]


def test_pairs_are_pooled_as_cases_and_their_differences_as_networks(pairs):
    share, accuracy = pool(pairs)
    assert share.this == proportion(21, 300) and share.other == proportion(90, 300)
    differences = [-0.28, -0.15, -0.26]
    low, high = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    assert (share.difference.value, share.difference.low, share.difference.high) == pytest.approx(
        (np.mean(differences), low, high)
    )
    # 14 of 100 may be more than 15%, so not every network surely meets it, though 21 of 300 surely would.
    assert share.this.high < share.below and share.met and not share.surely_met
    assert accuracy.met and accuracy.surely_met == (accuracy.difference.low >= -0.005)


def test_a_single_pair_is_told_as_it_is(pairs):
    assert pool(pairs[:1]) == pairs[0].rows
    text = describe(pairs[:1])
    assert "30.0 [21.9, 39.6]" in text and "networks" not in text
    assert "2 more often:\n  comparison, few are worse: 0 -> 40 of 50" in text


def test_several_pairs_are_told_with_the_range_over_networks(pairs):
    text = describe(pairs)
    assert "7.0 [2.0, 14.0]" in text and "30.0 [20.0, 40.0]" in text and "n is of 3 networks" in text
    assert "Of 3 tests 0 to 1 are surely failed less often" in text
    assert "surely more often in every pair 1, in some 2:" in text
    assert "comparison, few are worse: 3 -> 114 of 150, in 3 of 3 pairs" in text
    assert [own.test for own in worse_tests(pairs)] == ["few are worse", "far worse"]


def test_the_file_has_each_pair_and_all(pairs, tmp_path):
    write_rows(pairs, tmp_path / "table.csv")
    kept = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    figures = [
        "used_to_but_now_wrong",
        "test_accuracy",
        "test: comparison, few are worse",
        "test: comparison, far worse",
    ]
    assert [(row["pair"], row["figure"]) for row in kept] == [
        (pair, figure) for pair in ("0", "1", "2", "all") for figure in figures
    ]
    whole = {row["figure"]: row for row in kept if row["pair"] == "all"}
    assert list(kept[0]) == list(COLUMNS)
    share = whole["used_to_but_now_wrong"]
    assert (share["n"], share["plain"], share["robust"], share["difference"]) == ("300", "0.3000", "0.0700", "-0.2300")
    assert (share["target"], share["met"], share["surely_met"], share["surely_worse"]) == ("< 15%", "True", "False", "")
    assert whole["test_accuracy"]["target"] == ">= -0.5"
    few, far = (whole[f"test: comparison, {name}"] for name in ("few are worse", "far worse"))
    assert (few["n"], few["plain"], few["robust"], few["surely_worse"]) == ("150", "0.0200", "0.7600", "True")
    assert (far["surely_worse"], far["met"]) == ("False", "")
    assert [row["surely_worse"] for row in kept if row["figure"].endswith("far worse")][:3] == [
        "True",
        "False",
        "False",
    ]


def test_runs_are_named_in_pairs():
    args = parse_args(["--robust", "a", "b", "--plain", "c", "d"])
    assert (args.robust, args.plain, args.seed) == (["a", "b"], ["c", "d"], 1)
    with pytest.raises(UsageError, match=r"^--robust names 2 and --plain 1 runs: name as many of each, [^\n]+$"):
        parse_args(["--robust", "a", "b", "--plain", "c"])


@pytest.mark.slow
def test_a_model_differs_from_another_and_not_from_itself():
    def subject(of_robust, of_plain):
        other = models.make_subject(models.WordCounter(**of_plain))
        return models.make_subject(models.WordCounter(**of_robust), other=other)

    same = compare(subject({}, {}), 1)
    names = [row.figure for row in same.rows]
    assert names[: len(TARGETS)] == list(TARGETS)
    assert names[len(TARGETS) :] == [
        *("confident_errors", "confident_errors_calibrated", WHOLE, "test_accuracy", "imdb_accuracy")
    ]
    assert all(row.difference.value == 0 and row.this == row.other for row in same.rows)
    assert same.rows[-1].this.n == 2500
    assert "0 are surely failed less often than by the plain run, none more often." in describe([same])
    # Whoever finds "not" all praise reads no "not bad" as blame, and misses "not good".
    found = compare(subject({"not": 2}, {}), 1)
    by_name = {row.figure: row for row in found.rows}
    assert by_name["not_negative_read_negative"].this.value < 0.5 < by_name["not_negative_read_negative"].other.value
    assert by_name["typo_changes"].this == by_name["typo_changes"].other
    text = robust_recipe.describe([found, same])
    assert "are surely failed less often" in text and "n is of 2 networks" in text
