"""Training ended while the losses still fell clearly."""

from dataclasses import dataclass
from math import log

import numpy as np

from eval.diagnosis.advice import epochs, learning_rate, rises_of_rate
from eval.diagnosis.finding import Cause, Finding, Name, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import best_metric, lower_is_better
from eval.diagnosis.series import last_part, level, noise, smoothed, start_of, thinned, trend

LAST = 0.25
"""The end of the run that is looked at, as a share of its steps."""
SHARE = 0.15
"""The part of the whole fall that came in it; of an exponential that has settled it is under a hundredth, of a power
law over two decades a twentieth, of a straight line a quarter."""
FALL = 0.025
"""The least fall in it, as a share of the level."""
FALL_OF_LITTLE = 0.01
"""The same of a loss that is still near that of a guess."""
NEAR_A_GUESS = 0.9
"""A loss, in terms of ln K, that is near that of a guess."""
RISEN = 0.15
"""A rise on the way, as a share of the whole range, that is a cycle's."""
CLEAR = 2.0
"""The fall in standard deviations of the noise between neighbouring points."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a curve falls in the last quarter of the run."""

    fall: float
    """As a share of its level."""
    share: float
    """As a share of the whole fall; 0 where the curve did not fall by FALL."""
    clear: bool
    """Whether it is beyond the noise."""


def detect(history: History) -> Finding | None:
    """Find losses that were still on their way down at the end.

    Where there are 3 evaluations or more, they must fall as well, since a training loss may fall for ever: both by
    FALL, one of them beyond its noise, and the last quarter must have brought SHARE of the whole fall of the evaluation
    loss, of the training loss, or of the gain of the metric. Where evaluation alone falls, training must not rise over
    the last half. A logged rate that went up again makes losses fall at the end by itself: nothing is said then.
    Assumed: the last quarter of the steps shows where the run was going; so a log cut in the middle of a run looks the
    same as a run that is over, and whoever reads a run under way leaves this finding out. On 2,000 healthy simulated
    runs (tests/eval/diagnosis/simulated.py) fewer than 1% are called this.
    """
    if (
        rises_of_rate(history)
        or _cycles(history.train)
        or len(history.train)
        and not np.isfinite(history.train.value[-1])
    ):
        return None
    validation, train = pace(history.validation), pace(history.train)
    if len(history.validation.finite) < 3:
        found = train if train and _falls(train) and train.clear and train.share >= SHARE else None
        return _finding(history, None, found) if found else None
    if validation is None or not _falls(validation, _least_fall(history)) or not _ends_at_its_best(history.validation):
        return None
    if train is None or len(history.train.finite) < 5:
        sure = (validation.clear or len(history.validation.finite) < 6) and validation.share >= SHARE
    elif _falls(train):
        share = max(validation.share, min(train.share, 2 * validation.share), _share_of_metric(history))
        sure = (validation.clear or train.clear) and share >= SHARE
    else:
        sure = (
            validation.clear and validation.share >= SHARE and trend(last_part(thinned(history.train), 0.5, 4)).rise < 0
        )
    return _finding(history, validation, train) if sure else None


def _cycles(curve: Curve) -> bool:
    """Whether the loss has risen again, far beyond its noise, twice or more: as with a rate that goes in cycles."""
    curve = thinned(curve)
    if len(curve) < 12:
        return False
    values = smoothed(curve.value, 3)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(values)))) + 1
    moves = np.diff(values[np.concatenate([[0], turns, [len(values) - 1]])])
    least = max(RISEN * float(np.ptp(values)), 4 * float(np.nan_to_num(noise(curve.value))))
    return np.count_nonzero(moves > least) >= 2


def pace(curve: Curve) -> Pace | None:
    """How a curve falls in its last quarter; None for fewer than 3 points."""
    curve = thinned(curve)
    if len(curve) < 3:
        return None
    late = last_part(curve, LAST, 2)
    # Two points of a short log are further apart than a quarter of it.
    part = min(1.0, LAST * (curve.step[-1] - curve.step[0]) / (late.step[-1] - late.step[0]))
    fall = -trend(late).rise * float(part)
    whole = start_of(curve) - level(last_part(curve, 0.1).value)
    scale = abs(level(late.value)) or 1.0
    clear = fall >= CLEAR * np.nan_to_num(noise(curve.value))
    share = float(np.clip(fall / whole, 0, 1)) if whole > FALL * scale else 0.0
    return Pace(fall / scale, share, bool(clear))


def _ends_at_its_best(curve: Curve) -> bool:
    """Whether the last of a few evaluations is clearly the lowest; of more than a few the trend tells."""
    values = curve.finite.value
    return len(values) >= 12 or bool(values[-1] < values[:-1].min() - FALL / 2 * abs(values[-1]))


def _falls(pace: Pace, least: float = FALL) -> bool:
    return pace.fall >= least and pace.share > 0


def _least_fall(history: History) -> float:
    """FALL, less where the network is hardly better than a guess."""
    curve = thinned(history.validation)
    near = history.classes and len(curve) and level(last_part(curve, 0.1).value) > NEAR_A_GUESS * log(history.classes)
    return FALL_OF_LITTLE if near else FALL


def _share_of_metric(history: History) -> float:
    """The part of the whole gain of the metric that came in the last quarter; 0 where it is not beyond its noise."""
    name = best_metric(history)
    if name is None:
        return 0.0
    curve = history.metrics[name].finite
    found = pace(curve if lower_is_better(name) else Curve(curve.step, -curve.value))
    return found.share if found and found.clear and found.fall >= FALL else 0.0


def _finding(history: History, validation: Pace | None, train: Pace | None) -> Finding:
    evidence = {}
    for which, found in (("validation", validation), ("training", train)):
        if found:
            evidence |= {
                f"fall_of_{which}_loss_in_the_last_quarter": found.fall,
                f"share_of_its_whole_fall_{which}": found.share,
            }
    fall = (validation or train).fall
    short = Cause(cause="too few steps", for_=[f"the last quarter of the run still brought {fall:.0%} of the loss"])
    slow = Cause(cause="the learning rate is too low")
    rates = history.learning_rate.finite.value
    ended = len(rates) > 2 and rates[-1] < 0.1 * rates.max()
    if ended:
        short.for_.append("the rate had gone down to its end: the steps were planned too few")
        slow.against.append("the loss may fall because the rate does")
    elif len(rates) > 2 and rates[-1] > 0.9 * rates.max():
        slow.for_.append("the rate was still at its highest")
    if history.max_step and history.last_step < 0.9 * history.max_step:
        short.for_.append(f"it stopped at step {history.last_step:.0f} of {history.max_step:.0f}")
    ruled_out = [RuledOut(Name.UNDERFITTING, "the losses are not flat")]
    if validation:
        ruled_out.append(RuledOut(Name.OVERFITTING, "the evaluation loss still falls as well"))
    share = max(found.share for found in (validation, train) if found)
    return Finding(
        name=Name.UNDERTRAINED,
        severity=float(np.clip(share, 0.1, 0.7)),
        confidence=0.75 if validation else 0.65,
        onset=None,
        evidence=evidence,
        causes=[short, slow],
        ruled_out=ruled_out,
        today=[epochs(history, 2), learning_rate(history, 2)],
        next_week=["a small search of rate and epochs: python train/study.py train/configs/studies/search.yaml"],
        confirm_by=["the same run with twice the steps: the evaluation loss should end clearly lower"],
    )
