"""The training loss has blown up: it is no number any more, or rose far and stayed there."""

import numpy as np

from eval.diagnosis.advice import learning_rate
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.series import last_part, level, noise, smoothed, start_of, thinned

LOST = 0.5
"""How much of what training had gained must be lost again, as a share, unless the loss doubles."""
ABOVE_START = 1.2
"""Where nothing was gained: the end in terms of the start."""
CLEAR = 5.0
"""The rise in standard deviations of the noise between neighbouring points."""
RISE = 0.2
"""The least rise, as a share of the best level."""
FROM_NOTHING = 0.05
"""A start, in terms of the end, that no loss of a network before training has."""
RISES = 2
"""How often a curve that leaves its best level for good may have come up from there."""


def detect(history: History) -> Finding | None:
    """Find a training loss that ends as NaN or infinite, breaks down to exact zeros, or rises for good.

    A rise is for good when the last 15% of the points lie far above the best level and the curve went up there once or
    twice, not again and again. A smaller one counts where the evaluation loss climbed with it and stayed. A spike that
    comes back, a jump at a restart and one NaN among numbers are none of it, nor are large gradients as such. The
    evaluation loss alone tells of overfitting as well, and is not asked. Assumed: the loss is of one task throughout.
    On 2,000 healthy simulated runs (tests/eval/diagnosis/simulated.py) there was none or one false alarm.
    """
    onset = broken_from(history.train, history.grad_norm)
    if onset is not None:
        count = float(np.count_nonzero(history.train.step >= onset))
        return _finding(history, onset, {"points_that_are_no_number": count}, broken=True)
    risen = rise(history.train, history.restarts) or _climb_of_both(history)
    if risen is None:
        return None
    onset, evidence = risen
    return _finding(history, onset, evidence, broken=False)


def broken_from(curve: Curve, grad_norm: Curve) -> float | None:
    """The step from which no loss is a number up to the end, or all are exactly 0 beside gradients that are none."""
    if not len(curve):
        return None
    broken = ~np.isfinite(curve.value)
    if not broken[-1] and curve.value[-1] == 0 and len(grad_norm) and not np.isfinite(grad_norm.value[-1]):
        # Half precision that overflowed: the loss is logged as 0.
        broken = broken | (curve.value == 0)
    if not broken[-1]:
        return None
    sound = np.flatnonzero(~broken)
    first = sound[-1] + 1 if len(sound) else 0
    return float(curve.step[first])


def rise(curve: Curve, restarts: tuple[float, ...] = ()) -> tuple[float, dict[str, float]] | None:
    """Where a loss leaves its best level for good, with the figures; None where it does not."""
    curve = thinned(curve)
    if len(curve) < 5:
        return None
    values = smoothed(curve.value, 5)
    best, start = float(values.min()), start_of(curve)
    end = level(last_part(curve, 0.15, 2).value)
    risen, gained = end - best, start - best
    if not risen > max(min(LOST * gained, abs(best)), _least_rise(curve, best)):
        return None
    if gained <= RISE * abs(best) and end - start <= (ABOVE_START - 1) * abs(start):
        return None
    if abs(start) < FROM_NOTHING * abs(end) and level(values[len(values) // 4 : len(values) // 2]) > RISE * end:
        # Begun at next to nothing and risen all along: a penalty or a reward's loss, not one that training lost.
        return None
    return _where(curve, values, best, end, restarts)


def _climb_of_both(history: History) -> tuple[float, dict[str, float]] | None:
    """A training loss that ends above its best beside an evaluation loss that rose by LOST and stayed."""
    curve, validation = thinned(history.train), thinned(history.validation)
    if len(curve) < 8 or len(validation) < 4:
        return None
    values = smoothed(curve.value, 5)
    of_validation = smoothed(validation.value, 3) if len(validation) >= 12 else validation.value
    best, end = float(values.min()), level(last_part(curve, 0.15, 2).value)
    lowest, last = float(of_validation.min()), level(validation.value[-max(2, len(validation) // 4) :])
    if not (end - best > _least_rise(curve, best) and last - lowest > LOST * abs(lowest)):
        return None
    if last - lowest <= CLEAR * np.nan_to_num(noise(validation.value)) and len(validation) >= 6:
        return None
    # Training must not have gone on falling since evaluation was at its best.
    then = values[np.searchsorted(curve.step, validation.step[int(np.argmin(of_validation))], side="right") - 1]
    if end < then:
        return None
    found = _where(curve, values, best, end, history.restarts)
    return found and (found[0], found[1] | {"best_validation_loss": lowest, "validation_loss_at_the_end": last})


def _least_rise(curve: Curve, best: float) -> float:
    return max(RISE * abs(best), CLEAR * float(np.nan_to_num(noise(curve.value))))


def _where(
    curve: Curve, values: np.ndarray, best: float, end: float, restarts: tuple[float, ...]
) -> tuple[float, dict[str, float]] | None:
    """The onset of a rise from `best` to `end`; None where it is one swing of many, or a restart's."""
    up, down = best + (end - best) * 2 / 3, best + (end - best) / 3
    where = np.sign((values > up).astype(int) - (values < down).astype(int))
    if np.count_nonzero(np.diff(where[where != 0]) > 0) > RISES:
        return None
    # From where on the smoothed loss stays above half of the rise.
    below = np.flatnonzero(values <= best + (end - best) / 2)
    onset = float(curve.step[min(below[-1] + 1, len(curve) - 1)])
    if any(abs(onset - restart) <= 2 * (curve.step[-1] - curve.step[0]) / len(curve) for restart in restarts):
        return None
    return onset, {
        "best_training_loss": best,
        "training_loss_at_the_end": end,
        "training_loss_at_the_start": start_of(curve),
    }


def _finding(history: History, onset: float, evidence: dict[str, float], *, broken: bool) -> Finding:
    evidence = dict(evidence)
    rates, norms = history.learning_rate.finite, history.grad_norm.finite
    high = Cause(cause="the learning rate is too high")
    if len(rates) > 1:
        before = rates.between(-np.inf, onset)
        then, highest = float((before if len(before) else rates).value[-1]), float(rates.value.max())
        evidence |= {"learning_rate_then": then, "highest_learning_rate": highest}
        if then >= 0.8 * highest:
            high.for_.append(f"it happens at a rate of {then:.1e}, near the highest of the run")
        else:
            high.against.append(f"the rate was {then:.1e} by then, the highest is {highest:.1e}")
    if len(before := norms.between(-np.inf, onset)) >= 10:
        usual, last = level(before.value), float(before.value[-max(1, len(before) // 10) :].max())
        grew = f"the gradient norm reaches {last:.3g} before it, usual is {usual:.3g}"
        if last > 5 * usual:
            high.for_.append(grew)
    data = Cause(cause="a broken batch: an empty text, a label out of range, a value that is no number")
    at_once = onset <= history.train.step[0]
    if broken and not at_once:
        data.for_.append("the losses before were sound")
    elif at_once:
        data.against.append("it begins with the first line")
    causes = [high, data]
    if broken:
        precision = Cause(cause="half precision overflowed", for_=["the loss is no number from one line to the next"])
        told = history.settings.get("precision")
        if told in ("fp32", "bf16"):
            precision.against.append(f"--precision is {told}, which hardly overflows")
        causes = [high, precision, data] if precision.against or high.for_ else [precision, high, data]
    ruled_out = [
        RuledOut("a spike", "the loss stays up to the end" if not broken else "no later line is a number"),
        RuledOut(Name.OVERFITTING, "the training loss itself is lost"),
    ]
    if not broken:
        ruled_out.append(RuledOut(Name.OSCILLATION, "it went up for good, not again and again"))
    if history.restarts:
        ruled_out.append(RuledOut("the restart", "the rise does not begin there"))
    return Finding(
        name=Name.DIVERGENCE,
        severity=1.0,
        confidence=0.97 if broken else 0.7 if "best_validation_loss" in evidence else 0.85,
        onset=Onset(onset, history.epoch_at(onset)),
        evidence=evidence,
        causes=causes,
        ruled_out=ruled_out,
        today=[
            learning_rate(history, 0.1, also="with warm-up", flags="--warmup_steps 0.1"),
            Action("clip the gradient", "--max_grad_norm 1.0"),
            Action("compute in full precision", "--precision fp32"),
        ],
        next_week=["a range test of the learning rate", "look at the batches around the onset"],
        confirm_by=["gradient norms by layer at every step around the onset: --grad_norm_steps 1"],
    )
