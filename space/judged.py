"""A run or a log with its diagnosis, the same as `python eval/diagnose.py` gives."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.errors import UserError
from eval.diagnosis.document import commands_of
from eval.diagnosis.finding import Diagnosis
from eval.diagnosis.history import History
from eval.diagnosis.incident import incident
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose
from eval.run_directory import RunDirectory, is_being_trained
from space.batch import MOST_BYTES

ORDERS = ("input", "output")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a log says and what is found in it."""

    history: History
    diagnosis: Diagnosis
    report: str | None
    """incident.md, where there is something to report; the charts of the page are its plots."""


def judge_run(run: RunDirectory) -> Judged:
    """Judge a run by its journal as it is now; raises UserError where there is nothing to be read."""
    return _judge(read_history(run.path), run.path, None, under_way=is_being_trained(run) is True)


def judge_file(path: Path, order: str | None = None) -> Judged:
    """Judge an uploaded log, which goes by its own name alone; raises UserError, one line, where it is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES // 1_000_000} MB: keep every tenth line of the log")
        history = read_history(path, order=order)
    except OSError as error:
        raise UserError(f"{path.name} is not there any more: upload it again") from error
    except UserError as error:
        raise UserError(str(error).replace(str(path), path.name)) from error
    return _judge(replace(history, source=path.name), Path(path.name), order)


def judge_text(log: str, order: str = "") -> Judged:
    """Judge the text of a log; raises UserError, one line, where it is none."""
    if not isinstance(log, str):
        raise UserError(f"the log must be a string, not {type(log).__name__}: give the text of the file")
    if order not in ("", *ORDERS):
        raise UserError(f"the order is {str(order)[:40]!r}: it is {' or '.join(ORDERS)}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "the log"
        path.write_text(log, "utf-8", errors="replace")
        return judge_file(path, order or None)


def _judge(history: History, path: Path, order: str | None, *, under_way: bool = False) -> Judged:
    diagnosis = diagnose(history, under_way=under_way)
    commands = commands_of(path, RunDirectory(path), diagnosis, order)
    return Judged(history, diagnosis, incident(diagnosis, history, commands=commands))
