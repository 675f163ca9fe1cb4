"""The faults of labels.yaml: a function each, which changes a healthy recipe in place."""

from pathlib import Path

import pandas as pd
import torch
import yaml
from torch import nn

from benchmarks.diagnosis.recipes import SEEDS, Recipe, healthy

LABELS = yaml.safe_load(Path(__file__).with_name("labels.yaml").read_text(encoding="utf-8"))
DEEP = 12
"""Layers of a network that is to be deep."""


def rate_too_high(recipe: Recipe) -> None:
    recipe.settings["learning_rate"] = 30 * recipe.rate


def rate_too_low(recipe: Recipe) -> None:
    recipe.settings["learning_rate"] = recipe.rate / 100


def batch_too_small(recipe: Recipe) -> None:
    recipe.settings |= {"per_device_train_batch_size": 1, "warmup_steps": 0, "max_grad_norm": 0}
    recipe.last(2 * recipe.steps)


def no_shuffling(recipe: Recipe) -> None:
    recipe.settings["train_sampling_strategy"] = "sequential"
    recipe.rows = sorted_by_label


def too_little_data(recipe: Recipe) -> None:
    recipe.settings["max_train_samples"] = 64


def label_noise(recipe: Recipe) -> None:
    # A quarter of the rows for twice as many steps: eight times the healthy number of passes.
    recipe.settings["max_train_samples"] = int(recipe.settings["max_train_samples"]) // 4
    recipe.rows = turn_labels
    recipe.last(2 * recipe.steps)


def too_many_epochs(recipe: Recipe) -> None:
    recipe.settings["max_train_samples"] = int(recipe.settings["max_train_samples"]) // 10


def too_few_steps(recipe: Recipe) -> None:
    recipe.settings |= {"lr_scheduler_type": "constant", "warmup_steps": 0}
    recipe.last(recipe.steps // 10)


def deep_sigmoid(recipe: Recipe) -> None:
    recipe.shape(depth=DEEP, activation="sigmoid", norm="none", residual=False)
    shorten(recipe)


def small_initialisation(recipe: Recipe) -> None:
    recipe.shape(depth=DEEP, norm="none", residual=False)
    recipe.weights = weights_a_tenth
    shorten(recipe)


def exploding_depth(recipe: Recipe) -> None:
    recipe.shape(depth=DEEP, norm="none")
    recipe.settings["max_grad_norm"] = 0
    recipe.weights = weights_three_times
    shorten(recipe)


def dead_relu(recipe: Recipe) -> None:
    recipe.shape(activation="relu")
    recipe.weights = biases_far_below


def frozen_encoder(recipe: Recipe) -> None:
    recipe.settings["tuning"] = "frozen"


def too_small_network(recipe: Recipe) -> None:
    recipe.shape(width=2, depth=1, **({"heads": 1} if recipe.architecture == "transformer" else {}))


def too_much_regularisation(recipe: Recipe) -> None:
    recipe.settings |= {"dropout": 0.8, "weight_decay": 10.0}


FAULTS = {
    fault.__name__: fault
    for fault in (
        *(rate_too_high, rate_too_low, batch_too_small, no_shuffling, too_little_data, label_noise, too_many_epochs),
        *(too_few_steps, deep_sigmoid, small_initialisation, exploding_depth, dead_relu, frozen_encoder),
        *(too_small_network, too_much_regularisation),
    )
}


def faulty(fault: str, architecture: str, seed: int) -> Recipe:
    """The healthy recipe with a fault in it."""
    recipe = healthy(architecture, seed)
    FAULTS[fault](recipe)
    return recipe


def all_faulty() -> dict[str, Recipe]:
    """Every faulty run of the scorecard by its key, fault-architecture-seed."""
    return {
        f"{fault}-{architecture}-{seed}": faulty(fault, architecture, seed)
        for fault, label in LABELS["faults"].items()
        for architecture in label["where"]
        for seed in SEEDS
    }


def shorten(recipe: Recipe) -> None:
    """A third of the steps: a deep transformer's take six times as long."""
    if recipe.architecture == "transformer":
        recipe.last(recipe.steps // 3)


def sorted_by_label(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=seed).sort_values("label", kind="stable")


def turn_labels(rows: pd.DataFrame, seed: int, share: float = 0.4) -> pd.DataFrame:
    """The rows with the labels of a share of them turned round."""
    turned = rows.sample(frac=share, random_state=seed).index
    labels = rows["label"].where(~rows.index.isin(turned), 1 - rows["label"])
    return rows.assign(label=labels)


@torch.no_grad()
def scale_weights(model: nn.Module, times: float) -> None:
    """Every weight of a linear layer, but the head's, so many times as large."""
    for module in model.base_model.modules():
        if isinstance(module, nn.Linear):
            module.weight.mul_(times)


def weights_a_tenth(model: nn.Module) -> None:
    scale_weights(model, 0.1)


def weights_three_times(model: nn.Module) -> None:
    scale_weights(model, 3)


@torch.no_grad()
def biases_far_below(model: nn.Module, bias: float = -10.0) -> None:
    """In front of every rectifier."""
    for block in model.base_model.blocks:
        (block.feed_forward[0] if hasattr(block, "feed_forward") else block.linear).bias.fill_(bias)
