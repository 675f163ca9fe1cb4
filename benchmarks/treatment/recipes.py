"""Small networks as they are trained well, and with a cause of swings planted in them.

A base is a network with its optimiser, a rate and a batch that suit it, and what is planted in it: a rate so many times
higher, batches of a row or two, or both.
"""

from dataclasses import dataclass

from benchmarks.diagnosis.recipes import EVERYWHERE
from eval.treatment.causes import BOTH, NOISE, RATE

HEALTHY = "healthy"
CAUSES = {"rate": RATE, "batch": NOISE, "both": BOTH}
"""What is planted, and the verdict that is right."""

LONG = {"corpus": "imdb", "max_train_samples": 4000, "max_length": 128}
SHORT = {"corpus": "reviews", "max_train_samples": 8000, "max_length": 32}
STEPS = 120
TWIN = "larger_batch"
"""A run with the planted rate, and batches so large that noise is no matter."""
TIMES = 8
"""How many times larger these are."""

MLP = {"depth": 2, "width": 64, "norm": "pre", "residual": True}
TANH = {"depth": 2, "width": 64, "activation": "tanh", "init": "xavier"}
TRANSFORMER = {"depth": 1, "width": 32, "heads": 2, "dropout": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A network as it is trained well, and how it is made to swing."""

    model: str
    shape: dict[str, object]
    data: dict[str, object]
    optim: str = "sgd"
    momentum: float | None = None
    schedule: str = "constant"
    rate: float
    """That suits it."""
    times: float
    """How many times higher the planted rate is."""
    batch: int = 32
    small: int = 1
    """Rows of a planted batch."""


BASES = {
    "transformer_adam": Base(
        model="transformer",
        shape=TRANSFORMER | {"norm": "none", "activation": "tanh"},
        data=SHORT,
        optim="adamw_torch",
        rate=0.01,
        times=20,
    ),
    "momentum": Base(model="deep_mlp", shape=MLP, data=LONG, momentum=0.9, rate=0.1, times=15),
    "falling_rate": Base(
        model="deep_mlp",
        shape=MLP | {"depth": 3, "width": 48, "activation": "leaky_relu"},
        data=LONG,
        momentum=0.9,
        schedule="linear",
        rate=0.1,
        times=20,
    ),
    "adam": Base(model="deep_mlp", shape=MLP, data=LONG, optim="adamw_torch", rate=0.02, times=50),
    "post_norm_relu": Base(
        model="deep_mlp",
        shape=MLP | {"depth": 4, "norm": "post", "activation": "relu"},
        data=LONG,
        momentum=0.5,
        rate=0.12,
        times=30,
    ),
    "transformer_sgd": Base(model="transformer", shape=TRANSFORMER, data=SHORT, rate=0.7, times=14),
    "rmsprop": Base(
        model="deep_mlp", shape=TANH | {"depth": 1, "width": 48}, data=LONG, optim="rmsprop", rate=0.005, times=20
    ),
    "post_norm_gelu": Base(
        model="deep_mlp",
        shape=MLP | {"depth": 3, "width": 32, "norm": "post", "activation": "gelu"},
        data=LONG,
        rate=0.5,
        times=12,
    ),
    "sgd": Base(model="deep_mlp", shape=MLP, data=LONG, rate=0.3, times=15),
    "tanh_adam": Base(model="deep_mlp", shape=TANH, data=LONG, optim="adamw_torch", rate=0.015, times=20),
    "tanh_momentum": Base(
        model="deep_mlp", shape=TANH | {"width": 32, "norm": "pre"}, data=SHORT, momentum=0.5, rate=0.3, times=15
    ),
}


def settings_of(base: Base, planted: str, seed: int) -> dict[str, object]:
    """Flags of train/run.py for a base with a cause planted: a key of CAUSES, HEALTHY or TWIN."""
    rate = base.rate * (base.times if planted in ("rate", "both", TWIN) else 1)
    batch = base.small if planted in ("batch", "both") else base.batch * (TIMES if planted == TWIN else 1)
    settings = EVERYWHERE | base.data
    settings |= {
        "model": base.model,
        "model_config": base.shape,
        "optim": base.optim,
        "learning_rate": float(f"{rate:.3g}"),
        "lr_scheduler_type": base.schedule,
        "warmup_steps": 0,
        "per_device_train_batch_size": batch,
        "max_eval_samples": 200,
        "precision": "fp32",
        "max_steps": STEPS,
        "logging_steps": 1,
        # Odd: a swing of two steps is not missed.
        "eval_steps": 5,
        "grad_norm_steps": STEPS // 10,
        "on_finding": "ignore",
        "seed": seed,
    }
    return settings | ({"optim_args": f"momentum={base.momentum}"} if base.momentum else {})
