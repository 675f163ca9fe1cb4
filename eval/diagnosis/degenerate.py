"""The model gives every text the same answer."""

from math import log

import numpy as np

from eval.diagnosis.advice import learning_rate
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import History
from eval.diagnosis.metrics import accuracy, least_loss_of_a_constant, plain
from eval.diagnosis.series import last_part, level, start_of, thinned

FEWEST = 3
"""Evaluations that must agree."""
SAME = 0.8
"""The share of the evaluations that must have the very same value."""
PERFECT = 0.98
"""A metric that stays here is no guess."""
LEARNED = 0.05
"""A fall of the evaluation loss by which the model must be learning something."""
LEARNED_ALONE = 0.5
"""What is left of the training loss of a model that must be learning something, where no evaluation loss is logged."""
TOLERANCE = 0.02
"""By how much, as a share, a loss must be below the least of a constant answer to rule that out."""
ZERO_WHEN_NOTHING_IS_FOUND = ("f1", "mcc", "matthews_correlation", "recall", "precision")


def detect(history: History) -> Finding | None:
    """Find evaluation metrics that do not move at all, or that only a constant answer gives.

    F1, recall, precision or Matthews' correlation of exactly 0 in the last evaluations, or an accuracy that is the same
    in most of them, while the evaluation loss does not fall. A metric that stays at its best value is none of it, nor
    is an accuracy p with an evaluation loss below the entropy of p, which no constant answer reaches (where the loss is
    a cross-entropy in nats; a loss of another scale can only hide the finding). Assumed: so many evaluation rows that
    answers which differ do not give the same accuracy by chance four times of five. Of 2,000 healthy simulated runs
    (tests/eval/diagnosis/simulated.py) none is called this.
    """
    stuck = {}
    for name, curve in history.metrics.items():
        values = curve.finite.value
        if len(values) < FEWEST:
            continue
        if plain(name) in ZERO_WHEN_NOTHING_IS_FOUND and (values[-FEWEST:] == 0).all():
            stuck[name] = 0.0
        elif "acc" in plain(name):
            value, count = _commonest(values)
            top = 100 if values.max() > 1 else 1
            if count >= SAME * len(values) and value < PERFECT * top and values[-1] == value:
                stuck[name] = value
    if not stuck or _learns(history) or _is_better_than_constant(history) or _answers_differ(history):
        return None
    return _finding(history, stuck)


def _commonest(values: np.ndarray) -> tuple[float, int]:
    found, counts = np.unique(values, return_counts=True)
    at = int(np.argmax(counts))
    return float(found[at]), int(counts[at])


def _learns(history: History) -> bool:
    """Whether the evaluation loss fell, and not merely back to what a guess costs; without one, the training loss."""
    values = history.validation.finite.value
    if not len(values) and len(curve := thinned(history.train)) >= 3:
        return level(last_part(curve, 0.2).value) < LEARNED_ALONE * start_of(curve)
    guess = log(history.classes) if history.classes and history.classes > 1 else np.inf
    return len(values) >= 2 and values[-1] < min(values[0], guess) - LEARNED * abs(values[0])


def _is_better_than_constant(history: History) -> bool:
    shares, loss = accuracy(history.metrics), history.validation.finite
    if not len(shares) or not len(loss):
        return False
    return level(last_part(loss, 0.5).value) < (1 - TOLERANCE) * least_loss_of_a_constant(float(shares.value[-1]))


def _answers_differ(history: History) -> bool:
    """Whether Matthews' correlation, which is 0 for any constant answer, is none at the end."""
    for name, curve in history.metrics.items():
        if plain(name) in ("mcc", "matthews_correlation") and len(curve.finite):
            return bool(curve.finite.value[-1] != 0)
    return False


def _finding(history: History, stuck: dict[str, float]) -> Finding:
    first = next(iter(stuck))
    curve = history.metrics[first].finite
    # From the first evaluation on after which the value never changes.
    onset = float(
        curve.step[min(int(np.max(np.flatnonzero(curve.value != stuck[first]), initial=-1)) + 1, len(curve) - 1)]
    )
    shown = f"{first} is {stuck[first]:.4g} in {np.mean(curve.value == stuck[first]):.0%} of {len(curve)} evaluations"
    corner = Cause(
        cause="the learning rate threw the network into a corner where it answers by the class frequencies",
        for_=[shown],
    )
    if history.classes and "acc" in plain(first):
        even = abs(stuck[first] / (100 if curve.value.max() > 1 else 1) - 1 / history.classes) < 0.02
        rare = [f"{stuck[first]:.4g} is what a guess among {history.classes} classes of the same size gives"]
        frequent = Cause(cause="one class is far more frequent than the others", against=rare if even else [])
    else:
        frequent = Cause(cause="one class is far more frequent than the others")
    return Finding(
        name=Name.DEGENERATE_MODEL,
        severity=0.9,
        confidence=0.85,
        onset=Onset(onset, history.epoch_at(onset)),
        evidence={f"constant_{name}": value for name, value in stuck.items()},
        causes=[corner, frequent, Cause(cause="the labels of the evaluation rows were lost or are all the same")],
        ruled_out=[
            RuledOut("a model that knows its task", "the evaluation loss is not below what a constant answer gives")
        ]
        if len(history.validation.finite)
        else [],
        today=[
            learning_rate(history, 0.1, also="with warm-up", flags="--warmup_steps 0.1"),
            Action("look at the confusion matrix", "python eval/run.py RUN"),
        ],
        next_week=["weigh or resample the classes"],
        confirm_by=["the share of each class among the answers and among the labels"],
    )
