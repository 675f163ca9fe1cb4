import os
import signal
from types import SimpleNamespace

import pytest

from callbacks.interrupt import Interrupt, Interrupted

ONE_PROCESS = SimpleNamespace(world_size=1)


def step(interrupt: Interrupt, number: int) -> SimpleNamespace:
    control = SimpleNamespace(should_save=False)
    interrupt.on_step_end(ONE_PROCESS, SimpleNamespace(global_step=number), control)
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
