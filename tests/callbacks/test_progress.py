import re

import pytest
from transformers import TrainerState

from callbacks.progress import PlainProgress, duration


def test_one_plain_line_for_every_log_and_evaluation(toy, make_trainer, capsys):
    trainer = make_trainer(toy, [PlainProgress()], eval_strategy="steps", eval_steps=4, logging_steps=2)
    trainer.compute_metrics = lambda prediction: {"accuracy": 0.5}
    trainer.train()
    printed = capsys.readouterr()
    assert printed.out == ""
    text = printed.err
    assert "\r" not in text and "\x1b" not in text
    progress = [line for line in text.splitlines() if line.startswith("step ")]
    assert [re.match(r"step (\d)/8  epoch (\d\.\d\d)  (\w+)", line).groups() for line in progress] == [
        ("2", "0.25", "loss"),
        ("4", "0.50", "loss"),
        ("4", "0.50", "eval_loss"),
        ("6", "0.75", "loss"),
        ("8", "1.00", "loss"),
        ("8", "1.00", "eval_loss"),
    ]
    assert re.search(r"loss \d\.\d{4} +\d+ samples/s  0:0\d left$", progress[0])
    assert progress[2].endswith("eval_accuracy 0.5000")


def test_other_processes_print_nothing(capsys):
    callback, state = PlainProgress(), TrainerState(is_world_process_zero=False, stateful_callbacks=[])
    callback.on_train_begin(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 1.0})
    assert capsys.readouterr().err == ""


def test_speed_counts_all_rows_of_a_step_and_leaves_evaluations_and_saves_out(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr("callbacks.progress.time.monotonic", lambda: now)

    class Args:
        train_batch_size, gradient_accumulation_steps, world_size = 4, 2, 3

    callback, state = PlainProgress(), TrainerState(max_steps=30, epoch=0.5, stateful_callbacks=[])
    callback.on_train_begin(Args, state, None)
    for state.global_step in range(1, 21):
        now += 1.0
        callback.on_step_end(Args, state, None)
        if state.global_step in (10, 20):
            callback.on_log(Args, state, None, logs={"loss": 1.0})
        if state.global_step in (10, 17):  # after a line, and between two
            now += 30.0
            callback.on_evaluate(Args, state, None)
            now += 20.0
            callback.on_save(Args, state, None)
    first, second = capsys.readouterr().err.splitlines()
    assert "24 samples/s" in first and first.endswith("0:20 left")
    assert "24 samples/s" in second and second.endswith("1:00 left")


@pytest.mark.parametrize(("seconds", "text"), [(6.6, "0:07"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_durations(seconds, text):
    assert duration(seconds) == text
