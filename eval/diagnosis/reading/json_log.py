"""Logs in JSON: trainer_state.json, a list of log rows, a line a row, or an array a column."""

import json
import math
from collections import Counter
from pathlib import Path

from cli.errors import UserError
from eval.diagnosis.reading.flat_rows import LARGE, parsed_rows, table_of_columns
from eval.diagnosis.reading.names import meaning
from eval.diagnosis.reading.table import Table, number, table_of_rows

NO_LOG = "is no training log: give a run directory, a trainer_state.json, or a CSV or JSON of log rows"


def read_json_log(path: Path, content: bytes) -> tuple[Table, dict]:
    """The rows of a log and what else a trainer_state.json says.

    Bare NaN and Infinity are numbers here. Raises UserError where the file is cut off, no JSON, or no log.
    """
    if len(content) >= LARGE and (quick := _flat_rows(content)):
        return quick
    try:
        return _table(path, json.loads(content))
    except RecursionError as error:
        raise UserError(f"{path} {NO_LOG}") from error
    except ValueError as error:
        if (rows := _lines(content)) is not None:
            return _table(path, rows)
        if (line := _broken_line(content)) is not None:
            raise UserError(f"{path}, line {line} is not valid JSON: mend or delete that line") from error
        message = getattr(error, "msg", "not UTF-8")
        raise UserError(f"{path} is cut off or not valid JSON ({message}): copy or write it again") from error


def settings_of_state(state: dict) -> dict[str, object]:
    """What a trainer_state.json says of how the run was made, as flags of train/run.py."""
    flags = {"train_batch_size": "per_device_train_batch_size"}
    names = ("num_train_epochs", "max_steps", "train_batch_size", "logging_steps", "eval_steps", "save_steps")
    known = {name: state.get(name) for name in names}
    return {
        flags.get(name, name): value
        for name, value in known.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    }


def _flat_rows(content: bytes) -> tuple[Table, dict] | None:
    """The same for a large file of flat rows; None where it is anything else."""
    start = content.find(b'"log_history"')
    if start < 0 and content.lstrip()[:1] == b"{":
        head, rows, tail = b"{", content, b"}"
    else:
        opening = content.find(b"[", max(start, 0))
        closing = content.find(b"]", opening)
        if opening < 0 or closing < 0:
            return None
        head, rows, tail = content[:opening] + b"[]", content[opening + 1 : closing], content[closing + 1 :]
        rows = rows.replace(b"},", b"} ")
    try:
        state = json.loads(head + tail)
    except ValueError:
        return None
    parsed = parsed_rows(rows)
    table = None if parsed is None else table_of_columns(parsed)
    return table and (table, state if isinstance(state, dict) else {})


def _lines(content: bytes) -> list[dict] | None:
    """The rows of a log with a JSON object a line; None if it is none. An unfinished last line is no row."""
    rows = []
    lines = [line for line in content.splitlines() if line.strip()]
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            if line is lines[-1] and rows:
                break
            return None
        if not isinstance(row, dict):
            return None
        rows.append(row)
    return rows or None


def _broken_line(content: bytes) -> int | None:
    """The number of the first broken line of a log that has an object a line; None where its first line is none."""
    first, *others = content.splitlines() or [b""]
    try:
        if not isinstance(json.loads(first), dict):
            return None
    except ValueError:
        return None
    for place, line in enumerate(others, start=2):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return place
        except ValueError:
            return place
    return None


def _table(path: Path, content) -> tuple[Table, dict]:
    if isinstance(content, dict) and "log_history" in content:
        rows, state = content["log_history"], {name: value for name, value in content.items() if name != "log_history"}
    elif isinstance(content, list):
        rows, state = content, {}
    elif isinstance(content, dict) and (table := _arrays(content)):
        return table, {}
    elif isinstance(content, dict) and any(_outcome(name) and number(content[name]) is not None for name in content):
        rows, state = [content], {}
    else:
        raise UserError(f"{path} {NO_LOG}")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f'{path} has a log that is no list of rows like {{"step": 10, "loss": 0.5}}: write it so')
    if rows and not any(meaning(name) for name in dict.fromkeys(name for row in rows for name in row)):
        raise UserError(f"{path} {NO_LOG}")
    return table_of_rows(rows), state


def _outcome(name: str) -> bool:
    what = meaning(name)
    return what is not None and what.quantity not in ("step", "epoch", "learning_rate")


def _arrays(content: dict) -> Table | None:
    """A table of {"loss": [0.7, 0.5], "val_loss": [0.8, 0.7]}, as a Keras History is saved; one level down as well."""
    columns = {
        name: list(cells.values()) if isinstance(cells, dict) and all(map(str.isdigit, cells)) else cells
        for name, cells in content.items()
        if isinstance(cells, list | dict) and _outcome(name) or name in ("epoch", "step")
    }
    columns = {name: cells for name, cells in columns.items() if isinstance(cells, list)}
    lengths = Counter(len(cells) for name, cells in columns.items() if _outcome(name))
    if not lengths:
        nested = (_arrays(inner) for inner in content.values() if isinstance(inner, dict))
        return next((table for table in nested if table), None)
    rows = max(lengths, key=lambda length: (lengths[length], length))
    table = Table(rows)
    for name, cells in columns.items():
        if len(cells) == rows:
            table.add_cells(name, cells)
        else:
            table.notes.append(f"{name} is left out: it has {len(cells)} values where others have {rows}")
    return table if any(_outcome(name) for name in table.values) or not rows else None
