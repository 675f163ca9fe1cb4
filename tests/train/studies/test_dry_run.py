"""What a study is said to cost, against what the Trainer and real runs make of it."""

import csv
from itertools import product
from types import SimpleNamespace

import pytest
import yaml
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, SequentialSampler
from transformers import Trainer

from cli.errors import UsageError
from eval.power import detectable_effect, power
from eval.run_directory import RunDirectory, read_journal, write_json
from train.config import resolve
from train.run import main
from train.studies.checking import check_cells
from train.studies.dry_run import cost_of, dry_run, shortened
from train.studies.study_file import read_study

TINY = {
    "model": "transformer",
    "model_config": {"depth": 1, "width": 8, "heads": 1, "vocab_size": 260},
    **{"per_device_train_batch_size": 10, "num_train_epochs": 1.5, "report_to": "none", "precision": "fp32"},
    **{"eval_strategy": "no", "save_strategy": "no", "load_best_model_at_end": False, "grad_norm_steps": 0},
    **{"max_eval_samples": 5, "cpu_threads": 1},
}


@pytest.fixture
def study(tmp_path, tiny_corpus):
    def read(factors, *flags, **more):
        content = {"metric": "test.accuracy", "settings": TINY | {"data_dir": str(tiny_corpus)}, "factors": factors}
        path = tmp_path / "some.yaml"
        path.write_text(yaml.safe_dump(content | more, sort_keys=False))
        return read_study(path, list(flags))

    return read


def listed(text):
    """{cell: (steps, rows a step, rows)} of the table."""
    table = text.split("\n\n")[0].split("\n")
    columns = table[0].replace("rows/step", "step_rows").split()
    found = [dict(zip(columns, line.split(), strict=False)) for line in table[2:]]
    return {
        one["cell"]: tuple(int(one[key].replace(",", "")) for key in ("steps", "step_rows", "rows")) for one in found
    }


@pytest.mark.parametrize("drop_last", [False, True])
def test_steps_are_those_that_the_trainer_counts_on_any_number_of_processes(drop_last):
    """Against accelerate's own sharding of batches and the Trainer's own arithmetic."""
    for rows, batch, processes, accumulation, epochs in product((7, 24, 25), (1, 3), (1, 2, 3), (1, 2, 5), (1, 2.5)):
        if drop_last and rows < batch * processes:
            continue
        shards = [
            BatchSamplerShard(BatchSampler(SequentialSampler(range(rows)), batch, drop_last), processes, index)
            for index in range(processes)
        ]
        arguments = SimpleNamespace(gradient_accumulation_steps=accumulation, max_steps=-1, num_train_epochs=epochs)
        trainer = SimpleNamespace(
            get_total_train_batch_size=lambda args, size=batch * processes: size * args.gradient_accumulation_steps,
            get_sp_size=lambda: 1,
            num_examples=lambda loader, rows=rows: rows,
        )
        *_, max_steps = Trainer.set_initial_training_values(trainer, arguments, list(shards[0]))
        cost = cost_of(
            rows, batch=batch, processes=processes, accumulation=accumulation, epochs=epochs, drop_last=drop_last
        )
        assert cost.steps == max_steps
        if epochs == 1:
            # Every row once, but for those that drop_last leaves out.
            assert cost.rows == (rows // (batch * processes) * batch * processes if drop_last else rows)


def test_max_steps_wins_over_epochs_and_goes_round_again():
    assert cost_of(25, batch=10, epochs=9.0, max_steps=2) == cost_of(25, batch=10, epochs=2 / 3)
    assert cost_of(25, batch=10, max_steps=4).rows == 25 + 10
    assert cost_of(25, batch=10, max_steps=4, drop_last=True).rows == 40
    assert cost_of(5, batch=10).step_rows == 5
    assert cost_of(25, batch=10, max_steps=0).rows == 0


@pytest.mark.slow
def test_the_steps_of_a_real_run_are_those_that_are_said(study, tmp_path):
    """96 rows, 10 at a time, one and a half epochs."""
    factors = {"gradient_accumulation_steps": [1, 3], "dataloader_drop_last": [False, True]}
    found = study(factors, design="grid")
    said = listed(dry_run(found, tmp_path / "none"))
    assert said == {
        "baseline": (15, 10, 96 + 50),
        "dataloader_drop_last=true": (14, 10, 90 + 50),
        "gradient_accumulation_steps=3": (6, 30, 96 + 60),
        "gradient_accumulation_steps=3,dataloader_drop_last=true": (5, 30, 90 + 60),
    }
    assert set(listed(dry_run(study(factors, "--max_steps", "5"), tmp_path)).values()) == {
        *((5, 10, 50), (5, 30, 96 + 30))
    }
    cell = found.cells()[3]
    main(*resolve(cell.settings | {"output_dir": str(tmp_path / "run"), "seed": 0}, [], where="", name=""))
    ends = [line for line in read_journal(RunDirectory(tmp_path / "run").journal) if line.get("event") == "train_end"]
    assert [end["step"] for end in ends] == [said[cell.name][0]]


def test_a_language_models_rows_are_the_pieces_of_its_texts(study, tmp_path):
    """Against the number that a real run trains on."""
    settings = {"task": "causal_lm", "max_length": 8, "num_train_epochs": 1}
    found = study(
        {"weight_decay": [0.0, 0.1]}, *[f"--{key}={value}" for key, value in settings.items()], metric="test.loss"
    )
    steps, _, rows = listed(dry_run(found, tmp_path))["baseline"]
    (cell, *_) = found.cells()
    main(*resolve(cell.settings | {"output_dir": str(tmp_path / "run")}, found.flags, where="", name=""))
    begun, *_ = (
        line for line in read_journal(RunDirectory(tmp_path / "run").journal) if line.get("event") == "train_begin"
    )
    assert begun["max_steps"] == steps and rows > 2 * 96


def test_edited_copies_are_rows_too(study, tmp_path):
    plain, twice = (
        row for _, _, row in listed(dry_run(study({"augment": [0, 1.0]}, "--num_train_epochs", "1"), tmp_path)).values()
    )
    assert plain < twice <= 2 * plain


def test_batches_are_those_of_all_processes(study, tmp_path):
    assert listed(dry_run(study({"dropout": [0.1, 0.0]}, processes=4), tmp_path))["baseline"] == (5, 40, 96 + 80)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (
            {"dataloader_drop_last": [False, True], "per_device_train_batch_size": [10, 97]},
            "last=true.*leaves no batch",
        ),
        ({"num_train_epochs": [1, 1e308]}, "num_train_epochs=1e\\+308: --num_train_epochs is beyond all measure"),
    ],
)
def test_what_would_train_on_nothing_or_for_ever_is_refused(study, tmp_path, factors, message):
    with pytest.raises(UsageError, match=message):
        dry_run(study(factors, design="grid"), tmp_path)


def test_the_time_left_comes_from_the_runs_in_the_folder_and_says_so(study, tmp_path):
    found = study({"dropout": [0.1, 0.0], "tuning": ["full", "frozen"]}, seeds=2)
    assert f"No run is in {tmp_path} yet" in " ".join(dry_run(found, tmp_path).split())
    with open(tmp_path / "runs.csv", "w") as file:
        writer = csv.writer(file)
        writer.writerow(["cell", "seed", "status", "seconds"])
        writer.writerows([["baseline", 0, "complete", 100], ["dropout=0", 0, "complete", 40]])
        writer.writerows([["tuning=frozen", 0, "failed", ""], ["of another plan", 0, "complete", 9999]])
    text = " ".join(dry_run(found, tmp_path).split())
    # 100 + 40 of the known cells, their mean of 70 for the third
    assert (
        f"3 of 6 runs are in {tmp_path}; the others take about 4 min, one after the other: reckoned from the 2" in text
    )
    assert "about 2 min, 2 at a time" in " ".join(dry_run(found, tmp_path, workers=2).split())
    times = {line.split()[0]: line.split()[-2:] for line in dry_run(found, tmp_path).split("\n")[2:5]}
    assert times["baseline"] == ["2", "min"] and times["dropout=0"] == ["40", "s"] and times["tuning=frozen"][1] == "-"


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "cell,seed,status,seconds\nbaseline,x,complete,1\n", "\0", "cell,seed\nbaseline\n"]
)
def test_a_table_that_is_none_of_ours_is_nothing_to_reckon_with(study, tmp_path, content):
    (tmp_path / "runs.csv").write_text(content)
    assert "No run is in" in dry_run(study({"dropout": [0.1, 0.0]}), tmp_path)


def test_the_detectable_effect_is_that_of_the_power_analysis(study, tmp_path):
    found = study({"dropout": [0.1, 0.0, 0.3], "weight_decay": [0.0, 0.1]}, seeds=6, margin=0.02)
    ratio = detectable_effect(1.0, 6, level=0.05 / 3)
    assert power(ratio, 1.0, 6, level=0.05 / 3) == pytest.approx(0.8)
    text = " ".join(dry_run(found, tmp_path).split())
    assert f"6 seeds and 3 comparisons: {ratio:.1f} spreads, with 80% power" in text
    assert f"a difference of 2.0 points, the margin, is found if the spread is {2 / ratio:.1f} points or less" in text
    resolution = {"metric": "test.accuracy", "method": "paired t", "resolution": {"spread": 0.004}}
    write_json(tmp_path / "effects.json", resolution)
    text = " ".join(dry_run(found, tmp_path).split())
    assert f"show a spread of 0.40 points: with it, {0.4 * ratio:.2f} points is found" in text


def test_figures_of_reliability_are_in_points_and_guards_say_what_spread_they_bear(study, tmp_path):
    more = {
        "hypothesis": "It helps.",
        "metric": "reliability.confident_errors",
        "margin": 0.01,
        "guards": {"test.accuracy": 0.005, "reliability.imdb_accuracy": 0, "reliability.url_changes": 0.02},
        "seeds": 6,
    }
    risks = ("--measure", "overconfidence,out_of_domain,wording")
    text = " ".join(dry_run(study({"weight_decay": [0.0, 0.1]}, *risks, **more), tmp_path).split())
    ratio = detectable_effect(1.0, 6)
    assert "Hypothesis: It helps." in text
    assert f"a difference of 1.0 points, the margin, is found if the spread is {1 / ratio:.2f} points or less" in text
    held = f"with 80% power, if the spread is {0.5 / ratio:.2f} points or less"
    arm = "An arm that loses nothing is found to hold it"
    assert f"Guard: test accuracy may fall by 0.50 points at most. {arm}, {held}" in text
    assert "Guard: imdb accuracy may not fall. Only an arm that gains" in text
    assert "Guard: url changes may rise by 2.0 points at most." in text


def test_a_fraction_says_what_it_cannot_tell_apart_and_twins_are_named(study, tmp_path):
    factors = {"dropout": [0.1, 0.0], "weight_decay": [0.0, 0.1], "warmup_steps": [0, 1]}
    text = dry_run(study(factors, design="fractional", generators="a b ab", seeds=1), tmp_path)
    assert "Resolution 3: 4 of the 8 cells." in text and "dropout = " in text
    assert "One seed: two-level factorials are judged by Lenth's method" in text
    twins = study({"tuning": {"a": {}, "b": {"tuning": "full"}}})
    assert "The same run under two names: baseline and tuning=b." in dry_run(twins, tmp_path)


def test_a_search_says_how_many_runs_it_makes(study, tmp_path):
    ranges = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}, "per_device_train_batch_size": [10, 20]}
    found = study(ranges, design="search", trials=7, metric="validation.accuracy")
    text = dry_run(found, tmp_path)
    assert list(listed(text.replace("the low ends ", "low ").replace("the high ends ", "high "))) == [
        *("low", "high", "per_device_train_batch_size=20")
    ]
    assert found.planned == 29 and "29 runs: 7 trials a sampler (tpe, random)" in text
    assert "5 fresh seeds and 3 comparisons" in text


def test_it_fits_a_terminal_whatever_the_names_are(study, tmp_path):
    factors = {
        f"factor{'_long' * 5}_{n}": {"a": {}, "b" * 30: {flag: 0.1}}
        for n, flag in enumerate(("dropout", "weight_decay", "lora_dropout"))
    }
    text = dry_run(study(factors, design="factorial"), tmp_path)
    lines = text.split("\n")
    assert max(map(len, lines)) <= 100
    cells = [line.split()[0] for line in lines[2:10]]
    assert len(set(cells)) == 8 == len(check_cells(study(factors, design="factorial")))


def test_a_name_is_cut_in_its_middle():
    assert shortened("dropout=0", 9) == "dropout=0"
    assert shortened("abcdefghij", 7) == "abc…hij"
    assert [len(shortened("x" * 50, width)) for width in range(1, 60)] == [min(width, 50) for width in range(1, 60)]
