"""The healthy controls of healthy.yaml: a function a kind, which changes a healthy recipe into another healthy one."""

import math
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from benchmarks.diagnosis.recipes import Recipe, healthy
from eval.diagnosis.history import History

CONTROLS = yaml.safe_load(Path(__file__).with_name("healthy.yaml").read_text(encoding="utf-8"))


def plain(recipe: Recipe) -> None:
    """The twin of every faulty run of its architecture and seed."""


def long_warm_up(recipe: Recipe) -> None:
    recipe.settings["warmup_steps"] = 0.3


def restarts(recipe: Recipe) -> None:
    recipe.settings |= {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 2}}


def cycles(recipe: Recipe) -> None:
    recipe.settings |= {"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycles": 4}}


def small_data(recipe: Recipe) -> None:
    """Fewer rows for as many passes, stopped once validation loss no longer falls."""
    recipe.settings["max_train_samples"] = int(recipe.settings["max_train_samples"]) * 2 // 3
    recipe.settings["early_stopping_patience"] = 3
    recipe.last(recipe.steps * 2 // 3)


def small_batches(recipe: Recipe) -> None:
    """A quarter of the rows a step at half the rate: noisy, and going down all the same."""
    recipe.settings["per_device_train_batch_size"] = int(recipe.settings["per_device_train_batch_size"]) // 4
    recipe.settings["learning_rate"] = recipe.rate / 2
    recipe.last(2 * recipe.steps)


def constant_rate(recipe: Recipe) -> None:
    recipe.settings |= {"lr_scheduler_type": "constant_with_warmup", "learning_rate": recipe.rate / 2}


def lora(recipe: Recipe) -> None:
    recipe.settings |= {"tuning": "lora", "learning_rate": 10 * recipe.rate}


def label_smoothing(recipe: Recipe) -> None:
    recipe.settings["label_smoothing_factor"] = 0.1


def each_epoch(recipe: Recipe) -> None:
    """Four evaluations, and as many training losses."""
    epochs = recipe.steps // recipe.epoch
    recipe.settings["max_train_samples"] = int(recipe.settings["max_train_samples"]) * epochs // 4
    recipe.settings |= {"eval_strategy": "epoch", "logging_strategy": "epoch", "learning_rate": recipe.rate / 2}


def each_step(recipe: Recipe) -> None:
    """A training loss a step, an evaluation every five."""
    recipe.settings |= {"logging_steps": 1, "eval_steps": 5}


def momentum(recipe: Recipe) -> None:
    """Plain gradient descent with momentum, which needs norms to get on."""
    recipe.shape(norm="pre", residual=True)
    recipe.settings |= {"optim": "sgd", "optim_args": "momentum=0.9", "learning_rate": 0.03}
    recipe.last(2 * recipe.steps)


def more_dropout(recipe: Recipe) -> None:
    recipe.settings["dropout"] = 0.3


def slow_start(recipe: Recipe) -> None:
    """Nothing but a good initialisation to help it on its way: a long plateau, then the fall."""
    if recipe.architecture == "transformer":
        recipe.shape(norm="post", depth=4)
    else:
        recipe.shape(norm="none", residual=False, dropout=0.0)
        recipe.settings["learning_rate"] = recipe.rate / 2


def huge_gradients(recipe: Recipe) -> None:
    """Inputs a hundredth as large in front of a norm, without clipping: gradients are huge, and as steady as any."""
    recipe.shape(norm="pre", residual=True)
    recipe.settings |= {"max_grad_norm": 0, "learning_rate": recipe.rate / 6}
    recipe.weights = small_inputs
    recipe.last(recipe.steps * 2 // 3)


def longer_texts(recipe: Recipe) -> None:
    recipe.settings["max_length"] = 200


KINDS = {
    kind.__name__: kind
    for kind in (
        *(plain, long_warm_up, restarts, cycles, small_data, small_batches, constant_rate, lora, label_smoothing),
        *(each_epoch, each_step, momentum, more_dropout, slow_start, huge_gradients, longer_texts),
    )
}


def control(kind: str, architecture: str, seed: int) -> Recipe:
    """A healthy recipe of a kind."""
    recipe = healthy(architecture, seed)
    KINDS[kind](recipe)
    return recipe


def all_controls() -> dict[str, Recipe]:
    """Every healthy control of the scorecard by its key, kind-architecture-seed."""
    return {
        f"{kind}-{architecture}-{seed}": control(kind, architecture, seed)
        for kind, architectures in CONTROLS["kinds"].items()
        for architecture in architectures
        for seed in range(CONTROLS["seeds"][architecture])
    }


@torch.no_grad()
def small_inputs(model: nn.Module, times: float = 0.01) -> None:
    model.get_input_embeddings().weight.mul_(times)


def why_not_healthy(history: History) -> str | None:
    """The first clause of healthy.yaml that a control breaks, in words; None for a healthy one."""
    rule, chance = CONTROLS["rule"], math.log(2)
    loss, steps = history.validation.value, history.validation.step
    for curve in (history.train, history.validation, history.grad_norm):
        if not np.isfinite(curve.value).all():
            return "a loss or a gradient norm is no number"
    if loss.min() > rule["best_of_chance"] * chance:
        return f"best validation loss {loss.min():.3f}: hardly under chance"
    if loss[-1] > rule["last_of_best"] * loss.min():
        return f"last validation loss {loss[-1]:.3f}, best {loss.min():.3f}"
    late = (np.interp(0.75 * steps[-1], steps, loss) - loss[-1]) / (chance - loss[-1])
    if late > rule["in_last_quarter"]:
        return f"{late:.0%} of what it learned came in the last quarter"
    if (accuracy := history.metrics["accuracy"].value[-1]) < rule["accuracy"]:
        return f"accuracy {accuracy:.2f}"
    return None
