import errno
import json
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import AutoModelForSequenceClassification, TrainerCallback, pipeline

from cli.errors import UserError
from data.corpora import load_corpus
from eval.predictor import Predictor
from eval.run_directory import RunDirectory, read_journal, read_metrics, read_test_predictions
from train.config import parse
from train.run import cli, main


@pytest.fixture(scope="module")
def flags(tiny_bert, tiny_corpus):
    return [
        *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--learning_rate", "1e-2"),
        *("--num_train_epochs", "5", "--per_device_train_batch_size", "8", "--logging_steps", "4"),
        *("--grad_norm_steps", "4", "--dropout", "0", "--precision", "fp32", "--cpu_threads", "1"),
    ]


@pytest.fixture(scope="module")
def finished(flags, tmp_path_factory):
    """A run that was left to end, and what it returned."""
    run = RunDirectory(tmp_path_factory.mktemp("finished") / "run")
    return run, main(*parse([*flags, "--output_dir", str(run.path)]))


@pytest.fixture
def train(flags, tmp_path):
    def train(*more: str) -> RunDirectory:
        main(*parse([*flags, *more, "--output_dir", str(tmp_path / "run")]))
        return RunDirectory(tmp_path / "run")

    return train


def test_the_model_learns_and_a_pipeline_loads_it(finished):
    run, metrics = finished
    assert metrics["test"]["accuracy"]["value"] > 0.9
    answers = pipeline("text-classification", model=str(run.path))(["the film is great", "the plot was dull"])
    assert [answer["label"] for answer in answers] == ["POSITIVE", "NEGATIVE"]


def test_metrics_are_on_disk_with_their_intervals(finished):
    run, metrics = finished
    assert read_metrics(run.metrics) == metrics
    accuracy = metrics["test"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"] and accuracy["n"] == 32


def test_test_predictions_are_those_of_the_saved_model_in_the_order_of_the_corpus(finished, tiny_corpus):
    run, metrics = finished
    test = load_corpus("reviews", data_dir=tiny_corpus).test
    labels, probabilities = read_test_predictions(run.test_predictions)
    assert run.test_predictions.read_text().splitlines()[0] == "label,NEGATIVE,POSITIVE"
    assert labels.tolist() == test["label"][:]
    expected = Predictor.load(str(run.path), threads=1, precision="fp32").predict(test["text"][:]).probabilities
    assert len(np.unique(expected[:, 1])) > len(test) / 2, "rows must differ for their order to show"
    assert np.abs(probabilities - expected).max() < 1e-5
    assert (probabilities.argmax(axis=1) == labels).mean() == metrics["test"]["accuracy"]["value"]


def test_a_run_says_how_many_steps_it_took_and_how_long(finished):
    run, metrics = finished
    end = [line for line in read_journal(run.journal) if line.get("event") == "train_end"]
    assert [line["step"] for line in end] == [60] and end[0]["seconds"] > 0


def test_a_callback_of_the_caller_comes_after_our_own(flags, tmp_path):
    run = RunDirectory(tmp_path / "run")

    class StopAtOnce(TrainerCallback):
        def on_evaluate(self, args, state, control, metrics, **kwargs):
            self.last_line = read_journal(run.journal)[-1]
            control.should_training_stop = True

    stop = StopAtOnce()
    main(*parse([*flags, "--output_dir", str(run.path)]), callbacks=[stop])
    assert (stop.last_line["kind"], stop.last_line["step"]) == ("eval", 12)
    assert read_journal(run.journal)[-1]["step"] == 12


def test_the_model_at_the_root_is_the_one_with_the_lowest_validation_loss(finished):
    run, metrics = finished
    losses = {line["step"]: line["loss"] for line in read_journal(run.journal) if line["kind"] == "eval"}
    assert metrics["best_step"] == min(losses, key=losses.get)
    best = load_file(run.path / f"checkpoint-{metrics['best_step']}" / "model.safetensors")
    root = load_file(run.path / "model.safetensors")
    assert all(torch.equal(root[name], best[name]) for name in best)


def test_every_metric_is_logged_at_every_evaluation(finished):
    run, metrics = finished
    evaluations = [line for line in read_journal(run.journal) if line["kind"] == "eval"]
    assert [line["epoch"] for line in evaluations] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(set(metrics["test"]) <= set(line) for line in evaluations)


def test_tensorboard_holds_losses_metrics_and_norms_by_layer(finished):
    events = EventAccumulator(str(finished[0].tensorboard))
    events.Reload()
    names = set(events.Tags()["scalars"])
    assert {"train/loss", "eval/f1", "eval/loss"} <= names
    assert {"grad_norm/total", "grad_norm/embeddings", "grad_norm/block.1", "grad_update_norm/head"} <= names


def test_a_finished_run_says_so_and_is_left_alone(finished, flags, capsys):
    run, metrics = finished
    before = run.metrics.stat().st_mtime_ns
    assert main(*parse([*flags, "--output_dir", str(run.path)])) == metrics
    assert "is finished" in capsys.readouterr().out
    assert run.metrics.stat().st_mtime_ns == before


def test_its_own_config_repeats_the_run(finished, tmp_path):
    run, metrics = finished
    assert main(*parse(["--config", str(run.config), "--output_dir", str(tmp_path / "again")])) == metrics


def test_json_is_all_that_stands_on_standard_output(finished, flags, monkeypatch, capsys):
    run, metrics = finished
    monkeypatch.setattr(sys, "argv", ["train/run.py", *flags, "--output_dir", str(run.path), "--json"])
    assert cli() == 0
    assert json.loads(capsys.readouterr().out) == metrics


def test_lora_is_merged_and_its_adapter_kept(train):
    run = train("--tuning", "lora", "--num_train_epochs", "1")
    assert (run.path / "adapter" / "adapter_model.safetensors").exists()
    merged = AutoModelForSequenceClassification.from_pretrained(run.path)
    assert not any("lora" in name for name, _ in merged.named_parameters())
    last = [line for line in read_journal(run.journal) if line["kind"] == "grad_norms"][-1]
    assert last["layers"]["block.0"]["norm"] > 0


def test_frozen_leaves_the_encoder_as_it_was(train, tiny_bert):
    run = train("--tuning", "frozen", "--num_train_epochs", "1")
    before, after = load_file(tiny_bert / "model.safetensors"), load_file(run.path / "model.safetensors")
    assert all(torch.equal(after[f"bert.{name}"], weight) for name, weight in before.items())


def test_early_stopping_ends_the_run(train):
    run = train("--early_stopping_patience", "1", "--early_stopping_min_delta", "5")
    assert len([line for line in read_journal(run.journal) if line["kind"] == "eval"]) == 2


@pytest.mark.slow
def test_disk_full_keeps_the_last_good_checkpoint(train, monkeypatch):
    save = torch.save

    def full_at_the_second_save(content, path, *args, **kwargs):
        if "checkpoint-24" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(content, path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full_at_the_second_save)
        with pytest.raises(UserError) as error:
            train()
    assert "No space left on device" in str(error.value) and "checkpoint-12 is kept" in str(error.value)
    assert read_metrics(train("--resume").metrics)["test"]["accuracy"]["value"] > 0.9


@pytest.mark.slow
def test_disk_full_at_the_very_end_loses_nothing(train, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(UserError, match="No space left.*nothing is lost.*--resume"):
            train()
    assert read_metrics(train("--resume").metrics)["test"]["accuracy"]["value"] > 0.9


def test_a_blow_up_stops_the_run_and_saves_nothing_bad(train, tmp_path):
    with pytest.raises(UserError, match="step"):
        train("--learning_rate", "1e38", "--max_grad_norm", "0")
    run = RunDirectory(tmp_path / "run")
    assert not run.metrics.exists()
    for checkpoint in run.checkpoints:
        assert all(weight.isfinite().all() for weight in load_file(checkpoint / "model.safetensors").values())


@pytest.mark.slow
@pytest.mark.parametrize("order", ["random", "sequential"])
def test_other_orders_and_the_plain_path_learn_too(train, order):
    run = train("--train_sampling_strategy", order, "--report_to", "none", "--no_fast_cpu")
    assert read_metrics(run.metrics)["test"]["accuracy"]["value"] > 0.9
    assert not run.tensorboard.exists()


@pytest.mark.slow
def test_the_last_model_is_kept_where_that_is_asked_for(train):
    run = train("--load_best_model_at_end", "false", "--learning_rate", "1e-1")
    assert read_metrics(run.metrics)["best_step"] == 60
    last = load_file(run.path / "checkpoint-60" / "model.safetensors")
    root = load_file(run.path / "model.safetensors")
    assert all(torch.equal(root[name], last[name]) for name in last)


@pytest.mark.parametrize(
    ("flags_", "message"),
    [
        (["--report_to", "wnadb"], "wnadb"),
        (["--optim", "adamw_bnb_8bit"], "--optim adamw_bnb_8bit: "),
        (["--lr_scheduler_type", "cosine_with_min_lr"], "--lr_scheduler_type cosine_with_min_lr: "),
        (["--max_length", "1024"], "--max_length is 1024"),
        (["--dataloader_drop_last", "true", "--per_device_train_batch_size", "500"], "leaves no batch"),
    ],
)
def test_what_this_machine_lacks_is_one_line(train, flags_, message):
    with pytest.raises(UserError) as error:
        train(*flags_)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_accumulated_gradients_are_those_of_the_whole_batch(flags, tmp_path):
    def norms(name: str, *batch: str) -> list[float]:
        run = RunDirectory(tmp_path / name)
        more = ["--train_sampling_strategy", "sequential", "--grad_norm_steps", "1", "--num_train_epochs", "1"]
        main(*parse([*flags, *more, *batch, "--output_dir", str(run.path)]))
        return [line["total"] for line in read_journal(run.journal) if line["kind"] == "grad_norms"]

    whole = norms("whole", "--per_device_train_batch_size", "8")
    parts = norms("parts", "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "4")
    assert len(whole) == 12
    assert parts == pytest.approx(whole, rel=1e-4)


@pytest.mark.slow
def test_a_run_killed_after_its_last_checkpoint_takes_no_further_step(train):
    every_ten = ["--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "10", "--save_steps", "10"]
    run = train("--max_steps", "20", *every_ten)
    before, journal = load_file(run.path / "model.safetensors"), read_journal(run.journal)
    run.metrics.unlink()
    train("--max_steps", "20", *every_ten, "--resume")
    after = load_file(run.path / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    lines = [[line["step"] for line in read if line["kind"] == "eval"] for read in (journal, read_journal(run.journal))]
    assert lines == [[10, 20], [10, 20]]
