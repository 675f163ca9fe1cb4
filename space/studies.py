"""The studies that may be looked at, and what each has left so far; nothing outside their two folders can be named."""

import csv
import io
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from cli.errors import UserError
from eval.run_directory import read_json

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "studies"
SILENCE = 300.0
"""Seconds without anything written in a study after which nobody works at it; its runs give signs of life."""
AT_ONCE = 60.0
"""Files of a judged study are written within so many seconds of each other, also where they were copied."""
RESULTS = ("effects.json", "search.json")

FINISHED, RUNNING, NOT_FINISHED = "finished", "running", "not finished"


@dataclass(frozen=True, slots=True)
class Study:
    """The folder of a study."""

    name: str
    """As it stands in the list and in an address."""
    path: Path
    example: bool
    """Whether it came with the project."""

    @property
    def runs(self) -> Path:
        return self.path / "runs.csv"

    @property
    def effects(self) -> Path:
        return self.path / "effects.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"


@dataclass(frozen=True, slots=True)
class RunTable:
    """runs.csv as it was written, all of it text."""

    columns: list[str]
    rows: list[dict[str, str]]

    @property
    def factors(self) -> list[str]:
        """The columns that say what a run was: those before its seed."""
        return [name for name in self.columns[: self.columns.index("seed")] if name != "cell"]

    @property
    def metrics(self) -> list[str]:
        """The columns that are measured, `split.metric`."""
        return [name for name in self.columns[self.columns.index("seed") :] if "." in name]


class Studies:
    """The studies under one folder, and the examples that came with the project."""

    def __init__(self, folder: Path, examples: Path = EXAMPLES):
        self._folders = (folder, False), (examples, True)

    def names(self) -> list[str]:
        """The studies, the one that was written last first, then the examples."""
        return list(self._found())

    def study(self, name: str) -> Study:
        """The study of a name; raises UserError for any other word, a path above all."""
        found = self._found()
        if name not in found:
            raise UserError(f"there is no study {name!r} here")
        return found[name]

    def _found(self) -> dict[str, Study]:
        found = {}
        for folder, example in self._folders:
            paths = {file.parent for name in ("study.yaml", "runs.csv") for file in folder.glob(f"*/{name}")}
            order = sorted(paths, key=lambda path: path.name) if example else sorted(paths, key=_written, reverse=True)
            for path in order:
                name = f"{path.name} (example)" if path.name in found else path.name
                found[name] = Study(name, path, example)
        return found


def state_of(study: Study, now: float) -> str:
    """FINISHED: the results of all its runs are there; else RUNNING, unless nothing stirs in it."""
    judged = max(_time(study.path / name) for name in RESULTS)
    if judged and (study.example or _time(study.runs) <= judged + AT_ONCE and not _missing(study)):
        return FINISHED
    return RUNNING if not study.example and now - _written(study.path) < SILENCE else NOT_FINISHED


def stamp_of(study: Study, now: float) -> list:
    """What changes whenever the study has something new to show; its state comes first."""
    files = [study.runs, study.report, *(study.path / name for name in RESULTS)]
    return [state_of(study, now), *(_time(file) for file in files)]


def read_table(path: Path) -> RunTable:
    """Read a study's runs.csv; raises UserError, one line, where it is no such table."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""), restval=None, strict=True)
        rows, columns = list(reader), list(reader.fieldnames or [])
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is not valid CSV ({error}): run the study's command again") from error
    for name in ("seed", "status"):
        if name not in columns:
            raise UserError(f"{path} has no column {name!r}: run the study's command again")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise UserError(f"row {number} of {path} is not as long as its header: run the study's command again")
    return RunTable(columns, rows)


def read_effects(study: Study) -> dict[str, Any] | None:
    """effects.json, or None where there is none; raises UserError where it is broken or of another version."""
    # Takes half a second to import.
    from eval.effects import SCHEMA_VERSION

    if not study.effects.is_file():
        return None
    data = read_json(study.effects)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA_VERSION:
        raise UserError(f"{study.effects} is not of schema {SCHEMA_VERSION}: run the study's command again")
    return data


def metric_of(study: Study, table: RunTable) -> str | None:
    """The metric that a study without effects is about: that of its study.yaml where it is measured, else the first."""
    try:
        settings = yaml.safe_load((study.path / "study.yaml").read_text("utf-8"))
        named = settings.get("metric")
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        named = None
    return named if named in table.metrics else next(iter(table.metrics), None)


def number(text: str) -> float | None:
    """The finite number that a cell of the table holds, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _written(folder: Path) -> float:
    """When anything was last written in a study: a table, its storage, or the journal or log of a run."""
    files = [folder / name for name in ("study.yaml", "study.db", "study.db-wal", "runs.csv")]
    files += [file for name in ("journal.jsonl", "log.txt") for file in folder.glob(f"runs/*/{name}")]
    return max(map(_time, files))


def _missing(study: Study) -> bool:
    """Whether the results were written before the last run; those that cannot be read were not."""
    for name in RESULTS:
        try:
            return bool(read_json(study.path / name).get("missing"))
        except (UserError, AttributeError):
            continue
    return False


def _time(path: Path) -> float:
    """When a file was written last; 0 where there is none, which may have gone this moment."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
