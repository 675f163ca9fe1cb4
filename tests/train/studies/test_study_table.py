import csv

import numpy as np
import pytest
import yaml

from eval.run_directory import RunDirectory, write_test_predictions
from eval.study_report import read_runs
from train.studies.plan import Cell
from train.studies.storage import Row
from train.studies.study_file import read_study
from train.studies.table import figures_of, right_answers, write_table

CELL = Cell("dropout=0", 3, {"dropout": "0", "tuning, all": 'a "full" one'}, {})


@pytest.fixture
def study(tmp_path):
    def read(**more):
        path = tmp_path / "some.yaml"
        factors = {"dropout": [0.1, 0.0], "tuning, all": {'a "full" one': {}, "lora": {"tuning": "lora"}}}
        path.write_text(yaml.safe_dump({"metric": "test.accuracy", "factors": factors} | more))
        return read_study(path, [])

    return read


def lines(folder):
    with open(folder / "runs.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_figures_are_each_value_of_both_splits_of_reliability_and_of_the_training():
    values = {"test": 2.0, "validation": 3.0}
    metrics = {split: {"loss": {"value": value, "low": 0, "high": 9, "n": 5}} for split, value in values.items()}
    risks = {"url_changes": {"value": 0.5, "low": 0, "high": 1, "n": 9}, "answered_error": {"value": None}}
    more = {"training": {"tokens": 7}, "reliability": risks}
    found = figures_of(metrics | more, seconds=1.234, training_seconds=1.0, steps=4)
    figures = {"validation.loss": 3.0, "test.loss": 2.0, "training.tokens": 7}
    figures |= {"reliability.url_changes": 0.5, "reliability.answered_error": None}
    assert found == {"seconds": 1.23, "training_seconds": 1.0, "steps": 4} | figures


def test_a_row_a_finished_run_with_every_figure_that_any_has(study, tmp_path):
    rows = [
        Row(CELL, "complete", {"seconds": 2.5, "steps": 3, "test.accuracy": 0.75}),
        Row(Cell("baseline", 0, {"dropout": "0.1", "tuning, all": "lora"}, {}), "failed", {}, 'no "memory",\nsorry'),
        Row(CELL, "running", {}),
        Row(CELL, "waiting", {}),
    ]
    write_table(tmp_path, study(), rows)
    first, second = lines(tmp_path)
    assert first == {
        "cell": "dropout=0",
        "dropout": "0",
        "tuning, all": 'a "full" one',
        "seed": "3",
        "status": "complete",
        "reason": "",
        "run": "runs/dropout=0-seed3",
        "seconds": "2.5",
        "steps": "3",
        "test.accuracy": "0.75",
    }
    assert (second["status"], second["reason"], second["test.accuracy"]) == ("failed", 'no "memory",\nsorry', "")


def test_the_analysis_reads_levels_back_as_they_were_written(study, tmp_path):
    levels = {"dropout": "none", "tuning, all": "1e-4"}
    write_table(tmp_path, study(), [Row(Cell("x", 0, levels, {}), "complete", {"test.accuracy": 0.1 + 0.2})])
    table = read_runs(tmp_path / "runs.csv", list(levels), "test.accuracy")
    assert dict(table.loc[0, list(levels)]) == levels and table.loc[0, "test.accuracy"] == 0.1 + 0.2


def test_a_search_says_which_sampler_drew_what(study, tmp_path):
    ranges = {"learning_rate": {"low": 1e-5, "high": 1e-3}, "dropout": [0.1, 0.0]}
    searched = study(design="search", factors=ranges)
    cell = Cell("tpe-00", 0, {"learning_rate": "0.0001", "dropout": "0"}, {}, "tpe")
    write_table(tmp_path, searched, [Row(cell, "pruned", {"seconds": 1.0})])
    (line,) = lines(tmp_path)
    assert (line["sampler"], line["learning_rate"], line["dropout"], line["status"]) == ("tpe", "0.0001", "0", "pruned")


def test_right_answers_are_those_of_complete_runs_on_the_same_rows(tmp_path):
    def run(seed, probabilities, status="complete"):
        cell = Cell("baseline", seed, {}, {})
        folder = RunDirectory(tmp_path / "runs" / cell.key)
        folder.path.mkdir(parents=True)
        labels = np.array([0, 1, 1][: len(probabilities)])
        write_test_predictions(folder.test_predictions, ["NEGATIVE", "POSITIVE"], labels, np.array(probabilities))
        return Row(cell, status, {})

    rows = [run(0, [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]]), run(1, [[0.1, 0.9]] * 3), run(2, [[0.5, 0.5]] * 3, "failed")]
    rows.append(Row(Cell("lost", 0, {}, {}), "complete", {}))
    found = right_answers(tmp_path, rows)
    assert {run: right.tolist() for run, right in found.items()} == {
        "runs/baseline-seed0": [True, False, True],
        "runs/baseline-seed1": [False, True, True],
    }
    assert right_answers(tmp_path, [*rows, run(3, [[0.9, 0.1]])]) is None
    assert right_answers(tmp_path, []) is None
