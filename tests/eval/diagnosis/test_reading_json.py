"""Logs in JSON: what the Trainer writes and has written, and what other programs make of it."""

import itertools
import json
import math

import numpy as np
import pytest

from cli.errors import UserError
from eval.diagnosis.reading import read_history


@pytest.fixture
def read(tmp_path):
    """Write a trainer_state.json of these rows, or any other JSON, and read it."""

    def write_and_read(content, name="trainer_state.json", **state):
        path = tmp_path / name
        content = {"log_history": content, **state} if name == "trainer_state.json" else content
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_history(path)

    return write_and_read


def points(curve):
    return list(zip(curve.step.tolist(), curve.value.tolist(), strict=True))


def test_trainer_state(read):
    history = read(
        [
            {"epoch": 0.5, "loss": 0.7, "learning_rate": 4e-5, "grad_norm": 1.5, "step": 50},
            {"epoch": 1.0, "loss": 0.5, "learning_rate": 2e-5, "grad_norm": 2.5, "step": 100},
            {"epoch": 1.0, "eval_loss": 0.6, "eval_accuracy": 0.8, "eval_runtime": 3.0, "step": 100},
            {"epoch": 1.5, "loss": 0.4, "learning_rate": 0.0, "grad_norm": 2.0, "step": 150},
            {"epoch": 1.5, "train_loss": 0.55, "train_runtime": 70.0, "total_flos": 1e15, "step": 150},
        ],
        max_steps=150,
        num_train_epochs=2,
        train_batch_size=8,
        best_metric=0.6,
    )
    assert points(history.train) == [(50, 0.7), (100, 0.5), (150, 0.4)]
    assert points(history.validation) == [(100, 0.6)]
    assert points(history.learning_rate) == [(50, 4e-5), (100, 2e-5), (150, 0.0)]
    assert points(history.grad_norm) == [(50, 1.5), (100, 2.5), (150, 2.0)]
    assert set(history.metrics) == {"accuracy"} and not history.train_metrics
    assert (history.steps_per_epoch, history.max_step, history.restarts) == (100, 150, ())
    assert history.settings == {"num_train_epochs": 2, "max_steps": 150, "per_device_train_batch_size": 8}
    assert history.notes == ("the validation loss is a single point",)


def test_old_keys_and_numbers_as_strings(read):
    history = read(
        [
            {"step": "10", "train_loss": "0.9", "lr": "1e-4", "epoch": "1.0"},
            {"step": "20", "train_loss": "NaN", "lr": "1e-4", "epoch": "2.0"},
        ]
    )
    np.testing.assert_equal(history.train.value, [0.9, math.nan])
    assert history.learning_rate.value.tolist() == [1e-4, 1e-4]
    assert "the training loss is NaN or infinite at 1 of 2 points" in history.notes


@pytest.mark.parametrize("spelled", ["NaN", "null", "Infinity", "-Infinity", '"nan"', '"inf"', "1e999"])
def test_a_loss_that_is_no_number_is_kept(read, spelled):
    rows = '[{"step": 1, "loss": 0.5}, {"step": 2, "loss": LOSS, "learning_rate": 0.1}]'.replace("LOSS", spelled)
    history = read(f'{{"log_history": {rows}}}', name="log.json")
    assert history.train.step.tolist() == [1, 2]
    assert not np.isfinite(history.train.value[1])


def test_null_in_rows_that_all_have_the_same_keys_is_nothing(read):
    rows = [
        {"step": 10, "loss": 0.5, "eval_loss": None, "accuracy": None},
        {"step": 10, "loss": None, "eval_loss": 0.6, "accuracy": None},
        {"step": 20, "loss": None, "eval_loss": None, "accuracy": 0.7},
    ]
    history = read(rows, name="rows.json")
    assert points(history.train) == [(10, 0.5)] and points(history.validation) == [(10, 0.6)]


def test_only_train_only_evaluations_and_nothing(read):
    train = read([{"step": step, "loss": 1 / step} for step in range(1, 6)])
    assert (len(train.train), len(train.validation)) == (5, 0)
    evaluations = read([{"step": step, "eval_loss": 0.5, "eval_wer": 30.5} for step in (10, 20)])
    assert (len(evaluations.train), len(evaluations.validation)) == (0, 2)
    assert evaluations.metrics["wer"].value.tolist() == [30.5, 30.5]
    assert "no training loss is logged" in evaluations.notes
    assert read([]).notes == ("nothing was logged of training or evaluation",)


def test_a_restart_undoes_what_lies_past_it(read):
    first = [{"step": step, "loss": 1.0} for step in range(10, 100, 10)] + [{"step": 90, "eval_loss": 9.0}]
    again = [{"step": step, "loss": 2.0} for step in range(60, 90, 10)] + [{"step": 80, "eval_loss": 8.0}]
    history = read(first + again)
    assert points(history.train) == [(step, 1.0 if step < 60 else 2.0) for step in range(10, 90, 10)]
    assert points(history.validation) == [(80, 8.0)]
    assert history.restarts == (60,)
    assert any("at 60" in note for note in history.notes)


def test_a_restart_within_a_restart_and_a_repeated_step(read):
    history = read([{"step": step, "loss": number} for number, step in enumerate([1, 2, 3, 4, 3, 4, 5, 2, 3, 4, 4, 5])])
    assert points(history.train) == [(1, 0), (2, 7), (3, 8), (4, 10), (5, 11)]
    assert history.restarts == (2, 4)


def test_evaluations_after_the_end_are_not_of_the_course(read):
    history = read(
        [
            {"step": 10, "loss": 0.5},
            {"step": 10, "eval_loss": 0.4},
            {"step": 20, "loss": 0.3},
            {"step": 20, "eval_loss": 0.9},
            {"step": 20, "train_runtime": 3.0, "train_loss": 0.4},
            {"step": 20, "eval_loss": 0.4},
        ]
    )
    assert points(history.validation) == [(10, 0.4), (20, 0.9)]
    assert history.restarts == () and "evaluations said again at the same step are left out" in history.notes


def test_steps_that_go_on_while_the_epoch_falls_back(read):
    rows = [{"step": 10 * n, "epoch": n / 10, "loss": 2.0} for n in range(1, 7)]
    rows += [{"step": 60 + 10 * n, "epoch": n / 20, "loss": 2.5} for n in range(1, 15)]
    history = read(rows)
    assert len(history.train) == 20 and history.restarts == (70,)


def test_several_data_sets_and_several_metrics(read):
    rows = []
    for step in (10, 20):
        rows += [{"step": step, "loss": 1.0}]
        rows += [
            {"step": step, f"eval_{name}_loss": value, f"eval_{name}_f1": 0.5} for name, value in (("a", 1), ("b", 2))
        ]
    history = read(rows)
    assert history.validation.value.tolist() == [1, 1]
    assert set(history.metrics) == {"b_loss", "a_f1", "b_f1"}
    assert any("the first is taken" in note for note in history.notes)


def test_preference_training(read):
    history = read(
        [
            {
                "step": 1,
                "loss": 0.69,
                "rewards/accuracies": 0.5,
                "rewards/chosen": 0.1,
                "grad_norm": 3.0,
                "epoch": 0.02,
            },
            {
                "step": 2,
                "loss": 0.0,
                "rewards/accuracies": 0.0,
                "rewards/chosen": "NaN",
                "grad_norm": math.nan,
                "epoch": 0.04,
            },
        ]
    )
    assert history.train_metrics["rewards_accuracies"].value.tolist() == [0.5, 0.0]
    assert np.isnan(history.grad_norm.value[1])
    assert any("gradient norm is NaN" in note for note in history.notes)


def test_negative_fractional_and_huge_steps(read):
    steps = [-1, 0.5, 2**31 + 1, 2**40]
    history = read([{"step": step, "loss": 1.0} for step in steps])
    assert history.train.step.tolist() == steps
    assert "some steps are negative" in history.notes


def test_checkpoint_folder_and_its_parent(tmp_path):
    for step in (500, 1000):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        rows = [{"step": at, "loss": 1.0} for at in range(100, step + 1, 100)]
        (folder / "trainer_state.json").write_text(json.dumps({"log_history": rows, "max_steps": 2000}))
    assert read_history(tmp_path / "checkpoint-500").last_step == 500
    assert read_history(tmp_path).last_step == 1000
    config = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}}
    (tmp_path / "checkpoint-1000" / "config.json").write_text(json.dumps(config))
    assert read_history(tmp_path).classes == 3


def test_other_shapes_of_json(read):
    rows = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]
    bare = read(rows, name="log.json")
    lines = read("\n".join(map(json.dumps, rows)) + '\n{"step": 3, "lo', name="log.jsonl")
    keras = {"loss": [2.0, 1.0], "val_loss": [2.5, 1.5], "val_accuracy": [50.0, 75.0], "seed": [7]}
    arrays = read({"history": keras, "name": "x"}, name="history.json")
    numbered = read({"loss": {"0": 2.0, "1": 1.0}}, name="pandas.json")
    for history in (bare, lines, arrays, numbered):
        assert points(history.train) == [(1, 2.0), (2, 1.0)]
    assert arrays.steps_per_epoch == 1
    assert arrays.metrics["accuracy"].value.tolist() == [0.5, 0.75]
    assert len(read(rows[:1], name="one.json").train) == 1
    assert len(read(rows[0], name="row.json").train) == 1


def test_a_large_log_is_read_alike_in_both_ways(read, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [
        {"epoch": step / 100, "loss": value, "step": step} | ({"eval_loss": value} if step % 10 == 0 else {})
        for step, value in enumerate(rng.normal(size=300).tolist(), start=1)
    ]
    rows[7]["loss"], rows[8]["loss"] = math.nan, math.inf
    strings = [{name: str(value) for name, value in row.items()} for row in rows]
    nulls = [{name: None if value != value else value for name, value in row.items()} for row in rows]
    kinds = [{"kind": "train", **row} for row in rows]
    names = ("trainer_state.json", "list.json", "lines.jsonl")
    for name, written in itertools.product(names, (rows, strings, nulls, kinds)):
        content = "\n".join(map(json.dumps, written)) if name == "lines.jsonl" else written
        monkeypatch.setattr("eval.diagnosis.reading.json_log.LARGE", 1 << 60)
        plain = read(content, name=name)
        monkeypatch.setattr("eval.diagnosis.reading.json_log.LARGE", 0)
        monkeypatch.setattr("eval.diagnosis.reading.json_log.table_of_rows", None)
        quick = read(content, name=name)
        monkeypatch.undo()
        for curve in ("train", "validation"):
            np.testing.assert_array_equal(getattr(quick, curve).step, getattr(plain, curve).step)
            np.testing.assert_array_equal(getattr(quick, curve).value, getattr(plain, curve).value)
        assert quick.notes == plain.notes and quick.steps_per_epoch == plain.steps_per_epoch


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ('{"log_history": [{"step": 1, "loss": 0.', "is cut off"),
        ('{"hidden_size": 384, "id2label": {"0": "a"}}', "is no training log"),
        ("[1, 2, 3]", "no list of rows"),
        ('{"accuracy": {"value": 0.5, "low": 0.4}}', "is no training log"),
        ("[[", "is cut off"),
        (
            '{"step": 1, "loss": 2}\nnonsense\n{"step": 2, "loss": 1}\n',
            "line 2 is not valid JSON: mend or delete that line",
        ),
        ('{"step": 1, "loss": 2}\n\n[3]\n{"step": 2, "loss": 1}\n', "line 3 is not valid JSON"),
        ("[" * 100_000, "is no training log"),
        ('{"log_history": 3}', "no list of rows"),
        ('[{"name": "x", "text": "y"}]', "is no training log"),
        (b'{"loss": "\xff\xfe"}', "is cut off or not valid JSON"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
    ],
)
def test_what_is_no_log_is_said_in_one_line(tmp_path, content, says):
    path = tmp_path / "log.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=says) as caught:
        read_history(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_missing_files_and_folders_without_a_log(tmp_path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_history(tmp_path / "none.json")
    with pytest.raises(UserError, match="holds no journal.jsonl and no trainer_state.json"):
        read_history(tmp_path)
