"""The evaluation loss has turned up while the training loss went on falling."""

from dataclasses import dataclass
from math import log

import numpy as np

from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import OF_THE_LOSS, best_metric, gain, lower_is_better, plain
from eval.diagnosis.series import last_part, level, noise, smoothed, start_of, thinned, trend

RISE = 0.05
"""The least rise that matters, as a share of the best evaluation loss."""
RISE_OF_FEW = 0.08
"""The same for fewer than 6 evaluations, whose noise cannot be seen."""
FALL = 0.10
"""How far the training loss must have gone down meanwhile, as a share of itself."""
CLEAR = 2.0
"""The rise in standard deviations of the noise between neighbouring evaluations."""
LEVEL = 0.01
"""Kendall's test of the trend since the best evaluation, where the rise is not that clear."""
MOST_OF_FEW = 0.8
"""The confidence that evaluations too few to show their noise can give."""
BY_HEART = 0.05
"""The share of its start that is left of the training loss of rows that are known by heart."""
OVER_START = 1.2
"""An evaluation loss, in terms of that before training, of a network that knows nothing but these rows."""
UNHARMED = 0.01
"""The share of itself by which a metric may have gone down and decisions still count as unharmed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How an evaluation curve went on after its best point."""

    best_step: float
    best: float
    end: float
    """The median of its last third since then."""
    rise: float
    """(end - best) / |best|."""
    noise: float
    """Between neighbouring evaluations, as a share of |best|; NaN where there are too few."""
    p: float


def detect(history: History) -> Finding | None:
    """Find a turn of the evaluation loss that is beyond its noise and that training did not share.

    Assumed: evaluations on the same rows. A run of 3 to 5 evaluations is judged by the size of the rise alone, a longer
    one also by its noise or by Kendall's test since the best evaluation. The best evaluation is the minimum of the
    curve, smoothed over 3 (of 12 or more: 5) evaluations; it was chosen for being lowest, so that a rise after it is no
    surprise: hence the share RISE on top. Where no turn is seen since it lies before the first evaluation, training
    rows known by heart beside evaluations worse than before training tell. Of 2,000 healthy simulated runs
    (tests/eval/diagnosis/simulated.py) 9 are called this. Source: Prechelt, Early stopping - but when?, 1998, compares
    such criteria.
    """
    return _turned(history) or _learned_by_heart(history)


def _turned(history: History) -> Finding | None:
    turn = find_turn(history.validation)
    if turn is None or not turn.rise >= RISE:
        return None
    fell = training_fall(history, turn.best_step)
    if fell is None:
        # Without the training loss it may be anything; only a very clear turn is called one.
        if not (turn.p < LEVEL and turn.rise > 3 * turn.noise):
            return None
    elif fell < FALL:
        return None
    if np.isnan(turn.noise):
        if turn.rise < RISE_OF_FEW:
            return None
    elif turn.rise < CLEAR * turn.noise and turn.p >= LEVEL:
        return None
    return _finding(history, turn, fell)


def _learned_by_heart(history: History) -> Finding | None:
    """A turn that lies before the first evaluation: training rows known, evaluation no better than before training."""
    curve, validation = history.train.finite, history.validation.finite
    if len(curve) < 3 or len(validation) < 3:
        return None
    start, end = start_of(thinned(curve)), level(last_part(curve, 0.15).value)
    untrained = max(start, log(history.classes)) if history.classes and history.classes > 1 else start
    if not (0 < end < BY_HEART * start and validation.value.min() > OVER_START * untrained):
        return None
    after = level(validation.value[-max(1, len(validation) // 3) :])
    first = float(validation.value[0])
    rise = max(after, first) / untrained - 1
    turn = Turn(float(validation.step[0]), untrained, after, rise, float("nan"), 1.0)
    return _finding(history, turn, (start - end) / start)


def find_turn(validation: Curve) -> Turn | None:
    """The best point of an evaluation curve and what came after; None where that is its end, or of under 3 points."""
    curve = thinned(validation)
    if len(curve) < 3:
        return None
    many = len(curve) >= 6
    width = 1 if not many else 3 if len(curve) < 12 else 5
    values = smoothed(curve.value, width)
    at = int(np.argmin(values))
    if at == len(values) - 1:
        return None
    best = float(values[at])
    after = len(values) - 1 - at
    end = level(curve.value[-max(1, -(-after // 3)) :])
    scale = abs(best) or 1.0
    wobble = noise(curve.value) / scale if many else float("nan")
    since = trend(Curve(curve.step[at:], curve.value[at:]))
    # Of the evaluations that make the best level, the lowest.
    first = max(0, at - width // 2)
    lowest = first + int(np.argmin(curve.value[first : at + width // 2 + 1]))
    return Turn(float(curve.step[lowest]), best, end, (end - best) / scale, wobble, since.p if since.rise > 0 else 1.0)


def training_fall(history: History, since: float) -> float | None:
    """How far the training loss fell after a step, as a share of what it was; None without training losses."""
    curve = history.train.finite
    if len(curve) < 2:
        return None
    before = curve.between(-np.inf, since)
    start = level(last_part(before, 0.15).value) if len(before) else float(curve.value[0])
    end = level(last_part(curve, 0.15).value)
    return (start - end) / abs(start) if start else 0.0


def _finding(history: History, turn: Turn, fell: float | None) -> Finding:
    metric = best_metric(history)
    if metric and set(OF_THE_LOSS) & set(plain(metric).split("_")):
        metric = None
    gained = gain(history, metric, turn.best_step) if metric else None
    loss_only = (
        gained is not None and gained >= -UNHARMED * _size(history, metric, turn) and not _peaked(history, metric)
    )
    evidence = {
        "best_step": turn.best_step,
        # The evaluation itself: what it is compared with is smoothed.
        "best_validation_loss": min(turn.best, float(np.interp(turn.best_step, *_points(history.validation)))),
        "validation_loss_at_the_end": turn.end,
        "rise": turn.rise,
    }
    if fell is not None:
        evidence["fall_of_training_loss_since"] = fell
    if not np.isnan(turn.noise):
        evidence["noise_of_validation_loss"] = turn.noise
    if gained is not None:
        evidence[f"gain_of_{metric}_since"] = gained
    step, most = turn.best_step, MOST_OF_FEW if np.isnan(turn.noise) else 0.97
    # What the run has is not advised again: the model it left is the best one.
    kept = history.settings.get("load_best_model_at_end") is True
    keep = f"--metric_for_best_model {f'eval_{plain(metric)}' if loss_only else 'eval_loss'}"
    return Finding(
        name=Name.OVERFITTING,
        severity=float(np.clip(turn.rise / 0.5, 0.1, 0.5 if loss_only else 1.0)),
        confidence=0.6 if fell is None else float(np.clip(0.7 + turn.rise, 0.7, most)),
        onset=Onset(step, history.epoch_at(step)),
        evidence=evidence,
        causes=_causes(history, turn, metric if loss_only else None),
        ruled_out=_ruled_out(turn, fell, metric, None if loss_only else gained),
        today=[
            *([] if kept else [Action("keep the best model, not the last", f"--load_best_model_at_end true {keep}")]),
            Action("stop when evaluation no longer improves", "--early_stopping_patience 2"),
            Action("regularise", "--weight_decay 0.1 --dropout 0.2 --label_smoothing_factor 0.1"),
            *(
                [Action("set the probabilities right on validation rows", "python eval/run.py RUN")]
                if loss_only
                else []
            ),
        ],
        next_week=[
            "more or more varied training texts",
            "fewer trained parameters: --tuning lora or a smaller network",
        ],
        confirm_by=[
            f"the same run stopped at step {step:.0f}, with several seeds",
            "the gap between training and evaluation loss on the same rows, dropout off",
        ],
    )


def _points(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    return curve.finite.step, curve.finite.value


def _size(history: History, metric: str, turn: Turn) -> float:
    """What the metric was at the best evaluation."""
    curve = history.metrics[metric].finite
    return abs(float(np.interp(turn.best_step, curve.step, curve.value)))


def _peaked(history: History, metric: str) -> bool:
    """Whether the metric, smoothed, was better before by more than UNHARMED, and by more than twice its noise."""
    values = history.metrics[metric].finite.value * (-1 if lower_is_better(metric) else 1)
    curve = smoothed(values, 3)
    lost = float(curve.max() - curve[-max(1, len(curve) // 5) :].max())
    return len(values) >= 6 and lost > max(2 * UNHARMED * abs(curve.max()), 2 * np.nan_to_num(noise(values)))


def _causes(history: History, turn: Turn, unharmed: str | None) -> list[Cause]:
    passes = Cause(cause="more passes over the data than it bears")
    best, end = history.epoch_at(turn.best_step), history.epoch_at(history.last_step)
    if best is not None and end is not None:
        passes.for_.append(f"evaluation was best after {best:.2g} of {end:.2g} epochs")
    small = Cause(cause="too little data for the size of the network")
    if best is not None and 0 < best <= 2:
        small.for_.append("two passes were enough to turn")
    seen = history.train.finite
    if len(seen) and turn.best > 0 and level(last_part(seen, 0.15).value) < 0.1 * turn.best:
        small.for_.append("the training rows end up learned by heart: their loss is under a tenth of evaluation's best")
    if unharmed is None:
        return [passes, small]
    sure = Cause(
        cause="the model grows too sure of itself: its probabilities suffer, its decisions do not",
        for_=[f"{unharmed} did not get worse, beyond a hundredth of itself, while the loss rose"],
    )
    return [sure, passes, small]


def _ruled_out(turn: Turn, fell: float | None, metric: str | None, gained: float | None) -> list[RuledOut]:
    ruled_out = []
    if np.isnan(turn.noise):
        ruled_out.append(RuledOut("a noisy minimum", "by the size of the rise alone: so few evaluations show no noise"))
    else:
        clear = f"the rise is {turn.rise / max(turn.noise, 1e-3):.1f} times the noise"
        ruled_out.append(
            RuledOut("a noisy minimum", clear + (f", and the trend has p = {turn.p:.2g}" if turn.p < LEVEL else ""))
        )
    if fell is not None:
        ruled_out.append(RuledOut(Name.DIVERGENCE, f"the training loss fell by {fell:.0%} meanwhile"))
    if gained is not None and gained < 0:
        ruled_out.append(RuledOut("a matter of the probabilities only", f"{metric} got worse by {-gained:.3g} as well"))
    return ruled_out
