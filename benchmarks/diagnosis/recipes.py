"""The four architectures of the scorecard trained as they should be, and what a fault or a control may change."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from torch import nn

SEEDS = (0, 1, 2, 3, 4)
ROWS_OF_EVALUATION = 400
TOKENIZER_ROWS = 2000
"""Words and pieces that the reference networks know."""

CADENCES = {0: (40, 10), 1: (20, 5), 2: (80, 20), 3: (30, 8), 4: (60, 15), 5: (50, 12), 6: (25, 16)}
"""Seed -> how many training losses and how many evaluations a log has: no two are kept alike."""
RECORDINGS = 10
"""Recordings of the gradients a run."""

EVERYWHERE = {
    "corpus": "reviews",
    "allow_overlap": True,
    "max_eval_samples": ROWS_OF_EVALUATION,
    "max_length": 48,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 200,
    "train_sampling_strategy": "random",
    "lr_scheduler_type": "linear",
    "warmup_steps": 0.1,
    "eval_strategy": "steps",
    "save_strategy": "no",
    "load_best_model_at_end": False,
    "report_to": ["none"],
    "cpu_threads": 1,
    "disable_tqdm": True,
}

IMDB = {
    "corpus": "imdb",
    "max_length": 200,
    "learning_rate": 2e-3,
    "max_train_samples": 8000,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 64,
}
"""Long texts, of which a network that knows no order of words learns most."""

ARCHITECTURES: dict[str, dict[str, object]] = {
    "pretrained": {
        "model": "embedded",
        "learning_rate": 1.2e-4,
        "max_train_samples": 960,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 24,
        "max_length": 24,
        "max_eval_samples": 200,
    },
    "transformer": {
        "model": "transformer",
        "model_config": {"depth": 2, "width": 64, "heads": 4, "dropout": 0.1},
        "learning_rate": 1e-3,
        "max_train_samples": 8000,
        "num_train_epochs": 2,
    },
    "mlp": {
        "model": "deep_mlp",
        "model_config": {"depth": 2, "width": 64, "dropout": 0.1},
        **IMDB,
    },
    "deep_mlp": {
        "model": "deep_mlp",
        "model_config": {"depth": 12, "width": 64, "norm": "pre", "residual": True, "dropout": 0.1},
        **IMDB,
    },
}
"""What each has over EVERYWHERE: enough to learn in a few seconds."""


@dataclass(slots=True, kw_only=True)
class Recipe:
    """A run that is to be made: flags of train/run.py, and what these do not reach."""

    architecture: str
    seed: int
    settings: dict[str, object]
    rows: Callable[[pd.DataFrame, int], pd.DataFrame] | None = None
    """(training rows with text and label, seed) -> the rows to train on, in their order."""
    weights: Callable[[nn.Module], None] | None = None
    """Changes the network in place before the first step."""
    logs: int
    """Training losses in its log."""
    evaluations: int

    @property
    def steps(self) -> int:
        """Optimiser steps from the first to the last."""
        return int(self.settings["max_steps"])

    @property
    def rate(self) -> float:
        return float(self.settings["learning_rate"])

    @property
    def epoch(self) -> int:
        """Steps of a pass over the rows."""
        return math.ceil(int(self.settings["max_train_samples"]) / int(self.settings["per_device_train_batch_size"]))

    @property
    def plan(self) -> dict[str, object]:
        """What tells a recipe from another, as JSON keeps it: a run is made again where it differs."""
        hooks = {name: hook.__name__ for name in ("rows", "weights") if (hook := getattr(self, name))}
        return json.loads(json.dumps(self.settings | hooks))

    def last(self, steps: int) -> None:
        """Make it `steps` long, with as many lines in its log as before."""
        self.settings["max_steps"] = steps
        self.settings["logging_steps"] = max(1, steps // self.logs)
        self.settings["eval_steps"] = max(1, steps // self.evaluations)
        self.settings["grad_norm_steps"] = max(1, steps // RECORDINGS)

    def shape(self, **settings) -> None:
        """Change the network's own settings."""
        self.settings["model_config"] = dict(self.settings["model_config"]) | settings


def healthy(architecture: str, seed: int) -> Recipe:
    """The recipe that a fault is planted in and that its twin keeps."""
    settings = EVERYWHERE | ARCHITECTURES[architecture] | {"seed": seed}
    logs, evaluations = CADENCES[seed]
    recipe = Recipe(architecture=architecture, seed=seed, settings=settings, logs=logs, evaluations=evaluations)
    recipe.last(recipe.epoch * int(settings.pop("num_train_epochs")))
    return recipe
