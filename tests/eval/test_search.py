from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from eval.importance import importances, rank_correlation
from eval.search import analyse_search, compare_settings, expected_best

STUDIES = 200
ALLOWED = 16
"""Of 200; a nominal 5% are 10."""
POINT = 0.01
CELLS = ["baseline", "tpe-best", "random-best"]


def searched(truth, *, trials=20, seeds=5, spread=0.008, rng=None, statuses=(), lower=False):
    """runs.csv of a search for the best x, of which `truth` gives the metric but for noise."""
    rng = rng or np.random.default_rng(0)
    metric = "loss" if lower else "accuracy"

    def row(cell, sampler, x, seed, status="complete"):
        done = status == "complete"
        figures = {f"{split}.{metric}": truth(x) + rng.normal(0, spread) if done else None for split in SPLITS}
        return {"cell": cell, "sampler": sampler, "x": str(x), "seed": str(seed), "status": status, **figures}

    statuses, rows, best = dict(statuses), [], {}
    for sampler in ("tpe", "random"):
        tried = [
            row(f"{sampler}-{index}", sampler, rng.uniform(), 0, statuses.get((sampler, index), "complete"))
            for index in range(trials)
        ]
        rows += tried
        sign = -1 if lower else 1
        complete = [one for one in tried if one["status"] == "complete"]
        best[sampler] = max(complete, key=lambda one: sign * one[f"validation.{metric}"])["x"]
    for seed, (cell, x) in product(range(1, seeds + 1), [("baseline", 0.5), *((f"{s}-best", best[s]) for s in best)]):
        rows.append(row(cell, "confirm", float(x), seed))
    return pd.DataFrame(rows)


SPLITS = ("validation", "test")


def test_the_best_and_the_best_so_far_are_told_by_sampler():
    values = {"tpe": [0.7, None, 0.9, 0.9, 0.8], "random": [None, 0.6, 0.5, 0.8, 0.7]}
    runs = pd.DataFrame(
        {
            "cell": f"{sampler}-{index}",
            "sampler": sampler,
            "x": f"{index}e-4",
            "seed": "0",
            "status": "complete" if value else {"tpe": "pruned", "random": "failed"}[sampler],
            "seconds": 10.0,
            "validation.accuracy": value or 0.99,  # what a run had when it was stopped does not count
        }
        for sampler, found in values.items()
        for index, value in enumerate(found)
    )
    found = analyse_search(runs, ["x"], "validation.accuracy")
    tpe, random = found.samplers
    assert tpe.best_so_far == [0.7, 0.7, 0.9, 0.9, 0.9] and random.best_so_far == [None, 0.6, 0.6, 0.8, 0.8]
    assert (tpe.best.trial, tpe.best.score, tpe.best.levels) == (3, 0.9, {"x": "2e-4"})
    assert (tpe.complete, tpe.pruned, tpe.failed, tpe.seconds) == (4, 1, 0, 50.0)
    assert (random.complete, random.pruned, random.failed) == (4, 0, 1)
    assert found.effects == found.confirmed == [] and found.method == "none"


@pytest.mark.parametrize("higher", [True, False])
def test_the_expected_best_is_that_of_all_draws(higher):
    """Against every one of the 5^n ways to draw n of 5 trials."""
    values = np.array([0.3, 0.9, 0.5, 0.5, 0.1])
    for estimate in expected_best(values, higher=higher)[:4]:
        draws = np.array(list(product(values, repeat=estimate.n)))
        best = draws.max(axis=1) if higher else draws.min(axis=1)
        assert estimate.value == pytest.approx(best.mean())
        assert (best < estimate.low).mean() <= 0.025 and (best > estimate.high).mean() <= 0.025
        assert (best <= estimate.low).mean() >= 0.025 and (best >= estimate.high).mean() >= 0.025


def test_a_trial_without_a_figure_counts_as_the_worst():
    given = expected_best(np.array([0.3, np.nan, 0.5]), higher=True)
    assert given == expected_best(np.array([0.3, 0.3, 0.5]), higher=True)
    assert expected_best(np.array([np.nan]), higher=True) == []


@pytest.mark.parametrize("lower", [False, True])
def test_what_is_found_is_judged_on_test_rows_and_fresh_seeds(lower):
    name, sign = ("loss", -1) if lower else ("accuracy", 1)
    runs = searched(lambda x: 0.8 - sign * 0.4 * (x - 0.2) ** 2, spread=0.001, lower=lower)
    runs["x"] = runs["x"].where(runs["sampler"] == "confirm", "")
    found = analyse_search(runs, ["x"], f"validation.{name}")
    assert found.judged == f"test.{name}" and found.seeds == list("12345")
    assert [(effect.level, effect.baseline) for effect in found.effects] == [
        ("tpe-best", "random-best"),
        ("tpe-best", "baseline"),
        ("random-best", "baseline"),
    ]
    assert [effect.verdict for effect in found.effects[1:]] == ["helps", "helps"]
    table = runs[runs["sampler"] == "confirm"].pivot(index="seed", columns="cell", values=f"test.{name}")
    assert found.effects[1].estimate.value == pytest.approx((table["tpe-best"] - table["baseline"]).mean())
    alone = runs.drop(columns=f"test.{name}")
    assert analyse_search(alone, ["x"], f"validation.{name}").judged == f"validation.{name}"


def test_the_same_setting_under_two_names_is_rarely_said_to_be_ahead():
    """Of 200 A/A confirmations at most 16 say that anything is ahead of anything."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(STUDIES):
        table = pd.DataFrame(0.85 + rng.normal(0, 0.02, (5, 1)) + rng.normal(0, 0.01, (5, 3)), columns=CELLS)
        found = compare_settings(table, ["tpe", "random"], higher=True, margin=POINT)
        wrong += any(effect.verdict in ("helps", "hurts") for effect in found)
    assert wrong <= ALLOWED


def test_a_setting_that_is_3_points_better_is_found():
    rng, said = np.random.default_rng(1), 0
    for _ in range(STUDIES):
        table = pd.DataFrame(0.85 + rng.normal(0, 0.007, (5, 3)) + [0, 0.03, 0], columns=CELLS)
        first, *_ = compare_settings(table, ["tpe", "random"], higher=True, margin=POINT)
        said += first.verdict == "helps"
    assert said >= 0.8 * STUDIES


def test_a_search_among_settings_that_are_all_alike_is_called_luck():
    """The best of 20 equal trials shines in the search; its fall has an interval that tells, its lead has none."""
    rng, wrong, flattered = np.random.default_rng(2), 0, 0
    for _ in range(60):
        runs = searched(lambda _: 0.85, rng=rng)
        runs["x"] = ""  # no importances: they take time
        found = analyse_search(runs, ["x"], "validation.accuracy")
        wrong += any(effect.verdict in ("helps", "hurts") for effect in found.effects)
        tpe = next(one for one in found.confirmed if one.cell == "tpe-best")
        flattered += tpe.fall.low > 0
        assert tpe.fall.value == pytest.approx(tpe.search_score - tpe.metric.value)
    assert wrong <= 6
    assert flattered >= 40


def test_equal_runs_of_equal_settings_do_not_differ():
    table = pd.DataFrame({"baseline": [0.8, 0.7], "tpe-best": [0.9, 0.85], "random-best": [0.9, 0.85]})
    first, *_ = compare_settings(table, ["tpe", "random"], higher=True, margin=POINT)
    assert (first.verdict, first.bound) == ("no_effect_larger_than", 0.0)


def test_a_confirmation_on_the_seed_of_the_search_is_refused():
    runs = searched(lambda x: x)
    runs.loc[runs["seed"] == "3", "seed"] = "0"
    with pytest.raises(ValueError, match="seed 0 is of the search and of its confirmation"):
        analyse_search(runs, ["x"], "validation.accuracy")


def test_an_unfinished_search_counts_what_is_missing():
    runs = searched(lambda x: x, trials=8, statuses={("tpe", 1): "pruned", ("random", 4): "failed"})
    found = analyse_search(runs[runs["sampler"] == "tpe"], ["x"], "validation.accuracy", planned=len(runs))
    assert (found.runs, found.left_out, found.missing) == (7, 1, 23)
    assert found.expected == [] and found.effects == []


def test_the_interval_of_a_rank_correlation_covers():
    """Of 400 intervals over 20 normal pairs, about 380 hold the truth; Pearson's 0.5 is Spearman's 0.483."""
    rng, truth, covered = np.random.default_rng(3), 6 / np.pi * np.arcsin(0.25), 0
    for _ in range(400):
        x = rng.normal(size=20)
        found = rank_correlation(x, 0.5 * x + np.sqrt(0.75) * rng.normal(size=20))
        covered += found.low <= truth <= found.high
    assert 364 <= covered <= 396
    x, y = rng.normal(size=(2, 15))
    ranks = [pd.Series(one).rank() for one in (x, y)]
    assert rank_correlation(x, y).value == pytest.approx(pearsonr(*ranks).statistic)


def test_a_factor_that_matters_stands_out_of_made_up_ones_and_noise_does_not():
    rng = np.random.default_rng(4)
    trials = pd.DataFrame({"rate": 10 ** rng.uniform(-5, -3, 30), "kind": rng.choice(["a", "b"], 30)})
    values = -((np.log10(trials["rate"]) + 4) ** 2).to_numpy() + 0.05 * rng.normal(size=30)
    first, second = importances(trials, values, np.arange(30) < 20, ["rate"])
    assert (first.factor, second.factor) == ("rate", "kind")
    assert first.share > 0.7 and first.share > first.chance > second.share
    assert first.rank_correlation == rank_correlation(trials["rate"][:20].to_numpy(), values[:20])
    assert second.rank_correlation.value is None


def test_few_trials_and_equal_ones_tell_nothing_of_a_factor():
    trials = pd.DataFrame({"rate": np.linspace(1, 2, 12)})
    for rows, values in [(9, np.arange(9.0)), (12, np.ones(12))]:
        (found,) = importances(trials[:rows], values, np.ones(rows, bool), [])
        assert found.share is found.chance is found.rank_correlation.value is None
