"""Ctrl-C and SIGTERM: finish the step, save a checkpoint, leave."""

import signal
import time

import torch
from transformers import TrainerCallback


class Interrupted(Exception):
    """Training was asked to stop and a checkpoint was saved."""

    def __init__(self, signum: int, step: int):
        super().__init__(f"stopped at step {step}")
        self.exit_status = 128 + signum
        self.step = step


class Interrupt(TrainerCallback):
    """Turns a signal into a checkpoint at the end of the step, then raises Interrupted.

    Several processes agree every `agree_every` steps, since a save needs all of them. A second Ctrl-C acts at once,
    but for those that come together: a launcher passes on what the terminal has already sent to every process.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    TOGETHER = 2.0  # seconds

    def __init__(self, agree_every: int = 10):
        self.agree_every = agree_every
        self.signum = 0
        self._first_at = 0.0
        self._previous = {}

    def __enter__(self) -> "Interrupt":
        self._previous = {signum: signal.signal(signum, self._note) for signum in self.SIGNALS}
        return self

    def __exit__(self, *exception) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def on_step_end(self, args, state, control, **kwargs):
        if args.world_size > 1:
            if state.global_step % self.agree_every:
                return
            signum = torch.tensor(self.signum, device=args.device)
            torch.distributed.all_reduce(signum, op=torch.distributed.ReduceOp.MAX)
            self.signum = int(signum)
        if self.signum:
            control.should_save = True

    def on_save(self, args, state, control, **kwargs):
        if self.signum:
            raise Interrupted(self.signum, state.global_step)

    def _note(self, signum, frame) -> None:
        if not self.signum:
            self.signum, self._first_at = signum, time.monotonic()
        elif time.monotonic() - self._first_at > self.TOGETHER:
            raise KeyboardInterrupt
