"""Published rules of other tools on the same logs.

| tool               | rules                                               | source              |
|--------------------|-----------------------------------------------------|---------------------|
| SageMaker Debugger | VanishingGradient, Overfit, LossNotDecreasing       | AWS, built-in rules |
| AUTOTRAINER        | its five problems, and accuracy that stays low      | Zhang et al. 2021   |
| UMLAUT             | learning rate out of range, overfitting             | Schoop et al. 2021  |

Each looks at whole logs. Where several rules of one tool fire, or one stands for several of our verdicts, the answer
that is accepted counts: they get the benefit of the doubt.
"""

from collections.abc import Callable

import numpy as np

from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, History

MEANS: dict[str, dict[str, tuple[Name, ...]]] = {
    "SageMaker Debugger": {
        "vanishing_gradient": (Name.VANISHING_GRADIENTS,),
        "overfit": (Name.OVERFITTING,),
        "loss_not_decreasing": (Name.PLATEAU, Name.UNDERFITTING, Name.OSCILLATION, Name.DIVERGENCE),
    },
    "AUTOTRAINER": {
        "vanishing": (Name.VANISHING_GRADIENTS,),
        "exploding": (Name.EXPLODING_GRADIENTS, Name.DIVERGENCE),
        "dying_relu": (Name.DEAD_UNITS,),
        "oscillating": (Name.OSCILLATION,),
        "slow_convergence": (Name.PLATEAU, Name.UNDERTRAINED),
        "not_converging": (Name.UNDERFITTING, Name.PLATEAU),
    },
    "UMLAUT": {
        "rate_too_high": (Name.DIVERGENCE, Name.OSCILLATION),
        "rate_too_low": (Name.UNDERTRAINED, Name.PLATEAU),
        "overfitting": (Name.OVERFITTING,),
    },
}
"""Tool -> rule -> the verdicts of ours that it stands for; the order is the one in which a tool is read."""


def debugger(history: History) -> set[str]:
    """Mean |g| of a layer under 1e-7; (validation - training) / training loss over 0.1; loss not decreasing over 10."""
    fired = set()
    gradients = history.gradients
    if gradients is not None and "mean_abs" in gradients.figures and (gradients.figures["mean_abs"] < 1e-7).any():
        fired.add("vanishing_gradient")
    train, validation = pairs(history)
    with np.errstate(divide="ignore", invalid="ignore"):
        if ((validation - train) / train > 0.1).any():
            fired.add("overfit")
    loss = history.train.value
    # By its default a fall of less than 0.1% is none.
    if (loss[10:] > 0.999 * loss[:-10]).any():
        fired.add("loss_not_decreasing")
    return fired


def autotrainer(history: History) -> set[str]:
    """Gradients of the first layer against the last, share of zero gradients, swings and gain of accuracy."""
    fired = set()
    gradients = history.gradients
    if gradients is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            first, ratio = gradients.norm[:, 0], gradients.norm[:, 0] / gradients.norm[:, -1]
        if ((ratio < 1e-3) & (first < 1e-4)).any():
            fired.add("vanishing")
        if (ratio > 70).any():
            fired.add("exploding")
        if "zero_fraction" in gradients.figures and (gradients.figures["zero_fraction"][:, 1:] >= 0.7).any():
            fired.add("dying_relu")
    if not np.isfinite(history.train.value).all() or not np.isfinite(history.grad_norm.value).all():
        fired.add("exploding")
    accuracy = history.metrics["accuracy"].value if "accuracy" in history.metrics else np.empty(0)
    if len(accuracy) > 1:
        steps = np.diff(accuracy)
        # A swing is a fall: a rise is what training is for.
        if (steps <= -0.03).mean() >= 0.2:
            fired.add("oscillating")
        if steps.max() < 0.01:
            fired.add("slow_convergence")
        if accuracy.max() < 0.6:
            fired.add("not_converging")
    return fired


def umlaut(history: History) -> set[str]:
    """Rate over 0.01 or under 1e-7; validation loss up while training loss is not, from one evaluation to the next."""
    fired = set()
    rate = float(history.settings.get("learning_rate", np.nan))
    if rate > 0.01:
        fired.add("rate_too_high")
    if rate < 1e-7:
        fired.add("rate_too_low")
    train, validation = pairs(history)
    if ((np.diff(validation) > 0) & (np.diff(train) <= 0)).any():
        fired.add("overfitting")
    return fired


RIVALS: dict[str, Callable[[History], set[str]]] = {
    "SageMaker Debugger": debugger,
    "AUTOTRAINER": autotrainer,
    "UMLAUT": umlaut,
}


def verdicts(tool: str, history: History) -> tuple[Name, ...]:
    """Every verdict that a tool's rules stand for on a log, in their order; healthy where none fires."""
    fired = RIVALS[tool](history)
    names = [name for rule, means in MEANS[tool].items() if rule in fired for name in means]
    return tuple(dict.fromkeys(names)) or (Name.HEALTHY,)


def pairs(history: History) -> tuple[np.ndarray, np.ndarray]:
    """Training loss since the evaluation before, and validation loss, at every evaluation that has both."""
    train, validation = history.train, history.validation
    before = [-np.inf, *validation.step][: len(validation)]
    means = np.array([_mean(train, *between) for between in zip(before, validation.step, strict=True)], dtype=float)
    kept = np.isfinite(means)
    return means[kept], validation.value[kept]


def _mean(curve: Curve, after: float, until: float) -> float:
    values = curve.value[(curve.step > after) & (curve.step <= until)]
    return float(values.mean()) if len(values) else np.nan
