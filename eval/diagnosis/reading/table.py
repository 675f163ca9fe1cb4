"""The rows of a log as columns of numbers, whatever file they stood in."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eval.diagnosis.reading.names import meaning

MISSING = ["", "NA", "N/A", "n/a", "na", "None", "none", "null", "NULL", "-", "--", "#N/A", "<NA>"]
ABSENT = object()
NO_OUTCOME = {"step", "epoch", "learning_rate", "grad_norm"}
WRAPPED = re.compile(r"(?:tensor|np\.float\d+|array)\(\[?([^,\]\)]+).*\)")


@dataclass(slots=True)
class Table:
    """Columns in the order of the file; a cell is nothing, a number (which may be NaN or infinite) or a word."""

    rows: int
    values: dict[str, np.ndarray] = field(default_factory=dict)
    """(rows,) floats, NaN where nothing was logged."""
    logged: dict[str, np.ndarray] = field(default_factory=dict)
    """(rows,), whether the cell holds a number, NaN included."""
    words: dict[str, np.ndarray] = field(default_factory=dict)
    """(rows,) strings of columns that hold no number."""
    blank: list[str] = field(default_factory=list)
    """Columns without any cell."""
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [*self.values, *self.words, *self.blank]

    def add(self, name: str, values: np.ndarray, logged: np.ndarray) -> None:
        self.values[name] = values
        self.logged[name] = logged

    def add_cells(self, name: str, cells: Sequence) -> None:
        """Add a column of Python values: numbers, numbers as strings, words, None, and ABSENT where there is no cell.

        A column without any number is one of words.
        """
        try:
            # The usual column: numbers only. numpy would take True and "1" for numbers too.
            if set(map(type, cells)) <= {int, float}:
                self.add(name, np.array(cells, dtype=np.float64), np.ones(self.rows, dtype=bool))
                return
        except OverflowError:
            pass
        parsed = [number(cell) for cell in cells]
        logged = np.array([cell is not None for cell in parsed], dtype=bool)
        if logged.any():
            values = np.array([math.nan if cell is None else cell for cell in parsed], dtype=np.float64)
            self.add(name, values, logged)
        elif any(isinstance(cell, str) and cell.strip() not in MISSING for cell in cells):
            self.words[name] = np.array([cell if isinstance(cell, str) else "" for cell in cells], dtype=object)
        else:
            self.blank.append(name)

    def add_codes(self, name: str, codes: np.ndarray, words: Sequence[str]) -> None:
        """Add a column of words by their numbers, that of nothing the last: each is looked at once."""
        distinct = Table(len(words) + 1)
        distinct.add_cells(name, [*words, None])
        column = distinct[codes]
        self.values |= column.values
        self.logged |= column.logged
        self.words |= column.words
        self.blank += column.blank

    def add_lone_nulls(self, nulls: Mapping[str, np.ndarray]) -> None:
        """Take a null for NaN where it is the only loss of a row without any other figure; (rows,) by column."""
        meanings = {name: meaning(name) for name in (*self.names, *nulls)}
        figures = {name for name, what in meanings.items() if what and what.quantity not in NO_OUTCOME}
        nulls = {
            name: null
            for name, null in nulls.items()
            if name in figures and (meanings[name].quantity == "loss" or meanings[name].part)
        }
        if not nulls:
            return
        none = np.zeros(self.rows, dtype=bool)
        others = united([none, *(self.logged[name] for name in figures & self.logged.keys())])
        alone = ~others & (np.sum(list(nulls.values()), axis=0) == 1)
        for name, null in nulls.items():
            if (null & alone).any():
                values = self.values.get(name, np.full(self.rows, math.nan))
                self.add(name, values, self.logged.get(name, none) | (null & alone))

    def followed_by(self, other: "Table") -> "Table":
        """The rows of this table, then those of another one."""
        both = Table(self.rows + other.rows, notes=[*self.notes, *other.notes])
        for part, nothing in (("values", math.nan), ("logged", False), ("words", "")):
            ours, theirs = getattr(self, part), getattr(other, part)
            for name in [*ours, *(name for name in theirs if name not in ours)]:
                halves = [
                    columns.get(name, np.full(table.rows, nothing, dtype=object if part == "words" else None))
                    for columns, table in ((ours, self), (theirs, other))
                ]
                getattr(both, part)[name] = np.concatenate(halves)
        both.blank = [name for name in dict.fromkeys(self.blank + other.blank) if name not in both.names]
        return both

    def __getitem__(self, kept: np.ndarray) -> "Table":
        """The rows of a mask or in the order of indices."""
        rows = int(kept.sum()) if kept.dtype == bool else len(kept)
        parts = [
            {name: column[kept] for name, column in part.items()} for part in (self.values, self.logged, self.words)
        ]
        return Table(rows, *parts, self.blank, self.notes)


def table_of_rows(rows: Sequence[dict]) -> Table:
    """A table of log rows, each a dict of what was logged at once.

    A null is nothing, as in rows that all have the same keys, except as the only loss of a row without any other
    figure: strict JSON has no other way to say NaN.
    """
    table = Table(len(rows))
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name, ABSENT) for row in rows] for name in names}
    for name, cells in columns.items():
        table.add_cells(name, cells)
    table.add_lone_nulls(
        {name: np.array([cell is None for cell in cells]) for name, cells in columns.items() if None in cells}
    )
    return table


def number(cell) -> float | None:
    """The number in a cell: 0.5, "0.5", "NaN", "87.5%" (0.875), "tensor(0.5)"; None where there is none."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        if not isinstance(cell, str):
            return float(cell)
        cell = cell.strip()
        if cell in MISSING:
            return None
        if wrapped := WRAPPED.fullmatch(cell):
            cell = wrapped[1]
        return float(cell[:-1]) / 100 if cell.endswith("%") else float(cell.replace(",", ""))
    except OverflowError:
        return math.inf if cell > 0 else -math.inf
    except ValueError:
        return None


def united(columns: Iterable[np.ndarray]) -> np.ndarray:
    """Where any of the columns holds."""
    return np.logical_or.reduce(list(columns))
