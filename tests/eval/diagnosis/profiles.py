"""Gradients made up from closed forms, and runs around them."""

import numpy as np

from eval.diagnosis.history import EMPTY, Curve, Gradients, History


def geometric(
    factor: float, layers: int = 12, recordings: int = 10, deviation: float = 0.05, seed: int = 0, scale: float = 1.0
) -> Gradients:
    """Block i from the output has `factor`^i of the gradient; each layer deviates for itself, decades."""
    draw = np.random.default_rng(seed)
    logs = np.log10(factor) * np.arange(layers)[::-1] + draw.normal(0, deviation, layers)
    logs = logs + draw.normal(0, 0.05, (recordings, 1))
    return of_blocks(scale * 10.0**logs)


def of_blocks(norm: np.ndarray, **figures: np.ndarray) -> Gradients:
    """(recordings, blocks) norms, recorded every 5 steps."""
    norm = np.asarray(norm, dtype=float)
    names = [f"block.{i}" for i in range(norm.shape[1])]
    return Gradients(names, 1.0 + 5 * np.arange(len(norm)), {"norm": norm, **figures})


def losses(start: float, end: float, points: int = 50, seed: int = 0) -> Curve:
    """A training loss that falls early and stays, under a little noise."""
    x = np.arange(points) / points
    noise = np.random.default_rng(seed).normal(0, 0.005, points)
    return Curve(1.0 + np.arange(points), end + (start - end) * np.exp(-6 * x) + noise)


def run(gradients: Gradients | None = None, train: Curve = EMPTY, norm: Curve = EMPTY, **settings) -> History:
    """A run of a classifier of two classes."""
    known = {"settings": settings, "classes": 2, "steps_per_epoch": 10}
    return History(source="made up", train=train, grad_norm=norm, gradients=gradients, **known)


FLAT = losses(0.695, 0.693)
FALLING = losses(0.7, 0.2)


def trained(corpus, folder, *flags: str) -> History:
    """What the log of a small real run says."""
    from eval.diagnosis.reading import read_history
    from train.config import parse
    from train.isolation import fresh_state
    from train.run import main

    common = (
        *("--data_dir", str(corpus), "--cpu_threads", "1", "--per_device_train_batch_size", "8", "--precision", "fp32"),
        *("--max_steps", "30", "--learning_rate", "1e-3", "--logging_steps", "2", "--grad_norm_steps", "5"),
    )
    with fresh_state():
        main(*parse([*common, *flags, "--output_dir", str(folder)]))
    return read_history(folder)
