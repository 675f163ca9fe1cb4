"""The figure of an evaluation by which decisions are judged, which way is better, and the level of a guess."""

from math import log

import numpy as np

from eval.diagnosis.history import EMPTY, Curve, History
from eval.diagnosis.series import level, noise

KNOWN = (
    "f1",
    "macro_f1",
    "f1_macro",
    "accuracy",
    "acc",
    "top1",
    "mcc",
    "auc",
    "map50",
    "map",
    "iou",
    "mean_iou",
    "bleu",
    "chrf",
    "meteor",
    "rouge",
    "rouge1",
    "rouge2",
    "rougel",
    "rougelsum",
    "em",
    "exact_match",
    "dice",
    "pearson",
    "pearsonr",
    "spearman",
    "spearmanr",
    "r2",
)
KNOWN_LOWER = ("wer", "cer", "ter", "mae", "mse", "rmse", "mape", "fid", "perplexity", "ppl", "error")
OF_THE_LOSS = ("perplexity", "ppl")
"""Metrics that are the loss in other units: they say nothing of decisions."""
AT_CHANCE = 0.02
"""How near to ln K a loss is that of a guess, as a share of it."""
LEARNED = 0.03
"""By how much a metric between 0 and 1 must be better than it was, beside twice its noise, to have moved."""


def best_metric(history: History) -> str | None:
    """The name of the metric that says most of the model's decisions; None where the log has none that is known."""
    names = sorted(name for name, curve in history.metrics.items() if len(curve.finite) >= 2)
    for known in (*KNOWN, *KNOWN_LOWER):
        for name in names:
            if plain(name) == known:
                return name
    for known in (*KNOWN, *KNOWN_LOWER):
        for name in names:
            if known in plain(name).split("_"):
                return name
    return None


def lower_is_better(name: str) -> bool:
    """Whether less of a metric is better, by its name."""
    return any(known in plain(name).split("_") for known in KNOWN_LOWER)


def gain(history: History, name: str, since: float) -> float | None:
    """How much better a metric is in the last third of the evaluations after a step than at it."""
    curve: Curve = history.metrics[name].finite
    before, after = curve.between(-np.inf, since), curve.between(np.nextafter(since, np.inf), np.inf)
    if not len(before) or not len(after):
        return None
    change = level(after.value[-max(1, -(-len(after) // 3)) :]) - float(before.value[-1])
    return -change if lower_is_better(name) else change


def accuracy(curves: dict[str, Curve]) -> Curve:
    """The accuracy among metrics, in percent or not, as a share of 1; empty where there is none."""
    for name in sorted(curves, key=lambda name: (plain(name) not in ("accuracy", "acc"), name)):
        if "acc" in plain(name) and len(curve := curves[name].finite):
            top = curve.value.max()
            if curve.value.min() >= 0 and top <= 100:
                return Curve(curve.step, curve.value / 100 if top > 1 else curve.value)
    return EMPTY


def improved(curve: Curve, *, lower: bool = False) -> bool | None:
    """Whether a metric between 0 and 1 ended clearly better than it began; None for fewer than 3 values."""
    if len(curve) < 3:
        return None
    values = curve.value if not lower else -curve.value
    change = level(values[-max(1, len(values) // 3) :]) - values[0]
    return bool(change > max(LEARNED, 2 * np.nan_to_num(noise(values))))


def is_known_to_learn(history: History, good: float = 0.8) -> bool:
    """Whether an accuracy says that the model knows its task: it ended clearly better than it began, or is high."""
    for curves in (history.metrics, history.train_metrics):
        curve = accuracy(curves)
        if len(curve) and (improved(curve) or level(curve.value[len(curve) // 2 :]) >= good):
            return True
    return False


def least_loss_of_a_constant(share: float) -> float:
    """The least cross-entropy, in nats, of a model with one answer for every row that is right on `share` of them.

    -p ln p - (1 - p) ln (1 - p): the entropy of the classes, the other classes taken as one.
    """
    return -sum(p * log(p) for p in (share, 1 - share) if p > 0)


def classes_of(history: History) -> int | None:
    """The number of classes: what the run says, or K where the first accuracy is 1 / K and the first loss ln K."""
    if history.classes:
        return history.classes if history.classes > 1 else None
    for loss, curves in ((history.validation, history.metrics), (history.train, history.train_metrics)):
        share, first = accuracy(curves), loss.finite
        if len(share) and len(first) and 1e-6 < share.value[0] <= 0.55:
            k = round(1 / share.value[0])
            if abs(share.value[0] * k - 1) < 0.15 and abs(first.value[0] - log(k)) < 0.05 * log(k):
                return k
    return None


def chance_level(history: History, loss: float) -> float | None:
    """ln K where a loss is that of guessing among K classes, K known or seen in an accuracy of 1 / K; else None."""
    candidates = {history.classes} if history.classes else set()
    for name, curve in history.metrics.items():
        values = curve.finite.value
        if "acc" in plain(name) and len(values):
            late = values[len(values) // 2 :]
            top = 100 if values.max() > 1 else 1
            share = level(late) / top
            if 1e-6 < share <= 0.55 and np.ptp(late) < 0.02 * top:
                candidates.add(round(1 / share))
        if plain(name).endswith("auc") and len(values) and abs(level(values[len(values) // 2 :]) - 0.5) < 0.02:
            candidates.add(2)
    near = [log(k) for k in candidates if k and k > 1 and abs(loss - log(k)) <= AT_CHANCE * log(k)]
    return min(near, key=lambda guess: abs(guess - loss)) if near else None


def plain(name: str) -> str:
    """A metric's name without what tells only where it was measured."""
    return name.lower().replace("-", "_").removeprefix("eval_").removeprefix("val_")
