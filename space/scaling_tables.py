"""The tables of runs that may be looked at: those that came with the project, an upload, or a program's text."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cli.errors import UserError
from space.batch import MOST_BYTES

if TYPE_CHECKING:
    from eval.scaling_laws.table import ScalingTable

MOST_RUNS = 1000
"""Rows of a table: with more the resamples take minutes."""
LONGEST = 300
"""Characters of a line that says what is wrong; it may quote a cell."""
EXAMPLES = {
    "hypothetical": (
        "Hypothetical: four runs, D = 100 N",
        Path(__file__).resolve().parents[1] / "notebooks" / "hypothetical_runs.csv",
    ),
    "measured": (
        "Measured: language models on reviews",
        Path(__file__).resolve().parents[1] / "docs" / "studies" / "scaling" / "runs.csv",
    ),
}
"""Tables by the key that they have in an address, with their words."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A table, and what it is called."""

    name: str
    table: "ScalingTable"


def example_choices() -> list[tuple[str, str]]:
    """Words and key of the examples that are here."""
    return [(words, key) for key, (words, path) in EXAMPLES.items() if path.is_file()]


def example_table(key: str) -> Chosen:
    """An example by its key; raises UserError for any other word."""
    if key not in [here for _, here in example_choices()]:
        raise UserError(f"there is no table {str(key)[:40]!r} here")
    return read_file(EXAMPLES[key][1])


def read_file(path: Path) -> Chosen:
    """A CSV of runs, which goes by its own name alone; raises UserError, one line, where it is none."""
    # SciPy's part of it takes a while to import.
    from eval.scaling_laws.table import read_table

    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES // 1_000_000} MB: keep the columns of the runs alone")
        table = read_table(path)
    except OSError as error:
        raise UserError(f"{path.name} is not there any more: upload it again") from error
    except UserError as error:
        raise UserError(_short(str(error).replace(str(path), path.name))) from error
    if len(table) > MOST_RUNS:
        raise UserError(
            f"{_short(path.name)} has {len(table):,} runs: cut it to {MOST_RUNS:,}, or use python eval/scaling.py"
        )
    return Chosen(path.name, table)


def read_upload(path: Path) -> Chosen:
    """The same of an upload, which is deleted whatever comes of it."""
    try:
        return read_file(path)
    finally:
        path.unlink(missing_ok=True)


def read_text(text: str) -> Chosen:
    """The text of a CSV of runs; raises UserError, one line, where it is none."""
    if not isinstance(text, str):
        raise UserError(f"the table must be a string, not {type(text).__name__}: give the text of the CSV")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "the table"
        path.write_text(text, "utf-8", errors="replace")
        return read_file(path)


def _short(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 2]} …"
