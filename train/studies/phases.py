"""The parts of a study that run one after the other: of a design one; of a search one a sampler, then a last one."""

import dataclasses
import zlib
from collections.abc import Callable, Iterator

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from eval.verdicts import higher_is_better
from train.studies.plan import Cell, Study
from train.studies.storage import Cells, Row, Run, Storage, open_storage

CONFIRM = "confirm"
BASELINE = "baseline"

STARTUP = 5
"""Trials that TPE draws at random, and the pruner lets through, before they learn from the others."""


def work_through(study: Study, url: str, grace: int, run: Run) -> None:
    """Run what is left of a study, beside whoever else works on it."""
    for cells in phases(study, open_storage(url, grace)):
        cells.work(run)


def phases(study: Study, storage: Storage) -> Iterator[Cells]:
    """The cells of each part; the next part is asked for when every cell of the last one is finished."""
    if not study.is_search:
        yield _open(study, storage, study.name, study.cells())
        return
    best = {}
    for sampler in study.samplers:
        trials = [Cell(f"{sampler}-{index:02d}", study.seeds[0], {}, {}, sampler) for index in range(study.trials)]
        part = _open(study, storage, f"{study.name}/{sampler}", trials, _sampler(sampler))
        yield part
        if found := best_row(part.rows(), study.metric):
            best[sampler] = found.cell
    yield _open(study, storage, f"{study.name}/{CONFIRM}", confirmation(study, best))


def best_row(rows: list[Row], metric: str) -> Row | None:
    """The complete row with the best metric, the earliest of equals; None where no run was completed."""
    sign = 1 if higher_is_better(metric) else -1
    complete = [row for row in rows if row.status == "complete"]
    return max(complete, key=lambda row: sign * row.figures[metric], default=None)


def confirmation(study: Study, best: dict[str, Cell]) -> list[Cell]:
    """What each sampler found best, and the base config, on seeds that no trial has seen."""
    settings = study.settings_of({})
    names = (*study.ranges, *study.factors)
    cells = [Cell(BASELINE, 0, {name: str(settings.get(name, "")) for name in names}, settings, CONFIRM)]
    for sampler, cell in best.items():
        named = Cell(f"{sampler}-best", 0, {}, {}, CONFIRM)
        cells.append(study.with_levels(named, cell.levels))
    first = max(study.seeds) + 1
    return [dataclasses.replace(cell, seed=first + index) for index in range(study.confirm_seeds) for cell in cells]


def _open(
    study: Study,
    storage: Storage,
    name: str,
    cells: list[Cell],
    sampler: Callable[[Cell], BaseSampler] | None = None,
) -> Cells:
    return Cells(
        storage,
        name,
        cells,
        definition=study.definition,
        direction="maximize" if higher_is_better(study.metric) else "minimize",
        sampler=sampler,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP) if sampler and study.pruning else None,
    )


def _sampler(name: str) -> Callable[[Cell], BaseSampler]:
    """A sampler a trial, seeded by the trial's name: what it draws hangs on that and on the trials before alone."""

    def make(cell: Cell) -> BaseSampler:
        seed = zlib.crc32(cell.key.encode())
        return RandomSampler(seed=seed) if name == "random" else TPESampler(seed=seed, n_startup_trials=STARTUP)

    return make
