import numpy as np
import pandas as pd
import pytest
import statsmodels.stats.contingency_tables

from eval.designs import Factor
from eval.row_level import row_level

FACTORS = [Factor("dropout", ["0.1", "0.3"]), Factor("tuning", ["full", "lora"])]


def frame(*runs):
    rows = [dict(zip(("dropout", "tuning", "seed"), run, strict=True), run="/".join(run)) for run in runs]
    return pd.DataFrame(rows)


def test_runs_are_paired_that_differ_in_the_factor_alone():
    runs = frame(
        ("0.1", "full", "0"),
        ("0.3", "full", "0"),
        ("0.1", "full", "1"),  # its partner failed
        ("0.1", "lora", "0"),
        ("0.3", "lora", "0"),
    )
    right = {run: np.random.default_rng(index).random(400) < 0.8 for index, run in enumerate(runs["run"])}
    dropout, tuning = row_level(runs, FACTORS, right)
    assert (dropout.factor, dropout.level, dropout.pairs) == ("dropout", "0.3", 2)
    assert (tuning.factor, tuning.level, tuning.pairs) == ("tuning", "lora", 2)
    pairs = [(right[f"0.3/{name}/0"], right[f"0.1/{name}/0"]) for name in ("full", "lora")]
    assert dropout.difference.value == pytest.approx(np.mean([this.mean() - other.mean() for this, other in pairs]))
    assert dropout.discordant == pytest.approx(np.mean([this != other for this, other in pairs]))


def test_a_pair_is_told_apart_where_statsmodels_says_so():
    rng = np.random.default_rng(0)
    runs = frame(("0.1", "full", "0"), ("0.3", "full", "0"))
    for lost in (4, 12, 40):
        other = rng.random(500) < 0.8
        this = other & ~(np.arange(500) < lost)
        (found,) = row_level(runs, FACTORS, {"0.3/full/0": this, "0.1/full/0": other})
        table = [[(this & other).sum(), (this & ~other).sum()], [(~this & other).sum(), (~this & ~other).sum()]]
        rival = statsmodels.stats.contingency_tables.mcnemar(table, exact=True).pvalue
        assert found.told_apart == (rival < 0.05)


def test_the_interval_over_rows_covers():
    """The rows are a sample: the interval misses the difference between two models in about 5% of 300 test sets."""
    rng, missed = np.random.default_rng(0), 0
    runs = frame(("0.1", "full", "0"), ("0.3", "full", "0"))
    for _ in range(300):
        kinds = rng.choice(4, 800, p=[0.1, 0.04, 0.07, 0.79])  # neither, only the level, only the baseline, both
        right = {"0.3/full/0": np.isin(kinds, (1, 3)), "0.1/full/0": np.isin(kinds, (2, 3))}
        (found,) = row_level(runs, FACTORS, right)
        missed += not found.difference.low <= -0.03 <= found.difference.high
    assert 4 <= missed <= 26


def test_runs_without_predictions_are_left_out():
    runs = frame(("0.1", "full", "0"), ("0.3", "full", "0"))
    assert row_level(runs, FACTORS, {"0.3/full/0": np.ones(5, bool)}) == []
    (same,) = row_level(runs, FACTORS, dict.fromkeys(runs["run"], np.ones(5, bool)))
    assert (same.discordant, same.detectable, same.told_apart) == (0.0, None, 0)
