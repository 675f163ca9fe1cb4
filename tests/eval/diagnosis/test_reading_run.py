"""A run directory as a log: finished, killed, resumed, and without its journal."""

import json
import math
import warnings

import numpy as np
import pytest

from eval.diagnosis.reading import read_history
from eval.run_directory import Journal


@pytest.fixture
def run(tmp_path):
    """A run of three steps that was killed, its gradients recorded twice."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("event", 0, 0, event="train_begin", world_size=1, max_steps=8)
    for step in (1, 3):
        layers = {"embeddings": {"norm": 0.5, "mean_abs": 1e-3}, "head": {"norm": float(step), "dead_fraction": 0.5}}
        journal.write("grad_norms", step, step / 4, clipped=step == 3, total=2.0, layers=layers)
    for step, loss in ((1, 0.7), (2, math.nan), (3, math.inf)):
        journal.write("train", step, step / 4, loss=loss, grad_norm=1.5, learning_rate=1e-4)
    journal.write("eval", 3, 0.75, loss=0.6, accuracy=0.8, log_loss=0.6)
    journal.close()
    (tmp_path / "config.yaml").write_text("learning_rate: 0.0001\nnum_train_epochs: 2.0\nbf16: null\n")
    return tmp_path


def test_a_killed_run(run):
    with open(run / "journal.jsonl", "a") as file:
        file.write('{"kind": "train", "st')
    history = read_history(run)
    assert history.train.step.tolist() == [1, 2, 3]
    np.testing.assert_equal(history.train.value, [0.7, math.nan, math.inf])
    assert history.validation.value.tolist() == [0.6] and set(history.metrics) == {"accuracy", "log_loss"}
    assert (history.max_step, history.steps_per_epoch, history.restarts) == (8, 4, ())
    assert history.settings == {"learning_rate": 0.0001, "num_train_epochs": 2.0}
    assert "the run was not finished" in history.notes
    gradients = history.gradients
    assert gradients.layers == ["embeddings", "head"] and gradients.step.tolist() == [1, 3]
    assert gradients.norm.tolist() == [[0.5, 1], [0.5, 3]] and not gradients.clipped.any()
    np.testing.assert_equal(gradients.figures["dead_fraction"], [[math.nan, 0.5], [math.nan, 0.5]])
    same = read_history(run / "journal.jsonl")
    np.testing.assert_equal(same.train.value, history.train.value)


def test_a_finished_run_and_its_classes(run):
    (run / "metrics.json").write_text("{}")
    (run / "config.json").write_text(json.dumps({"architectures": ["BertForSequenceClassification"]}))
    history = read_history(run)
    assert history.classes == 2 and not any("finished" in note for note in history.notes)
    model = {"architectures": ["GPT2LMHeadModel"], "vocab_size": 512}
    (run / "config.json").write_text(json.dumps(model))
    assert read_history(run).classes == 512


def test_a_resumed_run(run):
    journal = Journal(run / "journal.jsonl")
    journal.write("event", 3, 0.75, event="resume", world_size=1, max_steps=8)
    journal.write("train", 4, 1.0, loss=0.5)
    journal.close()
    history = read_history(run)
    assert history.restarts == (3,) and history.train.step.tolist() == [1, 2, 3, 4]


def test_broken_lines_are_counted_and_not_warned_of(run):
    path = run / "journal.jsonl"
    for note in ("a broken line of the journal is left out", "2 broken lines of the journal are left out"):
        path.write_text('{"kind": "what"}\n' + path.read_text())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert note in read_history(run).notes


def test_the_trainers_state_where_there_is_no_journal(run):
    (run / "journal.jsonl").unlink()
    (run / "trainer_state.json").write_text(json.dumps({"log_history": [{"step": 5, "loss": 0.5}], "max_steps": 20}))
    history = read_history(run)
    assert history.last_step == 5 and history.max_step == 20
    assert history.settings["learning_rate"] == 0.0001


def test_a_journal_in_which_nothing_is_logged_yet(run):
    (run / "journal.jsonl").write_text("")
    assert "nothing was logged of training or evaluation" in read_history(run).notes


def same(one, other) -> None:
    """See that two histories say the same."""
    for name in ("train", "validation", "learning_rate", "grad_norm"):
        np.testing.assert_equal(getattr(one, name).step, getattr(other, name).step)
        np.testing.assert_equal(getattr(one, name).value, getattr(other, name).value)
    assert one.metrics.keys() == other.metrics.keys()
    for name in one.metrics:
        np.testing.assert_equal(one.metrics[name].value, other.metrics[name].value)
    for name in ("restarts", "steps_per_epoch", "max_step", "settings", "notes"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.gradients is None) == (other.gradients is None)
    if one.gradients:
        assert one.gradients.layers == other.gradients.layers
        np.testing.assert_equal(one.gradients.step, other.gradients.step)
        assert one.gradients.figures.keys() == other.gradients.figures.keys()
        for name, figure in one.gradients.figures.items():
            np.testing.assert_equal(figure, other.gradients.figures[name])


def write_more(run, change: str) -> None:
    journal = Journal(run / "journal.jsonl")
    journal.write("event", 3, 0.75, event="resume", world_size=1, max_steps=8)
    for step in (4, 5, 6, 6):
        norms = {"embeddings": {"norm": math.inf}, "block.0": {"norm": math.nan, "mean_abs": 0.0}}
        journal.write("grad_norms", step, None, clipped=False, total=0, layers=norms)
        fields = {"grad_norm": step} if step > 4 and change != "no totals" else {}
        journal.write("train", step, step / 4, loss=1 if step < 6 else math.nan, **fields)
    journal.write("eval", 6, 1.5, loss=math.inf, accuracy=0, extra_f1=0.5)
    if change == "stopped":
        journal.write("event", 7, 1.5, event="non_finite", quantity="gradient", layer="head", value=math.nan)
    journal.close()
    path = run / "journal.jsonl"
    if change == "no totals":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        lines = [{key: cell for key, cell in line.items() if key != "grad_norm"} for line in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open(path, "a") as file:
        file.write(
            {"unfinished": '{"kind": "tr', "whole": '{"kind": "train", "step": 7, "epoch": 2, "loss": 3}'}.get(
                change, ""
            )
        )


@pytest.mark.parametrize("change", ["", "stopped", "no totals", "unfinished"])
def test_a_large_journal_is_read_alike_in_both_ways(run, monkeypatch, change):
    write_more(run, change)
    one_by_one = read_history(run)
    monkeypatch.setattr("eval.diagnosis.reading.journal.LARGE", 0)
    monkeypatch.setattr("eval.diagnosis.reading.run.read_journal", None)
    same(read_history(run), one_by_one)


ODD = [
    '{"kind": "what", "step": 1}',
    '{"kind": "train", "step": 1.5, "epoch": 1, "loss": 1}',
    '{"kind": "train", "step": 9, "epoch": 1}',
    '{"kind": "train", "step": 9, "epoch": 1, "loss": "low"}',
    '{"kind": "eval", "step": 9, "epoch": 1, "loss": 1, "matrix": [1, 2]}',
    '{"kind": "event", "step": 1, "epoch": null}',
    '{"kind": "grad_norms", "step": 9, "epoch": 1, "clipped": false, "total": 1, "layers": {"head": {"norm": "x"}}}',
    '{"kind": "grad_norms", "step": 9, "epoch": 1, "clipped": false, "total": 1}',
    '{"kind": "grad_norms", "step": 9, "epoch": 1, "clipped": false, "total": 1, "layers": {"head": 3}}',
    '{"step": 9, "epoch": 3, "loss": 1, "kind": "train"}',
    '{"kind": "train", "step": 9,',
    "nonsense",
]


@pytest.mark.parametrize("line", ODD)
def test_a_large_journal_with_an_odd_line_is_read_line_by_line(run, monkeypatch, line):
    write_more(run, "whole" if line == "nonsense" else "")
    with open(run / "journal.jsonl", "a") as file:
        file.write(f"\n{line}\n")
    one_by_one = read_history(run)
    monkeypatch.setattr("eval.diagnosis.reading.journal.LARGE", 0)
    same(read_history(run), one_by_one)
