"""Reading the log of a run, whoever wrote it, into a History."""

import os
from pathlib import Path

from cli.errors import UserError
from eval.diagnosis.history import History
from eval.diagnosis.reading.curves import history
from eval.diagnosis.reading.json_log import read_json_log, settings_of_state
from eval.diagnosis.reading.names import KNOWN, listed, meaning, roles
from eval.diagnosis.reading.run import classes_of, read_run, settings_of_run
from eval.diagnosis.reading.table import Table
from eval.run_directory import RunDirectory

__all__ = ["read_history"]


def read_history(path: str | os.PathLike, *, order: str | None = None) -> History:
    """Read a run directory, a trainer_state.json, a checkpoint or its parent folder, log rows in JSON, or a CSV.

    `order` is "input" or "output": where the layers of a CSV of gradients begin if it does not tell itself. A log with
    little or nothing in it is read all the same, and the notes say so. Raises UserError with one line where the path
    holds no log.
    """
    path = Path(path)
    if path.name == "journal.jsonl":
        path = path.parent
    if path.is_dir():
        run = RunDirectory(path)
        if run.journal.exists():
            return read_run(run)
        path = _trainer_state(run)
    content = _content(path)
    if content.lstrip()[:1] in (b"{", b"["):
        table, state = read_json_log(path, content)
        settings = settings_of_run(path.parent) | settings_of_state(state)
        return history(table, str(path), settings=settings, classes=classes_of(path.parent))
    return _of_csv(path, content, order)


def _of_csv(path: Path, content: bytes, order: str | None) -> History:
    # They need pandas, whose import takes longer than most logs.
    from eval.diagnosis.reading.csv_log import read_csv_log
    from eval.diagnosis.reading.gradient_table import read_gradients

    table = read_csv_log(path, content)
    found = roles(table.names)
    if gradients := None if found.train or found.validation or found.metrics else read_gradients(path, table, order):
        recorded, notes = gradients
        return history(Table(0), str(path), gradients=recorded if len(recorded.step) else None, notes=tuple(notes))
    if not found.has_figures and not roles(table.names).has_figures:
        raise UserError(
            f"{path} has no column of a training log: it has {listed(table.names) or 'none'}; known are {KNOWN}; "
            "columns of layers need --order input or --order output"
        )
    figures = [name for name in table.words if meaning(name)]
    if figures and not roles(table.values).has_figures:
        table.notes.append(f"there is no number in {listed(figures)}")
    return history(table, str(path))


def _trainer_state(run: RunDirectory) -> Path:
    """The trainer_state.json of a folder, or of its last checkpoint."""
    folders = [run.path, *reversed(run.checkpoints)]
    for state in (folder / "trainer_state.json" for folder in folders):
        if state.exists():
            return state
    raise UserError(f"{run.path} holds no journal.jsonl and no trainer_state.json: give the log itself")


def _content(path: Path) -> bytes:
    """The bytes of a text file in UTF-8; UserError where it is missing, empty or no text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = "make it readable" if isinstance(error, PermissionError) else "check the path"
        raise UserError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", errors="replace").encode()
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in content[:100_000]:
        raise UserError(f"{path} is no text: give a trainer_state.json, or a CSV or JSON of log rows")
    if not content.strip():
        raise UserError(f"{path} is empty: give a log with something in it")
    return content
