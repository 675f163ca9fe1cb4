"""The training loss has not moved: it stays where it began, or at the level of a guess."""

from math import log

import numpy as np

from eval.diagnosis.advice import highest_rate, learning_rate
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import AT_CHANCE, accuracy, chance_level, is_known_to_learn
from eval.diagnosis.series import is_flat, last_part, level, noise, start_of, thinned, trend

FALL = 0.03
"""A change since the start that is none, as a share of it, unless it is beyond the noise."""
FALL_TO_FREQUENCIES = 0.10
"""The same where an accuracy shows that nothing was learned: so much the frequencies of the classes may bring."""
LATE = 0.5
"""The last share of the run that must be flat."""
FEWEST = 5
"""Losses that are needed."""
FEWEST_ALONE = 20
"""Losses that are needed where neither the level of a guess nor an accuracy nor a gradient tells."""
CLEAR, LEAST = 5.0, 0.01
"""A fall of so many standard deviations of the noise, and of this share of the loss, is one."""
NOT_LEARNED = 0.25
"""How much of the way from a guess to perfect an accuracy may have gone where the loss is no better than a guess."""
LOW = 0.6
"""An accuracy up to here may be that of the commonest class."""
ABOVE, JUMPS = 1.15, 0.1
"""A loss so many times that of a guess which jumps by this share of it is not flat: it swings."""


def detect(history: History) -> Finding | None:
    """Find a training loss that is flat from early on to the end without having learned anything.

    Told from underfitting by how little was ever gained, from a long initial plateau by its end, from a network that
    knew its task before by its accuracy. The level of a guess, ln K, is known where the number of classes is, or where
    the metrics are those of a guess. Without it, an accuracy that did not get better tells, or gradients that are no
    number, or 20 losses that all agree. A log without training losses is judged by its evaluation loss. Assumed: the
    first line is the beginning. Where it comes after the fall, as with few lines or a network that adapts within a few
    steps, the loss is as flat: hence the confidence of 0.55 for the loss alone. Of 2,000 healthy simulated runs
    (tests/eval/diagnosis/simulated.py) 3 are called this, most of that kind.
    """
    if found := _no_better_than_a_guess(history):
        return found
    of_training = len(history.train.finite) >= FEWEST
    curve = thinned(history.train if of_training else history.validation)
    if len(curve) < FEWEST:
        return None
    start, end = start_of(curve), level(last_part(curve, 0.2, 2).value)
    if not is_flat(last_part(curve, LATE, 4)):
        return None
    chance = chance_level(history, end)
    confidence = 0.9 if chance is not None else _never_moved(history, curve, start, end)
    if not confidence:
        return None
    evidence = {"loss_at_the_start": start, "loss_at_the_end": end, "fall": (start - end) / (abs(start) or 1.0)}
    if chance is not None:
        evidence["level_of_a_guess"] = chance
    return _finding(history, curve, evidence, "training" if of_training else "evaluation", confidence)


def _no_better_than_a_guess(history: History) -> Finding | None:
    """Losses that never came under ln K, K being known.

    One that began above and came down to it has unlearned what its first weights said, and learned nothing.
    """
    if not history.classes or history.classes < 2 or len(history.train.finite) < FEWEST:
        return None
    curve, guess = thinned(history.validation), log(history.classes)
    share, even = accuracy(history.metrics), 1 / history.classes
    if len(curve) < FEWEST or len(share) and level(last_part(share, 0.25).value) > even + NOT_LEARNED * (1 - even):
        return None
    start, end = start_of(curve), level(last_part(curve, 0.2, 2).value)
    of_training = level(last_part(thinned(history.train), 0.2, 2).value)
    if min(end, of_training) < (1 - AT_CHANCE) * guess or _suffered(history.train, guess):
        return None
    late = last_part(thinned(history.train), LATE).value
    if level(late) > ABOVE * guess and noise(late) > JUMPS * level(late):
        return None
    evidence = {"loss_at_the_start": start, "loss_at_the_end": end, "fall": (start - end) / (abs(start) or 1.0)}
    return _finding(history, history.train.finite, evidence | {"level_of_a_guess": guess}, "evaluation", 0.8)


def _suffered(curve: Curve, guess: float) -> bool:
    """Whether a training loss had been well under the level of a guess before."""
    return level(np.sort(curve.finite.value)[: max(3, len(curve) // 5)]) < 0.8 * guess


def _never_moved(history: History, curve: Curve, start: float, end: float) -> float:
    """How sure it is, without the level of a guess, that nothing was learned; 0 if not at all."""
    if is_known_to_learn(history) or _falls_clearly(curve):
        return 0.0
    scale = abs(start) or 1.0
    changed = abs(start - end) / scale
    shares = [share.value for curves in (history.metrics, history.train_metrics) if len(share := accuracy(curves)) >= 3]
    if shares and changed < (
        FALL_TO_FREQUENCIES if max(level(share[len(share) // 2 :]) for share in shares) <= LOW else FALL
    ):
        return 0.8
    if changed < FALL and (_without_gradient(history) or _without_rate(history)):
        return 0.8
    # Nothing but the loss tells: neither a fall within the first points nor one as large as the noise may be hidden.
    error = 2 * float(np.nan_to_num(noise(curve.value))) / np.sqrt(max(1, len(curve) // 20)) / scale
    hidden = changed + error >= FALL or abs(curve.value[0] - end) / scale >= FALL
    return 0.0 if len(curve) < FEWEST_ALONE or hidden else 0.55


def _falls_clearly(curve: Curve) -> bool:
    """Whether the fall, however small, is far beyond the noise: training on of a network that knows its task."""
    moved = trend(curve)
    least = max(CLEAR * float(np.nan_to_num(noise(curve.value))), LEAST * abs(level(curve.value)))
    return moved.p < 0.01 and -moved.rise > least


def _without_gradient(history: History) -> bool:
    norms = history.grad_norm.value
    return bool(len(norms)) and np.mean(~np.isfinite(norms) | (norms == 0)) > 0.5


def _without_rate(history: History) -> bool:
    rates = history.learning_rate.finite.value
    return len(rates) > 2 and rates.max() == 0


def _finding(history: History, curve: Curve, evidence: dict[str, float], which: str, confidence: float) -> Finding:
    at_chance = "level_of_a_guess" in evidence
    fall = f"the {which} loss changed by {evidence['fall']:.1%} over the whole log"
    guess = f"it ends at {evidence['loss_at_the_end']:.4g}, a guess gives {evidence.get('level_of_a_guess', 0):.4g}"
    shown = [fall, *([guess] if at_chance else [])]
    rate = highest_rate(history)
    wrong_rate = Cause(cause="the learning rate is far too low or too high to learn at all", for_=[fall])
    if rate is not None:
        size = "high" if rate > 1e-3 else "low" if rate < 1e-6 else "usual"
        (wrong_rate.against if size == "usual" else wrong_rate.for_).append(
            f"its highest, {rate:.1e}, is {size} for fine-tuning"
        )
    skipped = Cause(cause="the optimiser takes no step: every gradient is infinite or no number, or the rate is 0")
    if _without_gradient(history):
        skipped.for_.append("most of the logged gradient norms are 0, infinite or no number")
    if _without_rate(history):
        skipped.for_.append("the logged learning rate is 0 throughout")
    causes = [
        wrong_rate,
        Cause(cause="labels and texts do not belong together, or carry no signal", for_=shown[1:]),
        Cause(cause="what should learn is frozen, or its gradient vanishes"),
    ]
    causes = [skipped, *causes] if skipped.for_ else causes
    ruled_out = [
        RuledOut(Name.UNDERTRAINED, f"the last {LATE:.0%} of the run is flat"),
        RuledOut(
            Name.UNDERFITTING,
            "nothing was gained since the first lines" if not at_chance else "it is no better than a guess",
        ),
    ]
    return Finding(
        name=Name.PLATEAU,
        severity=0.9,
        confidence=confidence,
        onset=Onset(float(curve.step[0]), history.epoch_at(float(curve.step[0]))),
        evidence=evidence,
        causes=causes,
        ruled_out=ruled_out,
        today=[
            Action("learn 32 rows by heart; if that fails, the code or the data is wrong", "--max_train_samples 32"),
            learning_rate(history, 10),
            learning_rate(history, 0.1),
        ],
        next_week=["read 50 training rows with their labels", "a range test of the learning rate over four decades"],
        confirm_by=["gradient norms by layer from the first step: --grad_norm_steps 1"],
    )
