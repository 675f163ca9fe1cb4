import copy

import pytest
from transformers import TrainerState

from callbacks.journal import JournalCallback


@pytest.fixture
def train(toy, journal, make_trainer):
    def run(resume_from_checkpoint=None, **overrides):
        settings = {"eval_strategy": "steps", "eval_steps": 4, "save_strategy": "steps", "save_steps": 4, **overrides}
        trainer = make_trainer(copy.deepcopy(toy), [JournalCallback(journal)], **settings)
        trainer.train(resume_from_checkpoint=resume_from_checkpoint)
        return trainer

    return run


def test_lines_are_what_the_trainer_logged(train, lines):
    history = train().state.log_history
    assert lines("train") == [
        {"kind": "train", **{name: row[name] for name in ("step", "epoch", "loss", "grad_norm", "learning_rate")}}
        for row in history
        if "loss" in row
    ]
    assert lines("eval") == [
        {"kind": "eval", "step": row["step"], "epoch": row["epoch"], "loss": row["eval_loss"]}
        for row in history
        if "eval_loss" in row
    ]


def test_metrics_lose_their_prefix_and_runtimes_are_left_out(toy, make_trainer, journal, lines):
    trainer = make_trainer(toy, [JournalCallback(journal)], eval_strategy="epoch")
    trainer.compute_metrics = lambda prediction: {"accuracy": 0.5, "f1": 0.25}
    trainer.train()
    (line,) = lines("eval")
    assert set(line) == {"kind", "step", "epoch", "loss", "accuracy", "f1"}
    assert (line["accuracy"], line["f1"]) == (0.5, 0.25)


def test_events_frame_the_run(train, lines):
    train()
    first, last = lines()[0], lines()[-1]
    assert (first["event"], first["step"], first["world_size"], first["max_steps"]) == ("train_begin", 0, 1, 8)
    assert (last["event"], last["step"]) == ("train_end", 8)
    assert last["seconds"] > 0 and last["train_loss"] > 0


def test_a_resumed_run_replaces_what_lies_past_its_checkpoint(train, lines, tmp_path):
    train()
    whole = lines()
    train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-4"))
    resumed = lines()
    (at,) = [i for i, line in enumerate(resumed) if line.get("event") == "resume"]
    assert resumed[at]["step"] == 4
    assert resumed[:at] == [line for line in whole if line["step"] <= 4]
    assert resumed[at + 1 : -1] == [line for line in whole if line["step"] > 4][:-1]


def test_an_evaluation_outside_of_training_is_not_written(train, lines):
    trainer = train()
    written = lines()
    trainer.evaluate()
    trainer.evaluate(metric_key_prefix="test")
    assert lines() == written


def test_only_the_first_process_writes(journal):
    callback = JournalCallback(journal)
    state = TrainerState(is_world_process_zero=False, stateful_callbacks=[])
    callback.on_train_begin(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 1.0})
    callback.on_train_end(None, state, None)
    assert not journal.path.exists()
