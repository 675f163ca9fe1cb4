"""The gradient grows without bound: from layer to layer towards the input, or from step to step."""

from dataclasses import dataclass
from math import log

import numpy as np

from eval.diagnosis.advice import learning_rate
from eval.diagnosis.depth_profile import Profile, fit, hidden, learned, onset, profile, ratios
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import EMPTY, Curve, History
from eval.diagnosis.series import last_part, level, noise, smoothed, thinned

RATIO = 100.0
"""First to last hidden layer, on the line. Healthy networks have 0.1 to 10."""
RATIO_BESIDE_LOSS = 20.0
"""The same beside a training loss that does not fall."""
SUREST = 10.0
"""What the whole 95% interval of that ratio must be beyond: the edge of what is healthy."""
LEARNED = 0.10
"""The fall of the training loss, as a share of its start, that speaks for a network which trains all the same."""
GROWTH = 100.0
"""The total norm at the end in terms of its own lowest level."""
OVER_START = 10.0
"""The same in terms of the first norms: one that comes back from near zero is as it was."""
GROWTH_ALONE = 1000.0
"""The same where no loss is logged."""
CLEAR = 5.0
"""The growth in standard deviations of the noise between neighbouring norms, on a log scale."""
SUFFERS = 0.10
"""The rise of the training loss since, as a share."""
HEAVY = 10.0
"""A gradient that is so much larger than the weights it belongs to: healthy networks have up to about 2."""
ABOVE_CHANCE = 2.0
"""A loss at the end in terms of a guess's: outputs that are far too large."""
SKIPPED = 5
"""Norms in a row that are no number, more than half precision skips."""
LAST = 0.15
"""The end of a run, as a share of its steps."""
CAPPED = 1e-3
"""Norms that agree within this share of the largest were clipped to it."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A total norm that left its level; `now` is infinite where it is no number, `lowest` NaN if it never was one."""

    onset: float
    lowest: float
    now: float


def detect(history: History) -> Finding | None:
    """Find gradients that grow with each layer towards the input, or with time, or that dwarf their weights.

    None of it counts in a run that learns: norms that are large but steady, single spikes and the NaN norms of steps
    that half precision skips are healthy. Norms that were clipped to a constant are no evidence of their size; their
    ratios still are. Assumed: the last 15% of the norms, and the last third of the profiles, show where the run went.
    False alarms: none in 1,000 simulated profiles of 4 to 32 layers that lie within a factor of 10 of each other, 2 in
    1,000 that wander by a factor of 1.4 from layer to layer, at most 1 in 300 totals that wander with spikes. Source:
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013.
    """
    fell = learned(history)
    ended_well = len(history.train) == 0 or np.isfinite(history.train.value[-1])
    if fell is not None and fell >= LEARNED and ended_well:
        return None
    evidence: dict[str, float] = {}
    onsets = []
    shape = None if history.gradients is None else profile(history.gradients)
    if shape and (of_depth := _over_depth(shape, RATIO if fell is None else RATIO_BESIDE_LOSS)):
        evidence |= of_depth
        onsets.append(onset(shape.step, ratios(shape) >= np.log10(RATIO_BESIDE_LOSS) / 2))
    if (growth := grown(history)) is not None:
        evidence["norm_at_the_end"] = growth.now
        if not np.isnan(growth.lowest):
            evidence["lowest_norm"] = growth.lowest
        onsets.append(growth.onset)
    if of_weights := _over_weights(history):
        evidence |= of_weights
        onsets.append(float(history.gradients.step[0]))
    if not evidence:
        return None
    if fell is not None:
        evidence["fall_of_training_loss"] = fell
    return _finding(history, min(onsets), evidence)


def grown(history: History) -> Growth | None:
    """Where the total norm left its own lowest level for good while the loss suffered; None where it did not."""
    curve = total(history)
    if len(curve) < 3:
        return None
    finite = curve.finite
    lost = curve.between(np.nextafter(finite.step[-1], np.inf), np.inf) if len(finite) else curve
    if len(lost) >= 2:
        # Half precision skips a step or two in a row; the loss tells whether it was more.
        since = float(lost.step[0])
        lowest = level(finite.value) if len(finite) else float("nan")
        return Growth(since, lowest, float("inf")) if len(lost) >= SKIPPED or _suffers(history, since) else None
    finite = thinned(Curve(finite.step[finite.value > 0], finite.value[finite.value > 0]))
    if len(finite) < 6:
        return None
    late = last_part(finite, LAST, 2).value
    if len(late) >= 4 and np.mean(late >= (1 - CAPPED) * finite.value.max()) >= 0.5:
        return None
    logs = np.log10(finite.value)
    calm = smoothed(logs)
    lowest, now = float(calm.min()), float(np.log10(level(late)))
    if now - lowest < max(np.log10(GROWTH), CLEAR * np.nan_to_num(noise(logs))):
        return None
    if now - level(logs[: max(1, len(logs) // 10)]) < np.log10(OVER_START):
        return None
    step = onset(finite.step, calm >= (lowest + now) / 2)
    suffers = _suffers(history, step)
    if suffers is None and now - lowest < np.log10(GROWTH_ALONE) or suffers is False:
        return None
    return Growth(step, 10**lowest, 10**now)


def total(history: History) -> Curve:
    """The total norm: as logged, else that of the layers together unless they were clipped."""
    if len(history.grad_norm):
        return history.grad_norm
    gradients = history.gradients
    if gradients is None or (gradients.clipped is not None and gradients.clipped.any()):
        return EMPTY
    with np.errstate(over="ignore"):
        return Curve(gradients.step, np.sqrt(np.nansum(gradients.norm**2, axis=1)))


def _suffers(history: History, since: float) -> bool | None:
    """Whether the training loss is no number or higher at the end than before a step; None without losses."""
    if len(history.train) < 3:
        return None
    if not np.isfinite(history.train.value[-1]):
        return True
    curve = thinned(history.train)
    before = curve.between(-np.inf, since)
    start = level(before.value[-5:]) if len(before) else float(curve.value[0])
    risen = level(last_part(curve, LAST, 2).value) - start
    return bool(risen > SUFFERS * abs(start) and risen > 2 * np.nan_to_num(noise(curve.value)))


def _over_depth(shape: Profile, limit: float) -> dict[str, float]:
    line = fit(shape)
    if line is None or line.ratio < limit or line.surest_ratio < SUREST:
        return {}
    return {
        "factor_per_layer": 10**line.rate,
        "factor_per_layer_low": 10**line.low,
        "factor_per_layer_high": 10**line.high,
        "first_to_last_layer": line.ratio,
        "hidden_layers": float(len(shape.layers)),
    }


def _over_weights(history: History) -> dict[str, float]:
    """Gradients that dwarf the weights all along, beside a loss that is far above that of a guess."""
    gradients = history.gradients
    if gradients is None or "weight_norm" not in gradients.figures or not len(history.train.finite):
        return {}
    if not history.classes or history.classes < 2:
        return {}
    columns = sum(hidden(gradients), [])
    with np.errstate(all="ignore"):
        shares = (gradients.norm / gradients.figures["weight_norm"])[:, columns]
    shares = shares[np.isfinite(shares).any(axis=1)]
    end = level(last_part(history.train.finite, LAST, 2).value)
    chance = log(history.classes)
    if not shares.size or end < ABOVE_CHANCE * chance:
        return {}
    by_recording = np.nanmedian(shares, axis=1)
    if by_recording.min() < HEAVY:
        return {}
    return {
        "gradient_over_weights": float(np.median(by_recording)),
        "training_loss_at_the_end": end,
        "loss_of_a_guess": chance,
    }


def _finding(history: History, step: float, evidence: dict[str, float]) -> Finding:
    start = min((float(c.step[0]) for c in (total(history), history.train) if len(c)), default=step)
    from_start = step <= start + 0.1 * max(history.last_step - start, 0)
    return Finding(
        name=Name.EXPLODING_GRADIENTS,
        severity=0.9 if "first_to_last_layer" not in evidence or len(history.train) else 0.7,
        confidence=0.9 if len(history.train) and len(evidence) > 3 else 0.75,
        onset=Onset(step, history.epoch_at(step)),
        evidence=evidence,
        causes=_causes(history, evidence, from_start),
        ruled_out=_ruled_out(history, evidence),
        today=_today(history, from_start),
        next_week=["a range test of the learning rate", "look at the batches around the onset"],
        confirm_by=[
            "gradient norms by layer at every step around the onset: --grad_norm_steps 1",
            "the first step alone, before any update: an even profile there clears the initial weights",
        ],
    )


def _causes(history: History, evidence: dict[str, float], from_start: bool) -> list[Cause]:
    weights = Cause(cause="initial weights too large for the depth: each layer multiplies the gradient")
    rate = Cause(cause="the learning rate is too high: the weights grew until the gradient did")
    clip = Cause(cause="nothing clips the gradient: one bad batch is enough")
    precision = Cause(cause="half precision overflows")
    if "factor_per_layer" in evidence:
        weights.for_.append(f"the gradient grows by a factor of {evidence['factor_per_layer']:.2g} a layer")
    if "gradient_over_weights" in evidence:
        weights.for_.append(f"the gradient is {evidence['gradient_over_weights']:.0f} times as large as the weights")
    if from_start:
        weights.for_.append("it was so from the first recordings")
        rate.against.append("it was so before the weights could move far")
    else:
        weights.against.append("the norm was lower at first")
        rate.for_.append("the norm was lower at first")
    rates = history.learning_rate.finite
    if len(rates) and not from_start and rates.value.max() > 0:
        rate.for_.append(f"the highest rate was {rates.value.max():.1g}")
    if "max_grad_norm" in history.settings:
        limit = history.settings["max_grad_norm"]
        (clip.against if limit else clip.for_).append(f"max_grad_norm is {limit}")
    if evidence.get("norm_at_the_end") == float("inf"):
        precision.for_.append("the norm is no number any more")
    else:
        precision.against.append("the norms are numbers")
    if history.settings.get("fp16"):
        precision.for_.append("the run computes in fp16")
    causes = [weights, rate, clip, precision] if from_start else [rate, clip, weights, precision]
    return sorted(causes, key=lambda cause: len(cause.against) - len(cause.for_))


def _ruled_out(history: History, evidence: dict[str, float]) -> list[RuledOut]:
    ruled_out = []
    if "norm_at_the_end" in evidence:
        ruled_out.append(RuledOut("a spike", "the norm stays high up to the end"))
    if len(history.train):
        ruled_out.append(RuledOut("large but steady norms of a healthy run", "the training loss does not fall"))
    if "factor_per_layer" in evidence:
        ruled_out.append(
            RuledOut(
                "layers of different sizes",
                f"{evidence['hidden_layers']:.0f} layers follow one line; its 95% interval is "
                f"{evidence['factor_per_layer_low']:.2g} to {evidence['factor_per_layer_high']:.2g} a layer",
            )
        )
    return ruled_out


def _today(history: History, from_start: bool) -> list[Action]:
    clip = Action("clip the gradient", "--max_grad_norm 1.0")
    lower = learning_rate(history, 0.1, also="with warm-up", flags="--warmup_steps 0.1")
    full = Action("compute in full precision", "--precision fp32")
    if history.settings.get("model") not in ("transformer", "deep_mlp"):
        return [clip, lower, full]
    norm = Action("a norm before each layer, residual connections", "--model_config residual=true,norm=pre,init=xavier")
    return [norm, clip, lower] if from_start else [clip, lower, norm]
