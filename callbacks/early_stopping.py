"""Stop a run that has ceased to improve."""

import math

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from cli.errors import UserError
from eval.run_directory import Journal

LOWER_IS_BETTER = ("loss", "error", "perplexity")


class EarlyStopping(TrainerCallback, ExportableState):
    """Stops after `patience` evaluations in a row without a metric better than the best by more than `min_delta`.

    The best value moves only when it is beaten by more than `min_delta`, so slow steady gains add up against it. With
    `smoothing` s in [0, 1) the exponential average s * previous + (1 - s) * value is judged instead of the value. A
    value that is not finite is no improvement. `greater_is_better` None goes by the metric's name: losses, errors and
    perplexities are better lower. A resumed run goes on counting without any flag.
    """

    def __init__(
        self,
        metric: str = "eval_loss",
        *,
        greater_is_better: bool | None = None,
        min_delta: float = 0.0,
        patience: int = 3,
        smoothing: float = 0.0,
        journal: Journal | None = None,
    ):
        self.metric = metric if metric.startswith("eval_") else f"eval_{metric}"
        self.greater_is_better = (
            not self.metric.endswith(LOWER_IS_BETTER) if greater_is_better is None else greater_is_better
        )
        self.min_delta = min_delta
        self.patience = patience
        self.smoothing = smoothing
        self.journal = journal
        self._start_anew()

    def on_train_begin(self, args, state, control, **kwargs):
        self._start_anew()
        if state.global_step:
            self._take_up(state)
        self.training = True
        if self.waited >= self.patience:
            # The run was killed after the evaluation that stopped it.
            control.should_training_stop = True

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        if not self.training:
            return
        self.available.update(metrics)
        # A run resumed with eval_on_start evaluates its checkpoint a second time.
        if self.metric not in metrics or state.global_step == self.last_step:
            return
        self.last_step = state.global_step
        if self._improves(metrics[self.metric]):
            self.best, self.best_step, self.waited = self.average, state.global_step, 0
        else:
            self.waited += 1
        if self.waited >= self.patience:
            control.should_training_stop = True
            if self.journal and state.is_world_process_zero:
                self.journal.write("event", state.global_step, state.epoch, event="early_stopping", **self._findings())

    def on_step_begin(self, args, state, control, **kwargs):
        # Not in on_evaluate: with several evaluation sets each is reported by itself, under its own prefix.
        if self.available and self.metric not in self.available:
            names = ", ".join(sorted(self.available - {"epoch"}))
            raise UserError(f"early stopping watches {self.metric}, which no evaluation reports; there are {names}")

    def on_train_end(self, args, state, control, **kwargs):
        self.training = False

    def state(self) -> dict:
        """What a checkpoint keeps."""
        return {
            "args": {
                "metric": self.metric,
                "greater_is_better": self.greater_is_better,
                "min_delta": self.min_delta,
                "patience": self.patience,
                "smoothing": self.smoothing,
            },
            "attributes": {
                "best": self.best,
                "best_step": self.best_step,
                "last_step": self.last_step,
                "average": self.average,
                "waited": self.waited,
            },
        }

    def _start_anew(self) -> None:
        self.best: float | None = None
        self.best_step: int | None = None
        self.last_step: int | None = None
        self.average: float | None = None
        self.waited = 0
        self.training = False
        self.available: set[str] = set()

    def _take_up(self, state) -> None:
        """Go on from what the checkpoint kept: a state, or where there are several of us a list, the newest last."""
        kept = state.stateful_callbacks.get(type(self).__name__, [])
        kept = [kept] if isinstance(kept, dict) else kept
        for saved in kept:
            if saved["args"]["metric"] == self.metric:
                vars(self).update(saved["attributes"])

    def _improves(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        previous = value if self.average is None else self.average
        self.average = self.smoothing * previous + (1 - self.smoothing) * value
        if self.best is None:
            return True
        gain = self.average - self.best if self.greater_is_better else self.best - self.average
        return gain > self.min_delta

    def _findings(self) -> dict:
        return {
            "metric": self.metric,
            "best": self.best,
            "best_step": self.best_step,
            "patience": self.patience,
            "min_delta": self.min_delta,
            "smoothing": self.smoothing,
        }
