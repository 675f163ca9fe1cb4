"""What a diagnosis says of a run that the guard stopped."""

import math

import pytest
from transformers import TrainerCallback

from callbacks.journal import JournalCallback
from callbacks.non_finite import NonFinite, NonFiniteGuard
from eval.diagnosis.finding import Name
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose


class At(TrainerCallback):
    """Arms a network at one step."""

    def __init__(self, step):
        self.step = step

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        model.armed = state.global_step + 1 == self.step


@pytest.fixture
def stopped(toy, journal, make_trainer):
    """Trains until the loss is scaled, or its gradient, at one step; returns the history and the diagnosis."""

    def run(step, *, loss=1.0, gradient=1.0, **overrides):
        forward = toy.forward

        def spoiled(input_ids, labels=None):
            outputs = forward(input_ids, labels)
            if toy.armed:
                outputs["loss"] = outputs["loss"] * loss
                if outputs["loss"].requires_grad:
                    outputs["loss"].register_hook(lambda passed: passed * gradient)
            return outputs

        toy.forward = spoiled
        trainer = make_trainer(toy, [At(step), JournalCallback(journal), NonFiniteGuard(journal)], **overrides)
        with pytest.raises(NonFinite):
            trainer.train()
        toy.forward, history = forward, read_history(journal.path)
        return history, diagnose(history)

    return run


@pytest.mark.parametrize("loss", [math.nan, math.inf])
@pytest.mark.parametrize("step", [1, 5])
def test_a_loss_that_became_no_number(stopped, loss, step):
    history, diagnosis = stopped(step, loss=loss)
    assert history.train.step.tolist() == list(range(1, step + 1))
    assert diagnosis.verdict == Name.DIVERGENCE and diagnosis.findings[0].onset.step == step
    what = "NaN" if math.isnan(loss) else "infinite"
    assert f"the run was stopped at step {step}: the loss was {what}" in history.notes


def test_between_two_logged_losses(stopped):
    history, diagnosis = stopped(7, loss=math.nan, logging_steps=3)
    assert history.train.step.tolist() == [3, 6, 7] and math.isnan(history.train.value[-1])
    assert diagnosis.verdict == Name.DIVERGENCE and diagnosis.findings[0].onset.step == 7


def test_a_gradient(stopped):
    history, diagnosis = stopped(5, gradient=math.nan)
    assert math.isnan(history.grad_norm.value[-1]) and history.grad_norm.step[-1] == 5
    assert diagnosis.verdict == Name.DIVERGENCE and diagnosis.findings[0].onset.step == 5
    assert any(note.startswith("the run was stopped at step 5: the gradient of ") for note in history.notes)


def test_a_run_that_was_taken_up_again_and_went_on(stopped, toy, journal, make_trainer):
    stopped(5, loss=math.nan, save_strategy="steps", save_steps=2)
    trainer = make_trainer(toy, [JournalCallback(journal), NonFiniteGuard(journal)], num_train_epochs=3)
    trainer.train(resume_from_checkpoint=True)
    history = read_history(journal.path)
    assert history.restarts == (4,) and history.train.step.tolist() == list(range(1, 25))
    assert diagnose(history).verdict != Name.DIVERGENCE and not any("stopped" in note for note in history.notes)


def test_a_run_that_went_on_after_the_event(journal):
    for step in range(1, 40):
        journal.write("train", step, step / 10, loss=2 / step)
        if step == 20:
            journal.write(
                "event", step, step / 10, event="non_finite", quantity="gradient", layer="head", value=math.nan
            )
    history = read_history(journal.path)
    assert diagnose(history).verdict != Name.DIVERGENCE and len(history.train.finite) == 39


def test_the_loss_of_the_step_was_logged_before(journal):
    for step in range(1, 21):
        journal.write("train", step, step / 10, loss=2 / step)
    journal.write("event", 20, 2.0, event="non_finite", quantity="weights", layer="head", value=math.inf)
    history = read_history(journal.path)
    assert history.train.value[-1] == math.inf and history.restarts == () and len(history.train) == 20
    assert diagnose(history).findings[0].onset.step == 20


def test_a_norm_that_overflows_counts_as_infinite(journal):
    journal.write("train", 1, 0.1, loss=2.0)
    journal.write("event", 2, 0.2, event="non_finite", quantity="gradient", layer="block.2", value=1e30)
    history = read_history(journal.path)
    assert history.grad_norm.value.tolist() == [math.inf]
    assert "the run was stopped at step 2: the gradient of block.2 was infinite" in history.notes
