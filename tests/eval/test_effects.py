"""Studies as tables; whether the verdicts can be believed is in test_study_honesty.py."""

from dataclasses import asdict
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel
from statsmodels.stats.multitest import multipletests

from eval.effects import analyse
from eval.run_directory import read_json, write_json

FACTORS = {"dropout": ["0.1", "0", "0.3"], "tuning": ["full", "lora"]}
ONE_AT_A_TIME = [("0.1", "full"), ("0", "full"), ("0.3", "full"), ("0.1", "lora")]


def study(cells, seeds=5, *, value, factors=FACTORS, metric="test.accuracy", noise=0.004, seed=0):
    """runs.csv: value(*cell), what each seed adds to all its runs, and what chance adds to each."""
    rng = np.random.default_rng(seed)
    of_seed = rng.normal(0, 0.02, seeds)
    rows = [
        {
            **dict(zip(factors, cell, strict=True)),
            "cell": "-".join(cell),
            "seed": index,
            "status": "complete",
            metric: value(*cell) + of_seed[index] + rng.normal(0, noise),
            "run": f"{'-'.join(cell)}/{index}",
        }
        for cell in cells
        for index in range(seeds)
    ]
    return pd.DataFrame(rows)


def lora_hurts(dropout, tuning):
    return 0.85 - 0.04 * (tuning == "lora")


def test_an_effect_is_scipys_paired_t_test_and_holm_is_that_of_statsmodels():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    found = analyse(runs, FACTORS, "test.accuracy")
    of_cell = {cell: group["test.accuracy"].to_numpy() for cell, group in runs.groupby("cell")}
    pairs = [("0", "0-full"), ("0.3", "0.3-full"), ("lora", "0.1-lora")]
    rivals = [ttest_rel(of_cell[cell], of_cell["0.1-full"]) for _, cell in pairs]
    assert [effect.level for effect in found.effects] == [level for level, _ in pairs]
    assert [effect.p for effect in found.effects] == pytest.approx([rival.pvalue for rival in rivals])
    corrected = multipletests([rival.pvalue for rival in rivals], method="holm")[1]
    assert [effect.p_adjusted for effect in found.effects] == pytest.approx(corrected)
    for effect, rival in zip(found.effects, rivals, strict=True):
        interval = rival.confidence_interval()
        assert (effect.estimate.low, effect.estimate.high) == pytest.approx((interval.low, interval.high))


def test_pairing_by_seed_takes_out_what_a_seed_adds_to_all_its_runs():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    tuning = analyse(runs, FACTORS, "test.accuracy").effects[2]
    assert tuning.verdict == "hurts" and tuning.spread < 0.012
    shuffled = runs.assign(seed=[*range(5), *np.roll(range(5), 1), *np.roll(range(5), 2), *np.roll(range(5), 3)])
    assert analyse(shuffled, FACTORS, "test.accuracy").effects[2].spread > 2 * tuning.spread


def test_for_a_loss_less_helps():
    runs = study(ONE_AT_A_TIME, value=lora_hurts, metric="test.log_loss")
    found = analyse(runs, FACTORS, "test.log_loss")
    assert found.effects[2].verdict == "helps" and not found.higher_is_better
    assert found.margin == pytest.approx(0.05 * runs["test.log_loss"][:5].mean())


def test_failed_runs_are_left_out_and_counted():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    runs.loc[0, "status"] = "failed"  # of the baseline: its seed compares nothing
    runs.loc[6, "test.accuracy"] = np.nan  # of dropout 0
    runs.loc[12, "test.accuracy"] = np.inf  # of dropout 0.3
    found = analyse(runs, FACTORS, "test.accuracy")
    assert (found.runs, found.left_out) == (17, 3)
    assert [effect.estimate.n for effect in found.effects] == [3, 3, 4]
    assert found.effects[2].verdict == "hurts"


def test_a_level_that_always_fails_is_not_resolvable():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    runs.loc[runs["dropout"] == "0.3", "status"] = "failed"
    found = analyse(runs, FACTORS, "test.accuracy")
    gone = found.effects[1]
    assert (gone.verdict, gone.estimate.value, gone.estimate.n) == ("not_resolvable", None, 0)
    assert gone.seeds_needed is None
    assert found.resolution.comparisons == 2


@pytest.mark.parametrize("cells", [ONE_AT_A_TIME, list(product(*FACTORS.values()))])
def test_a_study_in_which_everything_failed_says_nothing(cells):
    runs = study(cells, value=lora_hurts).assign(status="failed")
    found = analyse(runs, FACTORS, "test.accuracy")
    assert found.runs == 0 and found.resolution.detectable is None
    assert {effect.verdict for effect in found.effects} == {"not_resolvable"}


def test_an_interaction_is_found_and_named_at_its_effects():
    def value(dropout, tuning):
        return 0.85 + 0.03 * (dropout == "0.3") * (1 if tuning == "lora" else -1)

    found = analyse(study(list(product(*FACTORS.values())), value=value), FACTORS, "test.accuracy")
    surest = found.interactions[0]
    assert (surest.factors, surest.levels) == (["dropout", "tuning"], ["0.3", "lora"])
    assert surest.estimate.low < 0.06 < surest.estimate.high and surest.p_adjusted < 0.01
    effects = {effect.level: effect for effect in found.effects}
    assert effects["0.3"].depends_on == ["tuning"] and effects["0"].depends_on == []
    assert effects["0.3"].verdict != "helps"
    (pair,) = found.pair_means
    assert np.array(pair.means)[2] == pytest.approx([0.82, 0.88], abs=0.03)


def test_without_replicates_a_two_level_factorial_goes_to_lenth():
    factors = {name: ["no", "yes"] for name in "abcd"}
    cells = list(product(*factors.values()))
    runs = study(cells, 1, value=lambda a, *rest: 0.8 + 0.05 * (a == "yes"), factors=factors)
    found = analyse(runs, factors, "test.accuracy")
    assert found.method == "lenth" and found.half_normal.lenth.m == 15 and found.anova == []
    assert [effect.verdict for effect in found.effects][0] == "helps"
    assert [effect.verdict for effect in found.effects][1:] == ["no_effect_larger_than"] * 3
    values = runs["test.accuracy"].to_numpy().reshape(2, 2, 2, 2)
    a_b = next(row for row in found.interactions if row.factors == ["a", "b"])
    assert a_b.estimate.value == pytest.approx(np.mean(values[1, 1] - values[1, 0] - values[0, 1] + values[0, 0]))
    assert found.resolution.detectable > found.half_normal.lenth.simultaneous_margin


def test_one_run_a_cell_resolves_nothing_elsewhere():
    found = analyse(study(ONE_AT_A_TIME, 1, value=lora_hurts), FACTORS, "test.accuracy")
    assert found.method == "none" and found.resolution.detectable is None
    assert [effect.verdict for effect in found.effects] == ["not_resolvable"] * 3
    assert [effect.estimate.low for effect in found.effects] == [None] * 3


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_search_is_not_judged_by_factor(seeds):
    rates = [f"{10**-power:.2g}" for power in np.linspace(3, 5, 12)]
    factors = {"learning_rate": rates, "weight_decay": [str(index) for index in range(12)]}
    cells = list(zip(*factors.values(), strict=True))
    runs = study(cells, seeds, value=lambda *cell: 0.8, factors=factors)
    found = analyse(runs, factors, "test.accuracy")
    assert (found.method, found.effects, found.interactions, found.anova) == ("none", [], [], [])


def test_the_order_of_rows_and_the_type_of_levels_do_not_matter():
    runs = study(ONE_AT_A_TIME, 12, value=lora_hurts)
    factors = {"dropout": [0.1, 0, 0.3], "tuning": FACTORS["tuning"]}
    typed = runs.assign(
        dropout=pd.Series([{"0.1": 0.1, "0": 0, "0.3": 0.3}[level] for level in runs["dropout"]], dtype=object)
    )
    shuffled = analyse(typed.sample(frac=1, random_state=0), factors, "test.accuracy")
    assert shuffled == analyse(runs, FACTORS, "test.accuracy")
    assert shuffled.seeds == [str(seed) for seed in range(12)]


def test_rows_are_compared_where_predictions_were_kept():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    runs.loc[0, "status"] = "failed"
    right = {run: np.random.default_rng(index).random(300) < 0.8 for index, run in enumerate(runs["run"])}
    found = analyse(runs, FACTORS, "test.accuracy", correct=right)
    assert [(row.level, row.pairs) for row in found.rows] == [("0", 4), ("0.3", 4), ("lora", 4)]


def test_what_is_wrong_with_a_table_is_said():
    runs = study(ONE_AT_A_TIME, value=lora_hurts)
    with pytest.raises(ValueError, match="dropout has no level '0.3'"):
        analyse(runs, {"dropout": ["0.1", "0"], "tuning": ["full", "lora"]}, "test.accuracy")
    with pytest.raises(ValueError, match="two runs"):
        analyse(pd.concat([runs, runs[:1]]), FACTORS, "test.accuracy")


def test_it_is_written_as_json(tmp_path):
    found = analyse(study(list(product(*FACTORS.values())), value=lora_hurts), FACTORS, "test.accuracy")
    write_json(tmp_path / "effects.json", asdict(found))
    read = read_json(tmp_path / "effects.json")
    assert read["effects"][0]["estimate"]["value"] == found.effects[0].estimate.value
    assert read["factors"][0] == {"name": "dropout", "levels": ["0.1", "0", "0.3"]}
