"""Gives a run up early that is behind the others of its search."""

import optuna
from transformers import TrainerCallback


class Pruning(TrainerCallback):
    """Reports a metric of every evaluation to the run's Optuna trial and ends it with TrialPruned where Optuna says so.

    `metric` is a name as evaluation logs it, with or without `eval_`. For one process; Optuna's pruner decides.
    """

    def __init__(self, trial: optuna.Trial, metric: str):
        self._trial = trial
        self._metric = f"eval_{metric.removeprefix('eval_')}"

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        value = metrics.get(self._metric)
        if value is None or state.global_step >= state.max_steps:
            return  # at the end there is nothing left to save
        # Steps of different batch sizes are not alike; hundredths of an epoch are.
        self._trial.report(value, step=round(100 * state.epoch))
        if self._trial.should_prune():
            raise optuna.TrialPruned(f"{self._metric} {value:.4g} at step {state.global_step}")
