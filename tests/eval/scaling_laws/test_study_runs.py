"""A study's folder as a table of runs: missing, unfinished, finished, of another kind."""

import csv
from pathlib import Path

import pytest
import yaml

from cli.errors import UserError
from eval.scaling_laws.study_runs import COLUMNS, read_study_runs
from eval.scaling_laws.table import read_table
from train.studies.study_file import read_study
from train.studies.table import figures_of

STUDY = Path(__file__).parents[3] / "train" / "configs" / "studies" / "scaling.yaml"


def figures(index: int) -> dict:
    training = {"parameters": 9 + index, "non_embedding_parameters": 8 * 2**index, "tokens": 100 * 3**index}
    metrics = {split: {"loss": {"value": 6 - index / 10}} for split in ("validation", "test")}
    return figures_of(
        metrics | {"training": training | {"flops": 1e12 * 6**index}}, seconds=1, training_seconds=1, steps=1
    )


def write(folder: Path, rows: int, failed: int = 0, columns: dict | None = None) -> Path:
    """A study of 2 x 3 runs of which some are there."""
    factors = {"network": {"a": {}, "b": {}}, "max_steps": {"1": {}, "2": {}, "3": {}}}
    (folder / "study.yaml").write_text(yaml.safe_dump({"seeds": [0], "factors": factors}))
    lines = [{"status": "complete", **(columns or figures(index))} for index in range(rows)]
    lines += [{"status": "failed"}] * failed
    with open(folder / "runs.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return folder


def test_a_study_that_was_not_run(tmp_path):
    runs = read_study_runs(tmp_path / "scaling")
    assert (runs.table, runs.finished) == (None, False)
    assert "is not there" in str(runs)


def test_an_unfinished_study_says_so_and_gives_what_it_has(tmp_path):
    runs = read_study_runs(write(tmp_path, 5, failed=1))
    assert (runs.complete, runs.planned, len(runs.table), runs.finished) == (5, 6, 5, False)
    assert "1 of 6 runs are missing" in str(runs)
    assert read_study_runs(write(tmp_path, 3)).table is None


def test_a_finished_one_reads_as_the_command_reads_it(tmp_path):
    runs = read_study_runs(write(tmp_path, 6))
    assert runs.finished and "All 6 runs are there: 6 sizes" in str(runs)
    table = read_table(tmp_path / "runs.csv")
    for kind in COLUMNS:
        assert getattr(table, kind).tolist() == getattr(runs.table, kind).tolist()
    assert table.parameters[0] == 8


def test_a_study_of_classifiers_is_refused(tmp_path):
    with pytest.raises(UserError, match="no column validation.loss"):
        read_study_runs(write(tmp_path, 6, columns={"validation.accuracy": 0.9}))


def test_the_shipped_study_moves_parameters_and_tokens_apart():
    study = read_study(STUDY, [])
    widths = [flags["model_config"]["width"] for flags in study.factors["network"].values()]
    rates = [float(flags["learning_rate"]) for flags in study.factors["network"].values()]
    assert len(widths) >= 6 and len(study.factors["max_steps"]) >= 4
    assert study.planned == len(widths) * len(study.factors["max_steps"])
    # About 12 width^2 parameters a block.
    assert 48 * min(widths) ** 2 < 2e4 and 48 * max(widths) ** 2 > 1.9e6
    assert [rate * width for rate, width in zip(rates, widths, strict=True)] == pytest.approx([0.78] * 6, rel=0.01)
