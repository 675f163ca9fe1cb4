"""From the columns of a log to its History: where each row stands, which rows were replaced, what is what."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from eval.diagnosis.history import EMPTY, Curve, Gradients, History
from eval.diagnosis.reading.names import EVALUATION, KINDS, TRAINING, Roles, normalised, roles
from eval.diagnosis.reading.table import Table, united

SHARES = {"accuracy", "balanced_accuracy", "f1", "precision", "recall", "top1", "top5", "auc"}
FEW_BREAKS = 0.05
"""Share of points up to which going back is a restart even where no step repeats, and not a matter of order."""
FARTHEST = 1e15
"""Steps and epochs from which a number is none."""
MANY_REPEATS = 0.1
"""Share of points from which repeated positions are rounded ones."""


def history(
    table: Table,
    source: str,
    *,
    settings: Mapping[str, object] | None = None,
    max_step: float | None = None,
    classes: int | None = None,
    gradients: Gradients | None = None,
    restarts: tuple[float, ...] = (),
    notes: tuple[str, ...] = (),
) -> History:
    """What a table of log rows says.

    Rows are taken in the order in which they were logged. Where the steps go back, what was logged before at the same
    step or past it was undone, and the later rows stand; where so many rows are out of order that it cannot be that,
    they are sorted. Of evaluations at one step that no training separates the first stands: the others are of another
    model, as the best one loaded at the end, or of other data.
    """
    settings = dict(settings or {})
    notes = [*notes, *table.notes]
    table = _of_the_course(_by_kind(table))
    found = roles(table.values, {name: int(logged.sum()) for name, logged in table.logged.items()})
    notes += found.notes
    for name in filter(None, (found.step, found.epoch)):
        table.values[name] = np.where(np.abs(table.values[name]) < FARTHEST, table.values[name], np.nan)
    train, evaluated = _all(table, found.train), _any(table, [*found.validation, *found.metrics.values()])

    position, steps_per_epoch, said = _positions(table, found, train | evaluated)
    notes += said
    placed = np.isfinite(position)
    if not placed.all():
        # Also rows that hold no figure at all, which nobody misses.
        if lost := int((united([train, evaluated]) & ~placed).sum()):
            notes.append(f"{lost} rows without a step or epoch are left out")
        table, position, train, evaluated = (part[placed] for part in (table, position, train, evaluated))
    if len(position) > 2 and (np.diff(position) <= 0).all() and position[0] > position[-1]:
        # The newest first.
        backwards = np.arange(table.rows)[::-1]
        table, position, train, evaluated = (part[backwards] for part in (table, position, train, evaluated))
    if (position < 0).any():
        notes.append("some steps are negative")

    standing, again = _standing(position, train, evaluated, notes)
    if fallen := _epochs_falling_back(table, found, position, train & standing):
        notes.append(f"the epoch falls back at step {fallen[0]:g} while the steps go on")
    table, position, train, evaluated = (part[standing] for part in (table, position, train, evaluated))
    position = _spread(position, train, notes)
    again += _repeats(position, train)
    if steps_per_epoch is None:
        steps_per_epoch = _steps_per_epoch(table, found, position)
    if again := sorted({*restarts, *again}):
        where = ", ".join(f"{step:g}" for step in again[:5]) + (", …" if len(again) > 5 else "")
        notes.append(f"the log goes back and on again at {where}: the later values stand")
    again = sorted({*again, *fallen})

    # Of evaluations at one step that no training separates, the first is that of the course.
    first = evaluated & ~train & _repeated(position, evaluated & ~train)
    if first.any() and not again:
        notes.append("evaluations said again at the same step are left out")

    def curve(names: list[str], of_evaluation: bool = False) -> Curve:
        logged = _all(table, names)
        if of_evaluation:
            logged = logged & ~(first & _repeated(position, logged & ~train))
        if not logged.any():
            return EMPTY
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.sum([table.values[name] for name in names], axis=0)
        return _curve(position[logged], value[logged])

    result = History(
        source=source,
        train=curve(found.train),
        validation=curve(found.validation, True),
        metrics={name: _share(name, curve([column], True), notes) for name, column in found.metrics.items()},
        train_metrics={name: _share(name, curve([column]), notes) for name, column in found.train_metrics.items()},
        learning_rate=curve([found.learning_rate] if found.learning_rate else []),
        grad_norm=curve([found.grad_norm] if found.grad_norm else []),
        gradients=gradients,
        restarts=tuple(again),
        steps_per_epoch=steps_per_epoch,
        max_step=max_step or _planned(settings, steps_per_epoch),
        settings=settings,
        classes=classes,
    )
    notes += _figures_worth_a_word(result)
    return replace(result, notes=tuple(dict.fromkeys(notes)))


def _by_kind(table: Table) -> Table:
    """Where a column says whether a row is of training or an evaluation, put that into the names instead."""
    for name, words in table.words.items():
        if normalised(name) not in KINDS:
            continue
        of_word = {word: str(word).strip().lower() for word in set(words.tolist())}
        present = next((word for word in EVALUATION if word in of_word.values()), None)
        if not present and not TRAINING & set(of_word.values()):
            continue
        none = np.zeros(table.rows, dtype=bool)
        masks = {
            kind: united([none, *(words == word for word in of_word if of_word[word] in of)])
            for kind, of in {"train": TRAINING, "eval": {present}}.items()
        }
        split = Table(table.rows, notes=table.notes)
        found = roles(table.values)
        for column, values in table.values.items():
            if column in (found.step, found.epoch):
                split.add(column, values, table.logged[column])
                continue
            for kind, mask in masks.items():
                logged = table.logged[column] & mask
                if logged.any():
                    plain = column in (found.learning_rate, found.grad_norm)
                    key = column if plain else f"{kind}_{normalised(column).removeprefix(f'{kind}_')}"
                    split.add(key, np.where(logged, values, np.nan), logged)
        return split
    return table


def _of_the_course(table: Table) -> Table:
    """Without the Trainer's last line, which sums a training up."""
    summaries = [logged for name, logged in table.logged.items() if normalised(name) == "train_runtime"]
    if not summaries:
        return table
    table = table[~united(summaries)]
    for name in [name for name, logged in table.logged.items() if not logged.any()]:
        # What stood in that line alone, as its train_loss.
        del table.values[name], table.logged[name]
    return table


def _all(table: Table, names: Iterable[str]) -> np.ndarray:
    """(rows,), where all of the columns hold a number; nowhere if there are none."""
    columns = [table.logged[name] for name in names]
    return np.logical_and.reduce(columns) if columns else np.zeros(table.rows, dtype=bool)


def _any(table: Table, names: Iterable[str]) -> np.ndarray:
    """(rows,), where any of the columns holds a number."""
    return united([np.zeros(table.rows, dtype=bool), *(table.logged[name] for name in names)])


def _positions(table: Table, found: Roles, rows: np.ndarray) -> tuple[np.ndarray, float | None, list[str]]:
    """(rows,) steps, or epochs where there are none, or else the number of the row; what an epoch is; what to say."""
    if found.step:
        step, notes = table.values[found.step], []
        epoch = table.values[found.epoch] if found.epoch else np.full(table.rows, np.nan)
        both = np.isfinite(step) & np.isfinite(epoch)
        back = np.diff(step[both]) < 0
        if back.any() and (np.diff(epoch[both])[back] > 0).all():
            # Batches counted anew in every epoch.
            within = step[both]
            lengths = within[:-1] + (within.min() == 0)
            step = step.copy()
            step[both] += np.concatenate([[0], np.cumsum(np.where(back, lengths, 0))])
            notes.append(f"steps begin anew in every epoch: they are counted on, {np.median(lengths[back]):g} an epoch")
        blank = ~np.isfinite(step) & rows
        if blank.any():
            step = step.copy()
            if both.sum() > 1 and np.isfinite(epoch[blank]).all() and np.ptp(epoch[both]) > 0:
                order = np.argsort(epoch[both], kind="stable")
                step[blank] = np.interp(epoch[blank], epoch[both][order], step[both][order])
            else:
                last = np.maximum.accumulate(np.where(np.isfinite(step), np.arange(len(step)), -1))
                step[blank] = np.where(last[blank] >= 0, step[last[blank]], np.nan)
        return step, None, notes
    if found.epoch:
        epoch = table.values[found.epoch]
        if rows.sum() < 3 or np.ptp(epoch[rows]) > 0:
            return epoch, 1.0, []
    for name, values in table.values.items():
        if normalised(name) in ("", "index", "unnamed_0") and len(values) > 1 and (np.diff(values) == 1).all():
            return values, 1.0, []
    evaluated = _any(table, [*found.validation, *found.metrics.values()])
    said = ["neither step nor epoch is told: the rows are counted from 1"] if rows.any() else []
    return *_counted(_all(table, found.train), evaluated), said


def _counted(train: np.ndarray, evaluated: np.ndarray) -> tuple[np.ndarray, float | None]:
    """The number of each row, an evaluation that has its own that of the training row before it; what an epoch is."""
    rows, alone = train | evaluated, evaluated & ~train
    if not train.any() or not alone.any():
        # Rows that hold both are epochs.
        epochs = 1.0 if (train & evaluated).sum() > rows.sum() / 2 else None
        return np.where(rows, np.cumsum(rows), np.nan).astype(np.float64), epochs
    position = np.where(rows, np.cumsum(train), np.nan).astype(np.float64)
    if len(np.unique(position[alone])) < alone.sum():
        # The evaluations stand together: they are taken as evenly spaced.
        position[alone] = np.arange(1, alone.sum() + 1) * (train.sum() / alone.sum())
    return position, 1.0 if alone.sum() == train.sum() else None


def _standing(
    position: np.ndarray, train: np.ndarray, evaluated: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, list[float]]:
    """(rows,), the rows that no later restart undid, and the restarts that stand themselves."""
    standing = np.ones(len(position), dtype=bool)
    begins: list[int] = []
    for of_evaluation, rows in ((False, np.flatnonzero(train)), (True, np.flatnonzero(evaluated & ~train))):
        steps = position[rows]
        back = np.flatnonzero(np.diff(steps) < 0) + 1
        if not len(back):
            continue
        repeats = len(steps) - len(np.unique(steps))
        if repeats < len(back) and len(back) > FEW_BREAKS * len(steps):
            notes.append("the rows are not in the order of their steps: they are sorted")
            continue
        lowest_after = np.full(len(position) + 1, np.inf)
        lowest_after[rows[back]] = steps[back]
        lowest_after = np.minimum.accumulate(lowest_after[::-1])[::-1][1:]
        # An evaluation that goes back says nothing of the training rows just before it.
        standing &= (position < lowest_after) | ((train | ~evaluated) if of_evaluation else False)
        begins += rows[back].tolist()
    return standing, [float(position[row]) for row in begins if standing[row]]


def _epochs_falling_back(table: Table, found: Roles, position: np.ndarray, rows: np.ndarray) -> list[float]:
    """Steps that go on while the epoch falls back: a training taken up on other data, or by another process."""
    if not (found.step and found.epoch):
        return []
    epoch = table.values[found.epoch]
    rows = np.flatnonzero(rows & np.isfinite(epoch))
    # Epochs are rounded to two digits in many logs.
    falls = (np.diff(epoch[rows]) < -0.05) & (np.diff(position[rows]) > 0)
    return position[rows[1:][falls]].tolist() if falls.sum() <= max(1, FEW_BREAKS * len(rows)) else []


def _spread(position: np.ndarray, train: np.ndarray, notes: list[str]) -> np.ndarray:
    """Rows that share rounded positions, as all batches of an epoch do, in their order over the gap to the next one."""
    repeats = int(train.sum()) - len(np.unique(position[train]))
    if repeats < 3 or repeats <= MANY_REPEATS * train.sum() or (np.diff(position) < 0).any():
        return position
    distinct, first, count = np.unique(position, return_index=True, return_counts=True)
    gaps = np.diff(distinct, append=2 * distinct[-1] - distinct[-2] if len(distinct) > 1 else distinct[-1] + 1)
    rank = np.arange(len(position)) - np.repeat(first, count)
    notes.append("several rows share an epoch or step: they are spread over it in their order")
    return position + rank * np.repeat(gaps / count, count)


def _repeated(position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows,), those at the step of an earlier one of them."""
    repeated = np.zeros(len(position), dtype=bool)
    chosen = np.flatnonzero(rows)
    _, first = np.unique(position[chosen], return_index=True)
    repeated[np.delete(chosen, first)] = True
    return repeated


def _repeats(position: np.ndarray, train: np.ndarray) -> list[float]:
    return np.unique(position[_repeated(position, train)]).tolist()


def _curve(position: np.ndarray, value: np.ndarray) -> Curve:
    """A curve of points in the order of logging: sorted, the later of those at one step."""
    order = np.argsort(position, kind="stable")
    position, value = position[order], value[order]
    last = np.append(position[1:] != position[:-1], True)
    return Curve(position[last], value[last])


def _steps_per_epoch(table: Table, found: Roles, position: np.ndarray) -> float | None:
    if not found.epoch:
        return None
    epoch = table.values[found.epoch]
    both = np.isfinite(epoch)
    if not both.any():
        return None
    whole = (epoch[both] == np.floor(epoch[both])).all()
    if whole and len(np.unique(epoch[both])) < both.sum() and np.ptp(epoch[both]) > 0:
        # Whole epochs with several rows: they are counted at their beginning.
        first = np.unique(epoch[both], return_index=True)[1]
        steps = position[both][first]
        return float((steps[-1] - steps[0]) / np.ptp(epoch[both])) if steps[-1] > steps[0] else None
    both &= (epoch > 1 / FARTHEST) & (position > 0)
    return float(np.median(position[both] / epoch[both])) if both.any() else None


def _planned(settings: Mapping[str, object], steps_per_epoch: float | None) -> float | None:
    """Where the run was to end, by its settings."""
    steps, epochs = settings.get("max_steps"), settings.get("num_train_epochs")
    if isinstance(steps, int | float) and 0 < steps < math.inf:
        return float(steps)
    if isinstance(epochs, int | float) and 0 < epochs < math.inf and steps_per_epoch:
        return float(round(epochs * steps_per_epoch))
    return None


def _share(name: str, curve: Curve, notes: list[str]) -> Curve:
    """Accuracies and their like in per cent as shares."""
    value = curve.finite.value
    if name in SHARES and len(value) and 1.5 < value.max() <= 100 and value.min() >= 0:
        notes.append(f"{name} is logged in per cent and read as a share")
        return Curve(curve.step, curve.value / 100)
    return curve


def _figures_worth_a_word(read: History) -> list[str]:
    """What is strange in the numbers themselves."""
    notes = []
    for name, curve in (("training loss", read.train), ("validation loss", read.validation)):
        if lost := len(curve) - len(curve.finite):
            never = "never a number" if lost == len(curve) else f"NaN or infinite at {lost} of {len(curve)} points"
            notes.append(f"the {name} is {never}")
        elif len(curve) == 1:
            notes.append(f"the {name} is a single point")
    bad = read.grad_norm.step[~np.isfinite(read.grad_norm.value)]
    if hidden := int(np.isin(read.train.step[read.train.value == 0], bad).sum()):
        notes.append(f"the training loss is 0 at {hidden} points where the gradient norm is NaN: the loss was NaN too")
    if not (len(read.train) or len(read.validation) or read.metrics or read.gradients):
        notes.append("nothing was logged of training or evaluation")
    elif not len(read.train) and not read.gradients:
        notes.append("no training loss is logged")
    return notes
