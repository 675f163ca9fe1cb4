"""What a study would run and what that costs, without running it."""

import csv
import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cli.errors import UsageError, UserError
from cli.table import table
from eval.power import detectable_effect
from eval.run_directory import read_json
from eval.study_sections import allowance, guard_unit
from eval.units import unit_of
from train.run import enlarge, prepare_corpus, prepare_tokenizer
from train.studies.checking import CheckedCell, check_cells
from train.studies.designs import FRACTIONAL, describe_aliasing
from train.studies.plan import Cell, Study
from train.studies.progress import duration, seconds_left
from train.studies.storage import Row
from train.studies.table import TABLE
from train.tasks import TASKS

WIDTH = 100
"""Columns of a terminal."""
SHORTEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes: its optimiser steps, the rows of a whole step, and the rows it reads in all."""

    steps: int
    step_rows: int
    rows: int


def dry_run(study: Study, folder: Path, workers: int = 1) -> str:
    """The cells with their steps and rows, the time they take as far as it is known, and what the seeds can find.

    The texts are loaded, so that a corpus that is not there is found here. Raises UsageError or UserError for a cell
    that train/run.py rejects.
    """
    checked = check_cells(study)
    sizes = _Sizes()
    costs = [_checked_cost(study, one, sizes) for one in checked]
    rows = _rows_so_far(study, folder)
    prose = [_total(study, costs), _time(study, folder, rows, workers), *_notes(checked), _power(study, folder)]
    prose += _guards(study)
    prose = [f"Hypothesis: {study.hypothesis}", *prose] if study.hypothesis else prose
    parts = [_cells(study, checked, costs, rows), *(textwrap.fill(text, WIDTH) for text in prose)]
    if study.design == FRACTIONAL:
        lines = describe_aliasing(study.levels, study.combinations()).split("\n")
        parts.append("\n".join(textwrap.fill(line, WIDTH, subsequent_indent="    ") for line in lines))
    return "\n\n".join(parts)


def cost_of(
    rows: int,
    *,
    batch: int,
    processes: int = 1,
    accumulation: int = 1,
    epochs: float = 1.0,
    max_steps: int = -1,
    drop_last: bool = False,
) -> Cost:
    """What a run over `rows` rows takes, `batch` rows a process at a time, as the Trainer counts.

    `max_steps`, where it is not below 0, wins over `epochs`. Raises ValueError where drop_last leaves no batch.
    """
    together = batch * processes
    batches = rows // together if drop_last else math.ceil(rows / together)
    if not batches:
        raise ValueError(f"dataloader_drop_last leaves no batch: {rows} rows, {together} a step")
    epoch_steps = math.ceil(batches / accumulation)
    epoch_rows = min(rows, batches * together)
    steps = max_steps if max_steps >= 0 else math.ceil(epochs * epoch_steps)
    whole, rest = divmod(steps, epoch_steps)
    step_rows = together * accumulation
    return Cost(steps, min(step_rows, epoch_rows), whole * epoch_rows + min(rest * step_rows, epoch_rows))


class _Sizes:
    """How many rows a cell trains on; each corpus is read once."""

    def __init__(self):
        self._known: dict[str, int] = {}

    def of(self, cell: CheckedCell) -> int:
        args = cell.args
        asked = [args.corpus, args.data_dir, args.cut_validation, args.allow_overlap, args.max_train_samples]
        if args.augment or args.swap_terms or args.wordings:
            # Which rows an edit applies to hangs on the draw.
            more = [args.augment, args.swap_terms, args.wordings, args.consistency]
            asked += [*more, cell.trainer_args.seed]
        if args.task == "causal_lm":
            # Long texts come to several rows: how many hangs on the tokenizer.
            vocabulary = args.reference and args.reference.vocab_size
            asked += [args.task, args.max_length, args.tokenizer, args.model, vocabulary]
        key = repr(asked)
        if key not in self._known:
            self._known[key] = self._count(args, cell.trainer_args.seed)
        return self._known[key]

    def _count(self, args, seed: int) -> int:
        corpus = prepare_corpus(args)[0]
        train = enlarge(corpus.train, args, seed)
        if args.task != "causal_lm":
            return len(train)
        return len(TASKS[args.task].tokenize(train, prepare_tokenizer(args, corpus), args.max_length))


def _checked_cost(study: Study, checked: CheckedCell, sizes: _Sizes) -> Cost:
    args = checked.trainer_args
    try:
        return cost_of(
            sizes.of(checked),
            batch=args.per_device_train_batch_size,
            processes=study.processes,
            accumulation=args.gradient_accumulation_steps,
            epochs=args.num_train_epochs,
            max_steps=args.max_steps,
            drop_last=args.dataloader_drop_last,
        )
    except OverflowError:
        raise UsageError(f"{study.source}: {checked.cell.name}: --num_train_epochs is beyond all measure") from None
    except ValueError as error:
        raise UsageError(f"{study.source}: {checked.cell.name}: {error}") from error


def _rows_so_far(study: Study, folder: Path) -> list[Row]:
    """The runs of the plan that stand in the folder's runs.csv, then the others as waiting."""
    planned = {cell.key: cell for cell in study.cells()} if not study.is_search else None
    rows = {}
    try:
        with open(folder / TABLE, newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                cell = Cell(line["cell"], int(line["seed"]), {}, {})
                if planned is None or cell.key in planned:
                    seconds = float(line.get("seconds") or "nan")
                    rows[cell.key] = Row(cell, line["status"], {"seconds": seconds} if seconds >= 0 else {})
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        # Nothing was run yet, or it is not a table of ours: then there is nothing to reckon with.
        rows = {}
    waiting = [Row(cell, "waiting", {}) for key, cell in (planned or {}).items() if key not in rows]
    return [*rows.values(), *waiting]


def _cells(study: Study, checked: Sequence[CheckedCell], costs: Sequence[Cost], rows: Sequence[Row]) -> str:
    took: dict[str, list[float]] = {}
    for row in rows:
        if "seconds" in row.figures:
            took.setdefault(row.cell.name, []).append(row.figures["seconds"])
    timed = any(one.cell.name in took for one in checked)
    lines = []
    for one, cost in zip(checked, costs, strict=True):
        seconds = took.get(one.cell.name)
        lines.append(
            [
                one.cell.name,
                *([] if study.is_search else [str(len(study.seeds))]),
                f"{cost.steps:,}",
                f"{cost.step_rows:,}",
                f"{cost.rows:,}",
                *([(duration(sum(seconds) / len(seconds)) if seconds else "-")] if timed else []),
            ]
        )
    header = ["cell", *([] if study.is_search else ["runs"]), "steps", "rows/step", "rows"]
    header += ["time"] if timed else []
    taken = sum(2 + max(len(line[index]) for line in [header, *lines]) for index in range(1, len(header)))
    room = max(WIDTH - taken, SHORTEST_NAME)
    return table(header, [[shortened(name, room), *rest] for name, *rest in lines])


def shortened(text: str, width: int) -> str:
    """A text cut to `width`, in its middle: names of cells begin alike and end with what tells them apart."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def _total(study: Study, costs: Sequence[Cost]) -> str:
    if study.is_search:
        return (
            f"{study.planned} runs: {study.trials} trials a sampler ({', '.join(study.samplers)}), of which the table "
            f"shows the ends of the ranges; then {study.confirm_seeds} fresh seeds for what each sampler finds best "
            "and for the base config."
        )
    steps, rows = (len(study.seeds) * sum(getattr(cost, name) for cost in costs) for name in ("steps", "rows"))
    return f"{study.planned} runs, {steps:,} steps, {rows:,} rows of training in all."


def _time(study: Study, folder: Path, rows: Sequence[Row], workers: int) -> str:
    left = seconds_left(rows, study.planned, workers, datetime.now())
    if left is None:
        return f"No run is in {folder} yet: how long they take is known after the first."
    done = [row for row in rows if row.is_finished]
    timed = sum("seconds" in row.figures for row in done)
    if len(done) >= study.planned:
        return f"All {study.planned} runs are in {folder}: nothing is left to run."
    by = f"{workers} at a time" if workers > 1 else "one after the other"
    return (
        f"{len(done)} of {study.planned} runs are in {folder}; the others take about {duration(left)}, {by}: reckoned "
        f"from the {timed} that its {TABLE} has times of."
    )


def _notes(checked: Sequence[CheckedCell]) -> list[str]:
    """What a reader of the table might not expect."""
    notes = []
    if any(one.args.early_stopping_patience for one in checked):
        notes.append("Runs that stop early take fewer steps.")
    same: dict[str, list[str]] = {}
    for one in checked:
        same.setdefault(json.dumps(one.settings, sort_keys=True, default=str), []).append(one.cell.name)
    notes += [f"The same run under two names: {' and '.join(names)}." for names in same.values() if len(names) > 1]
    return notes


def _power(study: Study, folder: Path) -> str:
    """What a study of this size can find, in spreads between seeds, and in the metric where runs show its spread."""
    if study.is_search:
        # Each with the next and with the baseline.
        seeds, comparisons = study.confirm_seeds, 2 * len(study.samplers) - 1
        who = "fresh seeds"
    else:
        seeds, comparisons = len(study.seeds), sum(len(levels) - 1 for levels in study.levels.values())
        who = "seeds"
    if seeds < 2:
        return (
            "One seed: two-level factorials are judged by Lenth's method, other designs not at all."
            if not study.is_search
            else "One fresh seed: what the search finds cannot be compared."
        )
    ratio = detectable_effect(1.0, seeds, level=0.05 / comparisons)
    compared = f"{comparisons} comparison{'s' * (comparisons > 1)}"
    text = (
        f"Minimum detectable effect, {seeds} {who} and {compared}: {ratio:.1f} spreads, with 80% power. A spread is "
        "the standard deviation of an effect between seeds, known once the study has run."
    )
    if study.margin is not None:
        margin, most = (unit_of(study.metric, size).size(size) for size in (study.margin, study.margin / ratio))
        text += f" So a difference of {margin}, the margin, is found if the spread is {most} or less."
    spread = _spread_so_far(study, folder)
    if spread is not None:
        found = detectable_effect(spread, seeds, level=0.05 / comparisons)
        unit = unit_of(study.metric, spread)
        text += f" The runs in {folder} show a spread of {unit.size(spread)}: with it, {unit.size(found)} is found."
    return text


def _guards(study: Study) -> list[str]:
    """How small the spread of each guard must be for an arm that loses nothing to be found to hold it."""
    seeds, found = len(study.seeds), []
    for figure, margin in study.guards.items():
        text = f"Guard: {allowance(figure, margin)}."
        if not margin:
            text += " Only an arm that gains, or that changes nothing with any seed, can be found to hold it."
        elif seeds > 1:
            most = margin / detectable_effect(1.0, seeds)
            text += (
                f" An arm that loses nothing is found to hold it, with 80% power, if the spread is "
                f"{guard_unit(figure, most).size(most)} or less."
            )
        found.append(text)
    return found


def _spread_so_far(study: Study, folder: Path) -> float | None:
    try:
        effects = read_json(folder / "effects.json")
        same = effects["metric"] == study.metric and effects["method"] == "paired t"
        return float(effects["resolution"]["spread"]) if same else None
    except (UserError, KeyError, TypeError, ValueError):
        return None
