"""The lines of a journal by their kinds: one by one, or those of a large one column by column."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

from eval.diagnosis.history import Gradients
from eval.diagnosis.reading.flat_rows import LARGE, NULL, numpy_of, parsed_rows, table_of_columns
from eval.diagnosis.reading.table import Table, number, table_of_rows
from eval.run_directory import JOURNAL_LINE


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a journal by their kinds."""

    figures: Table
    """Of training and evaluations, in their order; the column `kind` says which."""
    totals: Table
    """The total gradient norms that were recorded with those of the layers, as lines of training."""
    gradients: Gradients | None
    events: Sequence[Mapping[str, Any]]


def lines_of_records(records: Sequence[Mapping[str, Any]]) -> Lines:
    """The lines of a journal as read_journal returns them."""
    norms = [record for record in records if record["kind"] == "grad_norms"]
    return Lines(
        table_of_rows([record for record in records if record["kind"] in ("train", "eval")]),
        table_of_rows(
            [{"kind": "train", "step": r["step"], "epoch": r["epoch"], "grad_norm": r["total"]} for r in norms]
        ),
        _gradients(norms),
        [record for record in records if record["kind"] == "event"],
    )


def lines_of_large(journal: Path) -> Lines | None:
    """The lines of a large journal, several times as fast; None where it is small, or any line is out of shape."""
    try:
        content = journal.read_bytes()
    except OSError:
        return None
    if len(content) < LARGE:
        return None
    whole, _, unfinished = content.rpartition(b"\n")
    figures, norms, events = [], [], []
    # What is not read here still is a line in shape.
    kinds = {"train": figures, "eval": figures, "grad_norms": norms, "event": events}
    kinds |= {"layer_gains": [], "optimizer_signals": []}
    of_start = {f'{{"kind": "{kind}"'.encode(): lines for kind, lines in kinds.items()}
    try:
        for line in whole.splitlines():
            of_start[line[: line.find(b",")]].append(line)
        events = [json.loads(line) for line in events]
    except (KeyError, ValueError):
        return None
    rows, recorded = _columns(figures, "loss"), _columns(norms, "layers")
    table = rows and table_of_columns(rows)
    shaped = all(JOURNAL_LINE.keys() | {"event"} <= event.keys() for event in events)
    # What ends in a brace may be a whole line that only lacks its end.
    if table is None or not shaped or unfinished.endswith(b"}"):
        return None
    if not norms:
        return Lines(table, Table(0), None, events)
    gradients = recorded and _gradients_of_columns(recorded)
    totals = gradients and table_of_columns(recorded.select(["step", "epoch", "total"]))
    if totals is None:
        return None
    totals.add("grad_norm", totals.values.pop("total"), totals.logged.pop("total"))
    totals.words["kind"] = np.full(totals.rows, "train", dtype=object)
    return Lines(table, totals, gradients, events)


def _columns(lines: Sequence[bytes], needed: str) -> pyarrow.Table | None:
    """Lines of a journal as columns; None where there are none, or one lacks its step or what is needed."""
    parsed = parsed_rows(b"\n".join(lines), by_line=True) if lines else None
    whole = parsed is not None and all(
        name in parsed.column_names and not parsed[name].null_count for name in ("step", "epoch", needed)
    )
    return parsed if whole and pyarrow.types.is_integer(parsed["step"].type) else None


def _gradients(records: Sequence[Mapping[str, Any]]) -> Gradients | None:
    """(recordings, layers) arrays of what "grad_norms" lines hold, those of a step said twice from the later one."""
    recorded = {
        record["step"]: {layer: cells for layer, cells in record["layers"].items() if isinstance(cells, Mapping)}
        for record in records
    }
    recorded = dict(sorted(recorded.items()))
    layers = list(dict.fromkeys(layer for cells in recorded.values() for layer in cells))
    names = dict.fromkeys(name for cells in recorded.values() for figures in cells.values() for name in figures)
    figures = {
        name: np.array(
            [[number(cells.get(layer, {}).get(name)) for layer in layers] for cells in recorded.values()],
            dtype=np.float64,
        )
        for name in names
    }
    return _unclipped(layers, np.array(list(recorded), dtype=float), figures)


def _gradients_of_columns(recorded: pyarrow.Table) -> Gradients | None:
    """The same of columns; None where a figure is no number."""
    step, last = np.unique(numpy_of(recorded["step"].combine_chunks())[0][::-1], return_index=True)
    rows = len(recorded) - 1 - last
    layers = _inner(recorded["layers"])
    names = dict.fromkeys(name for layer in layers.values() for name in _inner(layer))
    figures = {name: np.full((len(step), len(layers)), math.nan) for name in names}
    for column, layer in enumerate(layers.values()):
        for name, figure in _inner(layer).items():
            if not (pyarrow.types.is_floating(figure.type) or pyarrow.types.is_integer(figure.type)):
                return None
            values, logged = numpy_of(figure.cast(pyarrow.float64()).combine_chunks())
            figures[name][:, column] = np.where(logged & (values != float(NULL)), values, math.nan)[rows]
    return _unclipped(list(layers), step.astype(float), figures)


def _inner(column: pyarrow.ChunkedArray) -> dict[str, pyarrow.ChunkedArray]:
    """The columns of a column of objects; none where it is of anything else."""
    if not pyarrow.types.is_struct(column.type):
        return {}
    names = [field.name for field in column.type]
    return dict(zip(names, column.flatten(), strict=True))


def _unclipped(layers: list[str], step: np.ndarray, figures: dict[str, np.ndarray]) -> Gradients | None:
    # They are recorded before clipping.
    return Gradients(layers, step, figures, np.zeros(len(step), dtype=bool)) if "norm" in figures else None
