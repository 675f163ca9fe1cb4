import copy
import os
import signal
from types import SimpleNamespace

import pytest
from transformers import TrainerCallback

from callbacks.interrupt import NOTICE, Interrupt, Interrupted

ONE_PROCESS = SimpleNamespace(world_size=1)


def step(interrupt: Interrupt, number: int) -> SimpleNamespace:
    control = SimpleNamespace(should_save=False, should_training_stop=False)
    interrupt.on_step_end(ONE_PROCESS, SimpleNamespace(global_step=number, epoch=number / 100), control)
    return control


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_a_save_and_then_leaves(signum):
    with Interrupt() as interrupt:
        assert not step(interrupt, 1).should_save
        os.kill(os.getpid(), signum)
        assert step(interrupt, 2).should_save
        with pytest.raises(Interrupted) as stop:
            interrupt.on_save(ONE_PROCESS, SimpleNamespace(global_step=2), None)
    assert (stop.value.step, stop.value.exit_status) == (2, 128 + signum)


def test_an_ordinary_save_goes_on():
    with Interrupt() as interrupt:
        interrupt.on_save(ONE_PROCESS, SimpleNamespace(global_step=2), None)


def test_a_signal_during_an_evaluation_leaves_after_the_save_that_follows():
    with Interrupt() as interrupt:
        step(interrupt, 2)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted):
            interrupt.on_save(ONE_PROCESS, SimpleNamespace(global_step=2), None)


class SignalAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step + 1 == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def evaluations(trainer):
    return [row["step"] for row in trainer.state.log_history if "eval_loss" in row]


@pytest.mark.parametrize(
    ("saves", "stop"),
    [
        # In mid-epoch, at an epoch's end, and at the run's, which is no epoch's.
        ("no", 5),
        ("epoch", 8),
        ("steps", 12),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (("no", 8), ("no", 12), ("epoch", 5))),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (("epoch", 12), ("steps", 5), ("steps", 8))),
    ],
)
def test_an_interrupted_and_resumed_run_makes_the_evaluations_of_a_whole_one(toy, make_trainer, tmp_path, saves, stop):
    def trainer(*callbacks):
        model = copy.deepcopy(toy)
        return make_trainer(
            model, list(callbacks), max_steps=12, eval_strategy="epoch", save_strategy=saves, save_steps=4
        )

    whole = trainer()
    whole.train()
    assert evaluations(whole) == [8, 12]
    with Interrupt() as interrupt, pytest.raises(Interrupted) as error:
        trainer(SignalAt(stop), interrupt).train()
    assert error.value.step == stop
    resumed = trainer()
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{stop}"))
    assert evaluations(resumed) == [8, 12]


@pytest.mark.parametrize(("rank", "expected"), [(None, NOTICE), ("0", NOTICE), ("1", "")])
def test_the_first_process_says_once_what_a_signal_does(monkeypatch, capfd, rank, expected):
    monkeypatch.delenv("RANK", raising=False)
    if rank:
        monkeypatch.setenv("RANK", rank)
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert capfd.readouterr().err == expected


def test_signals_that_come_together_are_one_and_a_later_one_acts_at_once():
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.signum == signal.SIGINT
        interrupt.TOGETHER = 0.0
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(signum) for signum in Interrupt.SIGNALS]
    with Interrupt():
        assert [signal.getsignal(signum) for signum in Interrupt.SIGNALS] != before
    assert [signal.getsignal(signum) for signum in Interrupt.SIGNALS] == before
