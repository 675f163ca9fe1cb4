"""Ctrl-C and SIGTERM: finish the step, save a checkpoint, leave."""

import os
import signal
import time

import torch
from transformers import TrainerCallback

NOTICE = "stopping after this step to save a checkpoint; Ctrl-C again leaves at once\n"


class Interrupted(Exception):
    """Training was asked to stop and a checkpoint was saved."""

    def __init__(self, signum: int, step: int):
        super().__init__(f"stopped at step {step}")
        self.exit_status = 128 + signum
        self.step = step


class Interrupt(TrainerCallback):
    """Turns a signal into a checkpoint at the end of the step, then raises Interrupted.

    After the last step of an epoch what is due at its end, such as an evaluation, comes first. Several processes agree
    every `agree_every` steps, at saves and at the end of an epoch, since a save needs all of them. A second Ctrl-C acts
    at once, but for those that come together: a launcher passes on what the terminal has already sent to every process.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    TOGETHER = 2.0  # seconds

    def __init__(self, agree_every: int = 10):
        self.agree_every = agree_every
        self.signum = 0
        self._first_at = 0.0
        self._epoch_ends = False
        self._previous = {}

    def __enter__(self) -> "Interrupt":
        self._previous = {signum: signal.signal(signum, self._note) for signum in self.SIGNALS}
        return self

    def __exit__(self, *exception) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def on_step_end(self, args, state, control, **kwargs):
        self._epoch_ends = control.should_training_stop or state.epoch == int(state.epoch)
        if not self._epoch_ends and (args.world_size == 1 or state.global_step % self.agree_every == 0):
            self._save_if_asked(args, control)

    def on_epoch_end(self, args, state, control, **kwargs):
        self._epoch_ends = False
        self._save_if_asked(args, control)

    def on_save(self, args, state, control, **kwargs):
        if not self._epoch_ends and (signum := self._agreed(args)):
            raise Interrupted(signum, state.global_step)

    def _save_if_asked(self, args, control) -> None:
        if self._agreed(args):
            control.should_save = True

    def _agreed(self, args) -> int:
        """The signal that any process has received, or 0; all must call."""
        if args.world_size == 1:
            return self.signum
        signum = torch.tensor(self.signum, device=args.device)
        torch.distributed.all_reduce(signum, op=torch.distributed.ReduceOp.MAX)
        agreed = int(signum)
        if agreed and not self.signum:
            self._take(agreed)
        return agreed

    def _note(self, signum, frame) -> None:
        if not self.signum:
            self._take(signum)
        elif time.monotonic() - self._first_at > self.TOGETHER:
            raise KeyboardInterrupt

    def _take(self, signum: int) -> None:
        self._first_at, self.signum = time.monotonic(), signum
        if os.environ.get("RANK", "0") == "0":
            # Not print: a signal may come in the middle of another one.
            os.write(2, (("\n" if os.isatty(2) else "") + NOTICE).encode())
