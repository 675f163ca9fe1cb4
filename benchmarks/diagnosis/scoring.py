"""What the scorecard counts: right verdicts by labels.yaml, macro-F1 and its interval, alarms, subclinical runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar

from benchmarks.diagnosis.faults import LABELS
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, History
from eval.diagnosis.watch import Watch

CLASSES = list(dict.fromkeys([Name.HEALTHY, *(Name(label["accepted"][0]) for label in LABELS["faults"].values())]))
"""The best verdict of each fault, and healthy: the classes of macro-F1."""
SILENT = {Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE}
"""Verdicts that are no alarm."""
RESAMPLES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A run and what may be said of it."""

    key: str
    cell: str
    """fault-architecture or kind-architecture: the seeds of a cell resemble each other."""
    architecture: str
    seed: int
    accepted: tuple[Name, ...]
    """The best one first."""
    control: bool
    subclinical: bool = False

    @property
    def truth(self) -> Name:
        return self.accepted[0]

    def right(self, said: Sequence[Name]) -> bool:
        """Whether one of the verdicts is accepted."""
        return any(name in self.accepted for name in said)

    def counted(self, said: Sequence[Name]) -> Name:
        """The class that an answer counts as: an accepted verdict counts as the best one."""
        return self.truth if self.right(said) else said[0]


def accepted_of(fault: str) -> tuple[Name, ...]:
    """The verdicts that count as right for a fault, the best one first."""
    return tuple(Name(name) for name in LABELS["faults"][fault]["accepted"])


def is_subclinical(run: History, twin: History) -> bool:
    """Whether a run with a fault is as well as its healthy twin, by the rule of labels.yaml."""
    rule = LABELS["subclinical"]
    if not all(np.isfinite(curve.value).all() for curve in (run.train, run.validation, run.grad_norm)):
        return False
    if run.gradients is not None and not np.isfinite(run.gradients.norm[~np.isnan(run.gradients.norm)]).all():
        return False
    if not len(run.validation):
        return False
    best = run.validation.value.min()
    return bool(
        best <= rule["loss"] * twin.validation.value.min()
        and run.metrics["accuracy"].value.max() >= twin.metrics["accuracy"].value.max() - rule["accuracy"]
        and run.validation.value[-1] <= rule["last_loss"] * best
    )


def f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes; counts: (..., classes, classes + 1), truth by answer, the last answer any other one.

    A class without a run in it is left out; one that is never right has 0.
    """
    answers = counts[..., :-1]
    hits = np.diagonal(answers, axis1=-2, axis2=-1)
    total = counts.sum(-1) + answers.sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(total > 0, 2 * hits / total, np.nan)
    return np.nanmean(np.where(counts.sum(-1) > 0, f1, np.nan), axis=-1)


def count(truth: Sequence[Name], answers: Sequence[Name], classes: Sequence[Name] = CLASSES) -> np.ndarray:
    """(classes, classes + 1): how often each class got each answer."""
    counts = np.zeros((len(classes), len(classes) + 1))
    for one, answer in zip(truth, answers, strict=True):
        counts[classes.index(one), classes.index(answer) if answer in classes else -1] += 1
    return counts


def macro_f1(cases: Sequence[Case], said: Sequence[Sequence[Name]]) -> float:
    """Macro-F1 of answers over the classes that occur."""
    answers = [case.counted(names) for case, names in zip(cases, said, strict=True)]
    return float(f1_of_counts(count([case.truth for case in cases], answers)))


def resampled_f1(cases: Sequence[Case], said: Sequence[Sequence[Name]], seed: int = 0) -> np.ndarray:
    """(RESAMPLES,) macro-F1 over resampled cells, those of faults and those of controls each by themselves.

    Two judges of the same cases get the same draws, so their differences are paired.
    """
    cells: dict[tuple[bool, str], list[int]] = {}
    for number, case in enumerate(cases):
        cells.setdefault((case.control, case.cell), []).append(number)
    counts = {
        cell: count([cases[n].truth for n in numbers], [cases[n].counted(said[n]) for n in numbers])
        for cell, numbers in cells.items()
    }
    draw = np.random.default_rng(seed)
    total = 0
    for control in (False, True):
        stacked = np.array([one for (of_control, _), one in counts.items() if of_control == control])
        if len(stacked):
            times = draw.multinomial(len(stacked), np.full(len(stacked), 1 / len(stacked)), RESAMPLES)
            total = total + np.tensordot(times, stacked, 1)
    return f1_of_counts(total)


def interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def paired(ours: Iterable[bool], theirs: Iterable[bool]) -> tuple[int, int, float]:
    """Runs that only we judge right, that only they do, and the exact p value of McNemar's test."""
    ours, theirs = np.array(list(ours)), np.array(list(theirs))
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return only_ours, only_theirs, float(mcnemar([[0, only_ours], [only_theirs, 0]], exact=True).pvalue)


def until(history: History, step: float) -> History:
    """What a log said when the run was at a step."""

    def cut(curve: Curve) -> Curve:
        return curve.between(-np.inf, step)

    gradients = history.gradients
    if gradients is not None:
        seen = gradients.step <= step
        clipped = None if gradients.clipped is None else gradients.clipped[seen]
        figures = {name: values[seen] for name, values in gradients.figures.items()}
        gradients = replace(gradients, step=gradients.step[seen], figures=figures, clipped=clipped)
        gradients = gradients if seen.any() else None
    return replace(
        history,
        train=cut(history.train),
        validation=cut(history.validation),
        metrics={name: cut(curve) for name, curve in history.metrics.items()},
        train_metrics={name: cut(curve) for name, curve in history.train_metrics.items()},
        restarts=tuple(restart for restart in history.restarts if restart <= step),
        learning_rate=cut(history.learning_rate),
        grad_norm=cut(history.grad_norm),
        gradients=gradients,
    )


def first_alarm(history: History) -> tuple[float, Name] | None:
    """When the live diagnosis first raises an alarm: the share of the run, and what it says."""
    steps = np.union1d(history.train.step, history.validation.step)
    watch = Watch(history.max_step or float(steps[-1]))
    for step in steps:
        if watch.is_due(step) and (finding := watch.look(until(history, step))):
            return float(step / (history.max_step or steps[-1])), finding.name
    return None
