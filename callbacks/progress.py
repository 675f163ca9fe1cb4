"""Progress where there is no terminal to draw a bar on."""

import sys
import time

from transformers import TrainerCallback


class PlainProgress(TrainerCallback):
    """Prints one short line to standard error whenever the Trainer logs or evaluates; only the first process prints.

    Samples per second are those since the last line, evaluations and saves left out; the time left counts all.
    """

    def on_train_begin(self, args, state, control, **kwargs):
        self._first_step = self._last_step = state.global_step
        self._began = self._last_time = self._trained_until = time.monotonic()

    def on_step_end(self, args, state, control, **kwargs):
        self._trained_until = time.monotonic()

    def on_log(self, args, state, control, logs, **kwargs):
        if not state.is_world_process_zero:
            return
        if "loss" in logs:
            self._print(state, f"loss {logs['loss']:.4f}", self._speed(args, state), self._time_left(state))
        elif "eval_loss" in logs:
            skipped = ("_runtime", "_per_second", "_preparation_time")
            metrics = {k: v for k, v in logs.items() if k.startswith("eval_") and not k.endswith(skipped)}
            self._print(state, *(f"{name} {value:.4f}" for name, value in metrics.items()))

    def on_evaluate(self, args, state, control, **kwargs):
        now = time.monotonic()
        self._last_time += now - self._trained_until
        self._trained_until = now

    on_save = on_evaluate

    def _speed(self, args, state) -> str:
        samples = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        samples *= state.global_step - self._last_step
        speed = samples / (self._trained_until - self._last_time)
        self._last_step, self._last_time = state.global_step, self._trained_until
        return f"{speed:6.0f} samples/s"

    def _time_left(self, state) -> str:
        seconds_a_step = (time.monotonic() - self._began) / (state.global_step - self._first_step)
        return f"{duration((state.max_steps - state.global_step) * seconds_a_step)} left"

    def _print(self, state, *parts: str) -> None:
        step = f"step {state.global_step:{len(str(state.max_steps))}}/{state.max_steps}"
        print("  ".join([step, f"epoch {state.epoch:.2f}", *parts]), file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
