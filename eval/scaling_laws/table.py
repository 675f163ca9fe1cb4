"""A table of runs: parameters, tokens, compute and loss, whatever their columns are called."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cli.errors import UserError
from eval.scaling_laws.units import DAYS, FLOP, MULTIPLES, PF_DAY, parse_compute, parse_count

FEWEST = 4
"""Rows below which nothing is fitted: a power law with a floor has three constants."""
SMALLEST_COMPUTE = 1e8
"""FLOP that no training run stays below: a smaller number without a unit is in some other one."""

# The most telling name first: it is taken where several columns mean the same.
NAMES = {
    "loss": ("validation loss", "val loss", "eval loss", "test loss", "final loss", "loss", "l", "train loss"),
    "parameters": (
        *("non embedding parameters", "non embedding params", "parameters", "params", "n params", "num params"),
        *("n parameters", "num parameters", "model parameters", "model size", "size", "n"),
        *("training non embedding parameters", "training parameters"),
    ),
    "tokens": (
        *("tokens", "training tokens", "train tokens", "n tokens", "num tokens", "tokens seen", "data", "dataset size"),
        *("d",),
    ),
    "compute": ("flops", "flop", "training flops", "train flops", "compute", "training compute", "total flos", "c"),
}


@dataclass(frozen=True, slots=True)
class ScalingTable:
    """Runs as arrays of shape (n,), float64, positive and finite; None where a column is not there.

    parameters N, tokens D, compute C in FLOP, loss L in whatever unit the table has, nats a token as a rule.
    """

    loss: np.ndarray
    parameters: np.ndarray | None = None
    tokens: np.ndarray | None = None
    compute: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.loss)

    def rows(self, chosen: np.ndarray) -> "ScalingTable":
        """The table of the chosen rows, by numbers or by a mask."""
        columns = (self.loss, self.parameters, self.tokens, self.compute)
        return ScalingTable(*(None if column is None else column[chosen] for column in columns), self.notes)

    def inputs(self, names: tuple[str, ...]) -> np.ndarray:
        """Natural logarithms of the columns, of shape (len(names), n)."""
        return np.log([getattr(self, name) for name in names])


def make_table(loss, parameters=None, tokens=None, compute=None, notes: tuple[str, ...] = ()) -> ScalingTable:
    """A table from columns of numbers. Raises UserError with one line where they cannot be a table of runs."""
    columns = {"loss": loss, "parameters": parameters, "tokens": tokens, "compute": compute}
    arrays = {name: None if given is None else np.asarray(given, dtype=np.float64) for name, given in columns.items()}
    sizes = {len(array) for array in arrays.values() if array is not None}
    if len(sizes) != 1:
        raise UserError("the columns of the table differ in length: give every run one value of each")
    for name, array in arrays.items():
        if array is not None and (wrong := np.flatnonzero(~(np.isfinite(array) & (array > 0)))).size:
            raise UserError(_not_positive(f"run {wrong[0] + 1}", name, f"{array[wrong[0]]:g}"))
    if all(arrays[name] is None for name in ("parameters", "tokens", "compute")):
        raise UserError("the table has neither parameters, tokens nor compute: name a column params, tokens or flops")
    if (rows := sizes.pop()) < FEWEST:
        raise UserError(f"{rows} runs are too few to fit anything: give {FEWEST} or more")
    if np.ptp(np.log(arrays["loss"])) < 1e-9:
        raise UserError("every run has the same loss, so nothing can be seen to scale: look at how it was measured")
    return ScalingTable(**arrays, notes=notes)


def read_table(path: Path) -> ScalingTable:
    """Read a CSV of runs, a row a run; see NAMES for its columns and eval.scaling_laws.units for their units.

    Raises UserError that names the file, the row and the column.
    """
    cells = _read_text(path)
    chosen, notes = _match(path, list(cells))
    columns = {}
    for kind, (name, multiple) in chosen.items():
        read = _reader(path, name, kind, multiple)
        columns[kind] = [read(number, text) for number, text in enumerate(cells[name], start=1)]
    try:
        return make_table(**columns, notes=tuple(notes))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read_text(path: Path) -> dict[str, list[str]]:
    """The cells of each column as they stand, without empty lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError(f"{path} cannot be read ({reason}): give a CSV with a row a run") from error
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t|", key=header.count)
    try:
        lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text), delimiter=separator)]
    except csv.Error as error:
        raise UserError(f"{path} is no table ({error}): give a CSV with a header") from error
    names, *rows = [line for line in lines if any(line)] or [[]]
    for number, row in enumerate(rows, start=1):
        # A number written 1,000,000 without quotes would shift all that follows.
        if len(row) != len(names):
            raise UserError(f"{path}, row {number} has {len(row)} cells and the header {len(names)}: mend that line")
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _match(path: Path, headers: list[str]) -> tuple[dict[str, tuple[str, float | None]], list[str]]:
    """For each kind its column and what its unit multiplies by (None: no unit), and notes on columns left aside."""
    found: dict[str, list[tuple[int, str, float | None]]] = {kind: [] for kind in NAMES}
    for header in headers:
        if (meaning := _meaning(header)) is not None:
            kind, rank, multiple = meaning
            found[kind].append((rank, header, multiple))
    chosen, notes = {}, []
    for kind, candidates in found.items():
        candidates.sort(key=lambda candidate: candidate[0])
        if candidates:
            chosen[kind] = candidates[0][1:]
        if len(candidates) > 1:
            others = ", ".join(name for _, name, _ in candidates[1:])
            notes.append(f"{kind} is the column {candidates[0][1]!r}; left aside: {others}")
    if "loss" not in chosen:
        there = f"there are {', '.join(headers)[:80]}" if headers else "it is empty"
        raise UserError(f"{path} has no column for the loss: name one 'loss' ({there})")
    return chosen, notes


def _meaning(header: str) -> tuple[str, int, float | None] | None:
    """Kind, rank among its names, and the unit's multiple, of a header such as `tokens (B)` or `compute, PF-days`."""
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header).lower()).strip()
    for named in ("", *NAMES["compute"]):
        if words.startswith(named) and DAYS.fullmatch(words.removeprefix(named).replace(" ", "")):
            return "compute", 0, PF_DAY
    for multiple, rest in ((None, words), *_without_unit(words)):
        for kind, names in NAMES.items():
            if rest in names and not (kind == "loss" and multiple):
                return kind, names.index(rest), multiple
    return None


def _without_unit(words: str) -> list[tuple[float | None, str]]:
    *rest, last = words.split() or [""]
    units = {**MULTIPLES, **FLOP, "nats": None}
    return [(units[last], " ".join(rest))] if rest and last in units else []


def _reader(path: Path, name: str, kind: str, multiple: float | None) -> Callable[[int, str], float]:
    """A function from a row's number and its cell to the value, in parameters, tokens, FLOP or loss."""

    def read(number: int, text: str) -> float:
        try:
            if kind == "compute":
                value, with_unit = parse_compute(text)
                value *= 1.0 if with_unit or multiple is None else multiple
                if not with_unit and multiple is None and 0 < value < SMALLEST_COMPUTE:
                    raise UserError(
                        f"{path}, row {number}: {name} is {text}, and no run takes so few FLOP: "
                        "name its unit, as in a column 'PF-days'"
                    )
            elif kind == "loss":
                value = float(text)
            else:
                value = parse_count(text)
                # The header's unit is for cells without one of their own.
                value *= multiple if multiple and not re.search(r"[a-df-zA-DF-Z]", text) else 1.0
        except ValueError as error:
            hint = "2.31" if kind == "loss" else "0.1 PF-days or 1e21" if kind == "compute" else "30B or 3e10"
            raise UserError(f"{path}, row {number}: {name} is {text!r}: write a number such as {hint}") from error
        if not (np.isfinite(value) and value > 0):
            raise UserError(f"{path}, {_not_positive(f'row {number}', name, text)}")
        return value

    return read


def _not_positive(where: str, name: str, text: str) -> str:
    return f"{where}: {name} is {text!r}: it takes a number above 0; mend the row or leave it out"


def completed(table: ScalingTable) -> ScalingTable:
    """The table with the one of N, D and C that is missing taken from C = 6 N D, and a note that says so."""
    n, d, c, notes = table.parameters, table.tokens, table.compute, table.notes
    if n is not None and d is not None and c is None:
        return ScalingTable(table.loss, n, d, 6 * n * d, (*notes, "there is no compute: taken as C = 6 N D"))
    if n is not None and c is not None and d is None:
        return ScalingTable(table.loss, n, c / (6 * n), c, (*notes, "there are no tokens: taken as D = C / 6 N"))
    if d is not None and c is not None and n is None:
        return ScalingTable(table.loss, c / (6 * d), d, c, (*notes, "there are no parameters: taken as N = C / 6 D"))
    return table
