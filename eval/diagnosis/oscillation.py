"""The loss swings without getting anywhere: in a period, from point to point, or wider and wider."""

import numpy as np

from eval.diagnosis.advice import learning_rate, rises_of_rate
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset, RuledOut
from eval.diagnosis.history import Curve, History
from eval.diagnosis.metrics import accuracy, best_metric, classes_of, is_known_to_learn, plain
from eval.diagnosis.series import (
    begins_anew,
    growth_of_noise,
    is_flat,
    last_part,
    level,
    noise,
    smoothed,
    start_of,
    strongest_cycle,
    thinned,
    trend,
)

WINDOW = 2 / 3
"""The last share of the run in which a swing is looked for."""
SHARE = 0.5
"""What one period must explain of the variance about the trend."""
PERIODIC = 0.15
"""The least amplitude of a period, as a share of the level."""
LEVEL = 0.001
"""The level of Fisher's test."""
GROWING = 0.01
"""The level of the test of growing noise, which is asked beside a growth, a width and no fall."""
GROWTH = 3.0
"""How many times larger the last jumps are than the first ones."""
WIDE = 0.25
"""Noise from point to point, as a share of the level, that is no longer a wobble."""
WIDE_ALONE = 0.7
"""The same where nothing but the noise of the training loss speaks for swings: small batches come to 0.6."""
OF_METRIC = 0.05
"""The same of a metric between 0 and 1."""
CALMER = 0.7
"""Noise that has come down to this share is calming down."""
FEWEST = 12
"""Points that are needed."""
UP, DOWN = 2.0, 0.5
"""How far over its start, and then under it, a loss must go for an excursion."""
CLEAR = 3.0
"""How far beyond its noise from point to point that must be, in standard deviations."""
JUMP = 0.15
"""A step of F1, recall or precision from one evaluation to the next that no fine-tuning makes on its way."""
NOTHING_LEARNED = 0.25
"""How much of the way from a guess to perfect an accuracy may have gone where decisions swing."""

NEARLY_OVER = 0.9
"""The share of the planned steps from which on nothing learned is nothing learned."""


def detect(history: History) -> Finding | None:
    """Find swings of the training or evaluation loss that are neither noise around a fall nor a schedule's.

    Six kinds, the surest first: a loss that comes down to half of its start and climbs to twice that again and again; a
    period in the training loss (Fisher's test, at least half of the variance, an amplitude of PERIODIC, no fall larger
    than the swing); jumps that grow GROWTH times, to WIDE, while the loss falls by no more than they are wide; a
    training loss that jumps by WIDE_ALONE without any trend; evaluations that swing by WIDE and whose metric does too,
    without trend and without calming down; an F1, recall or precision that jumps by JUMP from evaluation to evaluation
    in a network that is hardly better than a guess. Cycles of a logged learning rate explain a period; so does a sum or
    mean that the log begins anew at every epoch. Long logs are averaged first, so that the noise of single batches is
    no swing.
    Assumed: noise independent from point to point; the share asked for keeps drifts out. On 2,000 healthy simulated
    runs (tests/eval/diagnosis/simulated.py) fewer than 1% are called this. Source of the test: see strongest_cycle.
    """
    return (
        _excursions(history)
        or _periodic(history)
        or _growing(history)
        or _restless(history)
        or _evaluations(history)
        or _decisions(history)
    )


def _excursions(history: History) -> Finding | None:
    curve = thinned(history.train)
    if len(curve) < FEWEST or begins_anew(history.train):
        return None
    values, start = smoothed(curve.value, 3), max(abs(start_of(curve)), abs(level(curve.value[:3])))
    if UP * start < level(values) + CLEAR * np.nan_to_num(noise(curve.value)):
        return None
    where = (values > UP * start).astype(int) - (values < DOWN * start).astype(int)
    at = np.flatnonzero(where)
    rises = at[1:][np.diff(where[at]) > 0]
    if len(rises) < 2:
        return None
    highest = float(curve.value.max())
    evidence = {"excursions": float(len(rises)), "highest": highest, "loss_at_the_start": start}
    words = f"it falls under half of its start and climbs to twice that, up to {highest:.3g}, {len(rises)} times"
    # The last excursion may be the one that it does not come back from.
    return _finding(history, float(curve.step[rises[0]]), evidence, words, 0.85, _ordered(history, curve, rises))


def _periodic(history: History) -> Finding | None:
    late = last_part(thinned(history.train), WINDOW)
    if len(late) < FEWEST or rises_of_rate(history) >= 2:
        return None
    cycle, scale = strongest_cycle(late), abs(level(late.value))
    if cycle is None or cycle.p >= LEVEL or cycle.share < SHARE or cycle.amplitude < PERIODIC * scale:
        return None
    if -trend(late).rise > 2 * cycle.amplitude or begins_anew(history.train):
        return None
    evidence = {
        "period": cycle.period,
        "amplitude": cycle.amplitude,
        "amplitude_by_level": cycle.amplitude / (scale or 1.0),
        "share_of_variance": cycle.share,
        "p": cycle.p,
    }
    words = f"it swings by {evidence['amplitude_by_level']:.0%} every {cycle.period:.4g} steps (p = {cycle.p:.1g})"
    return _finding(history, float(late.step[0]), evidence, words, 0.85, _order_of_rows(history, cycle.period))


def _growing(history: History) -> Finding | None:
    late = last_part(history.train.finite, WINDOW)
    growth = growth_of_noise(late.value)
    # A network that begins with the same answer to all has hardly any noise then, and more the more it learns.
    if growth.ratio < GROWTH or growth.p >= GROWING or is_known_to_learn(history):
        return None
    first, last = late.value[: len(late) // 3], late.value[-max(5, len(late) // 5) :]
    wide = noise(last)
    if not wide > WIDE * abs(level(last)) or level(first) - level(last) > 2 * wide:
        return None
    evidence = {"growth_of_noise": growth.ratio, "noise_by_level": wide / abs(level(last)), "p": growth.p}
    words = f"the jumps from line to line grow {growth.ratio:.1f} times (p = {growth.p:.1g})"
    return _finding(history, float(late.step[len(late) // 2]), evidence, words, 0.8, None)


def _restless(history: History) -> Finding | None:
    curve = thinned(history.train)
    if len(curve) < FEWEST or rises_of_rate(history) >= 2:
        return None
    late = last_part(curve, WINDOW)
    wobble, scale = noise(late.value), abs(level(late.value))
    if not wobble > WIDE_ALONE * scale or not is_flat(late) or begins_anew(history.train):
        return None
    # Noise around a level that was fallen to is that of small batches.
    if trend(curve).p < 0.05 and trend(curve).rise < 0 or start_of(curve) - level(late.value) > wobble:
        return None
    evidence = {"noise_by_level": wobble / (scale or 1.0), "amplitude": wobble}
    words = f"it jumps by {evidence['noise_by_level']:.0%} of its level from line to line and does not fall"
    return _finding(history, float(late.step[0]), evidence, words, 0.6, None)


def _evaluations(history: History) -> Finding | None:
    curve = thinned(history.validation)
    if len(curve) < FEWEST or rises_of_rate(history) >= 2:
        return None
    late = last_part(curve, 0.5)
    third = len(late) // 3
    wobble, scale = noise(late.value), abs(level(late.value))
    if not wobble > WIDE * scale or trend(late).p < 0.05:
        return None
    if noise(late.value[-2 * third :]) < CALMER * noise(curve.value[len(curve) // 4 : -third]):
        return None
    # What is left of a loss that has come down to little is no swing of what was learned.
    if wobble < PERIODIC * (start_of(curve) - level(late.value)):
        return None
    evidence = {"noise_by_level": wobble / (scale or 1.0), "amplitude": wobble}
    name = best_metric(history)
    if name is None:
        return None
    metric = last_part(history.metrics[name].finite, 0.5)
    of_metric = noise(metric.value) / (100 if len(metric) and np.abs(metric.value).max() > 1.5 else 1)
    if not of_metric > OF_METRIC:
        return None
    evidence[f"noise_of_{name}"] = of_metric
    words = f"evaluation jumps by {evidence['noise_by_level']:.0%} of its level, {name} by {of_metric:.2g}, to the end"
    return _finding(history, float(late.step[0]), evidence, words, 0.6, None)


def _decisions(history: History) -> Finding | None:
    """Evaluations whose decisions lean to one class, then to the other, in a network that learns next to nothing."""
    share = accuracy(history.metrics)
    classes = classes_of(history)
    if len(share) < 6 or classes is None or rises_of_rate(history) >= 2:
        return None
    if history.max_step is not None and history.last_step < NEARLY_OVER * history.max_step:
        # Before a network has learned anything its decisions lean this way and that.
        return None
    learned = (level(last_part(share, 0.25).value) - 1 / classes) / (1 - 1 / classes)
    if learned > NOTHING_LEARNED:
        return None
    for name in ("f1", "recall", "precision"):
        found = [curve.finite for full, curve in history.metrics.items() if plain(full) == name]
        jumps = np.abs(np.diff(last_part(found[0], WINDOW).value)) if found else np.empty(0)
        if np.count_nonzero(jumps >= JUMP) >= 2:
            onset = float(last_part(found[0], WINDOW).step[0])
            evidence = {f"largest_jump_of_{name}": float(jumps.max()), "jumps": float((jumps >= JUMP).sum())}
            words = f"{name} jumps by up to {jumps.max():.2g} from one evaluation to the next"
            return _finding(history, onset, evidence, words, 0.6, None)
    return None


def _ordered(history: History, curve: Curve, rises: np.ndarray) -> str | None:
    """What speaks for rows in order: excursions that come as often as epochs, or twice as often."""
    return _order_of_rows(history, float(np.median(np.diff(curve.step[rises])))) if len(rises) >= 3 else None


def _order_of_rows(history: History, period: float) -> str | None:
    """What speaks for rows that come in the same order: a period of an epoch, or of a small part of one."""
    epoch = history.steps_per_epoch
    if not epoch or epoch == 1:
        return None
    parts = epoch / period
    if parts < 0.9 or abs(parts - round(parts)) > 0.1 * parts or round(parts) > 4:
        return None
    return f"the period is {'an epoch' if round(parts) == 1 else f'1/{round(parts)} of an epoch'}"


def _finding(
    history: History, onset: float, evidence: dict[str, float], words: str, confidence: float, same_order: str | None
) -> Finding:
    high = Cause(
        cause="the learning rate is too high for the curvature: each step jumps over the minimum", for_=[words]
    )
    rates = history.learning_rate.finite.value
    if len(rates) > 2 and rates[-1] < 0.2 * rates.max():
        high.against.append("the swings outlast a rate that has come down")
    batch = Cause(cause="the batches are too small, or unlike each other")
    size = history.settings.get("per_device_train_batch_size")
    if isinstance(size, int):
        (batch.for_ if size <= 4 else batch.against).append(f"--per_device_train_batch_size is {size}")
    order = Cause(cause="the rows are not shuffled", for_=[same_order] if same_order else [])
    if history.settings.get("train_sampling_strategy") == "sequential":
        order.for_.append("--train_sampling_strategy is sequential")
    causes = [order, high, batch] if order.for_ else [high, batch, order]
    ruled_out = [RuledOut("noise around a fall", "no fall larger than the swings in the last two thirds")]
    if len(rates) > 2:
        ruled_out.append(RuledOut("a cyclic learning rate", "the logged rate does not go up again"))
    ruled_out.append(RuledOut(Name.DIVERGENCE, "it comes back each time"))
    shuffle = Action("shuffle the rows", "--train_sampling_strategy random")
    return Finding(
        name=Name.OSCILLATION,
        severity=float(np.clip(evidence.get("amplitude_by_level", evidence.get("noise_by_level", 0.5)), 0.3, 0.8)),
        confidence=confidence,
        onset=Onset(onset, history.epoch_at(onset)),
        evidence=evidence,
        causes=causes,
        ruled_out=ruled_out,
        today=[
            *([shuffle] if order.for_ else []),
            learning_rate(history, 0.3, also="falling to 0", flags="--lr_scheduler_type cosine"),
            Action("batches four times as large", "--gradient_accumulation_steps 4"),
            Action("clip the gradient", "--max_grad_norm 1.0"),
        ],
        next_week=["a study of rate by batch size: python train/study.py train/configs/studies/lr_x_batch.yaml"],
        confirm_by=["the learning rate at every logged line", "the training loss at every step: --logging_steps 1"],
    )
