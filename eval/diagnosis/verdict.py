"""From the findings of all detectors to one verdict: what to act on first."""

from dataclasses import replace

import numpy as np

from eval.diagnosis import (
    dead_units,
    degenerate,
    divergence,
    exploding_gradients,
    oscillation,
    overfitting,
    plateau,
    underfitting,
    undertrained,
    vanishing_gradients,
)
from eval.diagnosis.finding import Diagnosis, Finding, Name
from eval.diagnosis.history import EMPTY, Curve, Gradients, History
from eval.diagnosis.series import begins_anew, level, noise

DETECTORS = (
    divergence,
    exploding_gradients,
    dead_units,
    vanishing_gradients,
    degenerate,
    plateau,
    overfitting,
    oscillation,
    underfitting,
    undertrained,
)
"""In the order in which one acts on what they find, all else being equal."""
SURE = 0.5
"""A finding of less confidence is told, but does not make a verdict."""
OF_GRADIENTS = {Name.VANISHING_GRADIENTS, Name.EXPLODING_GRADIENTS, Name.DEAD_UNITS}
"""Judged by recorded gradients, whatever losses there are."""
FEWEST_LOSSES = 6
"""Training losses, without 3 evaluations, from which a log can tell."""
FEWEST_EVALUATIONS = 3
"""Evaluations, with as many training losses, from which a log can tell."""
FEWEST_EVALUATIONS_ALONE = 6
"""Evaluations without training losses."""

EXPLAINS = {
    Name.DIVERGENCE: {
        Name.OVERFITTING,
        Name.OSCILLATION,
        Name.PLATEAU,
        Name.DEGENERATE_MODEL,
        Name.UNDERFITTING,
        Name.UNDERTRAINED,
    },
    Name.EXPLODING_GRADIENTS: {Name.PLATEAU, Name.OSCILLATION, Name.DEGENERATE_MODEL, Name.UNDERFITTING},
    Name.DEAD_UNITS: {
        Name.VANISHING_GRADIENTS,
        Name.PLATEAU,
        Name.DEGENERATE_MODEL,
        Name.UNDERFITTING,
        Name.UNDERTRAINED,
    },
    Name.VANISHING_GRADIENTS: {Name.PLATEAU, Name.DEGENERATE_MODEL, Name.UNDERFITTING, Name.UNDERTRAINED},
    Name.DEGENERATE_MODEL: {Name.UNDERFITTING},
    Name.PLATEAU: {Name.DEGENERATE_MODEL, Name.UNDERFITTING},
    Name.OSCILLATION: {Name.OVERFITTING, Name.UNDERFITTING, Name.UNDERTRAINED},
}
"""Which finding is the cause of which others: these come after it, however severe."""
OF_THE_END = {Name.UNDERTRAINED, Name.UNDERFITTING}
"""Findings that only the end of a run can show."""
OF_THE_START = {Name.PLATEAU, Name.DEGENERATE_MODEL}
"""Findings that the start of a healthy run shows as well: a flat loss, the same answer for all."""
START = 0.5
"""The share of the planned steps that is the start: a network may learn nothing for long, and then all."""


def diagnose(history: History, *, under_way: bool = False) -> Diagnosis:
    """Judge a run by all that its log says.

    The verdict is the finding to act on first: one that no other finding explains, of those the one with the largest
    product of severity and confidence. Without a finding it is healthy where the log could have shown one, else
    insufficient_evidence; what to log is named in either case. Where the log begins anew at a restart with a loss that
    jumps up, what follows the restart is judged. `under_way` leaves out what only the end can show.
    """
    # A loss of 1e300 is a loss: what overflows is judged as infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return _diagnose(since_fresh_start(history), under_way)


def _diagnose(history: History, under_way: bool) -> Diagnosis:
    anew = begins_anew(history.train)
    if anew:
        history = replace(history, train=EMPTY)
    lacking, can_tell = _lacking(history)
    if anew:
        lacking.insert(0, "the training loss itself: the log has a sum or mean that begins anew at every epoch")
    found = [finding for detector in DETECTORS if (finding := detector.detect(history))]
    if under_way:
        found = [finding for finding in found if _shows_yet(finding.name, history)]
    if not can_tell:
        # Two points make a trend of anything; only what is no number needs no more of them.
        found = [finding for finding in found if finding.name == Name.DIVERGENCE or finding.name in OF_GRADIENTS]
    recordings = history.gradients.step if history.gradients is not None else ()
    recorded_from = float(recordings[0]) if len(recordings) else 0.0
    findings = _in_order(found, recorded_from)
    of_gradients_alone = history.gradients is not None and not len(history.train) and not len(history.validation)
    if findings and findings[0].confidence >= SURE:
        verdict = findings[0].name
    elif can_tell or of_gradients_alone:
        verdict = Name.HEALTHY
    else:
        verdict = Name.INSUFFICIENT_EVIDENCE
    return Diagnosis(verdict, findings, lacking)


def since_fresh_start(history: History) -> History:
    """What follows the last restart at which training lost what it had: a new run in the same file; else all of it."""
    curve = history.train.finite
    for restart in sorted(history.restarts, reverse=True):
        before, after = curve.between(-np.inf, np.nextafter(restart, -np.inf)), curve.between(restart, np.inf)
        if len(before) < 2 or len(after) < 3:
            continue
        last, wobble = level(before.value[-3:]), float(np.nan_to_num(noise(before.value)))
        if after.value[0] - last > max(0.5 * abs(last), 5 * wobble):
            return _since(history, restart)
    return history


def _since(history: History, first: float) -> History:
    def cut(curve: Curve) -> Curve:
        return curve.between(first, np.inf)

    return replace(
        history,
        train=cut(history.train),
        validation=cut(history.validation),
        metrics={name: cut(curve) for name, curve in history.metrics.items()},
        train_metrics={name: cut(curve) for name, curve in history.train_metrics.items()},
        learning_rate=cut(history.learning_rate),
        grad_norm=cut(history.grad_norm),
        gradients=history.gradients and _gradients_since(history.gradients, first),
        restarts=tuple(restart for restart in history.restarts if restart > first),
    )


def _gradients_since(gradients: Gradients, first: float) -> Gradients | None:
    kept = gradients.step >= first
    if not kept.any():
        return None
    return replace(
        gradients,
        step=gradients.step[kept],
        figures={name: values[kept] for name, values in gradients.figures.items()},
        clipped=None if gradients.clipped is None else gradients.clipped[kept],
    )


def _shows_yet(name: Name, history: History) -> bool:
    """Whether a run that is not over can show a finding."""
    early = history.max_step is not None and history.last_step < START * history.max_step
    return name not in OF_THE_END and not (name in OF_THE_START and early)


def _in_order(found: list[Finding], recorded_from: float) -> list[Finding]:
    """Those that another explains after all others, else by severity times confidence, else as the detectors come.

    `recorded_from`: the first step at which gradients were looked at.
    """
    sure = [finding for finding in found if finding.confidence >= SURE]
    return sorted(
        found,
        key=lambda finding: (
            finding.confidence < SURE,
            any(_explains(cause, finding, recorded_from) for cause in sure),
            -finding.severity * finding.confidence,
        ),
    )


def _explains(cause: Finding, effect: Finding, recorded_from: float) -> bool:
    if effect.name not in EXPLAINS.get(cause.name, ()):
        return False
    if cause.name not in OF_GRADIENTS or cause.onset is None or effect.onset is None:
        return True
    # Gradients that were well when the loss was sick already have suffered with it.
    return cause.onset.step <= max(effect.onset.step, recorded_from)


def _lacking(history: History) -> tuple[list[str], bool]:
    """What to log to tell more, and whether the log can tell anything as it is."""
    losses, evaluations = len(history.train.finite), len(history.validation.finite)
    measured = max([evaluations, *(len(curve.finite) for curve in history.metrics.values())])
    lacking = []
    if losses < FEWEST_LOSSES:
        few = "no training loss" if not losses else f"{losses} training losses"
        lacking.append(f"the training loss more often ({few} in the log): --logging_steps 10")
    elif np.ptp(history.train.finite.value) == 0 and history.train.finite.value[0] == 0:
        lacking.append("a training loss that is not 0 in every line: something else is logged, or it is rounded away")
    if evaluations < FEWEST_EVALUATIONS:
        if len(history.validation) > evaluations:
            few = f"{len(history.validation) - evaluations} of {len(history.validation)} are no number"
        else:
            few = f"{evaluations} in the log" if evaluations else "none in the log"
        lacking.append(f"evaluations with their loss ({few}): --eval_strategy steps --eval_steps 100")
    elif not history.metrics:
        lacking.append("a metric at each evaluation, to tell decisions from probabilities")
    can_tell = (
        losses >= FEWEST_LOSSES
        or (losses >= FEWEST_EVALUATIONS and measured >= FEWEST_EVALUATIONS)
        or measured >= FEWEST_EVALUATIONS_ALONE
    )
    if not len(history.learning_rate):
        lacking.append("the learning rate at each line, to tell its schedule from the run's doing")
    if history.gradients is None:
        lacking.append("gradient norms by layer: --grad_norm_steps 50")
    return lacking, can_tell
