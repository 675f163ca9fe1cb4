"""The run directory: where each file of a run lies, what shape it has, and how it is read and written safely."""

import csv
import errno
import fcntl
import hashlib
import io
import json
import math
import os
import re
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cli.errors import UserError
from eval.diagnosis.finding import Name

SCHEMA_VERSION = 1

Number = int | float

JOURNAL_LINE = {"kind": str, "step": int, "epoch": Number | None}
JOURNAL_KINDS = {
    "train": {"loss": Number},
    "eval": {"loss": Number},
    "grad_norms": {"clipped": bool, "total": Number, "layers": dict},
    "layer_gains": {"layers": dict},
    "optimizer_signals": {"layers": dict},
    "event": {"event": str},
}
METRICS = {
    "schema": int,
    "corpus": str,
    "overlap": dict | None,
    "best_step": int | None,
    "validation": dict,
    "test": dict,
}
ESTIMATE = {"value": Number | None, "low": Number | None, "high": Number | None, "n": int}
DIAGNOSIS = {"schema": int, "verdict": str, "findings": list, "insufficient": list}
FINDING = {
    "name": str,
    "severity": Number,
    "confidence": Number,
    "onset": dict,
    "evidence": dict,
    "causes": list,
    "ruled_out": list,
    "today": list,
    "next_week": list,
    "confirm_by": list,
}
ONSET = {"step": Number | None, "epoch": Number | None}
PARTS_OF_FINDING = {
    "causes": {"cause": str, "for": list, "against": list},
    "ruled_out": {"name": str, "why": str},
    "today": {"action": str, "flags": str},
}

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class RunDirectory:
    """The paths inside a run directory; nothing is created."""

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.model_card = self.path / "README.md"
        self.journal = self.path / "journal.jsonl"
        self.trainer_state = self.path / "trainer_state.json"
        self.metrics = self.path / "metrics.json"
        self.diagnosis = self.path / "diagnosis.json"
        self.incident = self.path / "incident.md"
        self.test_predictions = self.path / "test_predictions.csv"
        self.tensorboard = self.path / "tensorboard"
        self.evaluation = self.path / "evaluation"
        self.lock = self.path / ".lock"

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoint-<step> folders in the order of their steps, whole or not."""
        steps = {path: re.fullmatch(r"checkpoint-(\d+)", path.name) for path in self.path.glob("checkpoint-*")}
        return sorted((path for path in steps if steps[path]), key=lambda path: int(steps[path][1]))


class Journal:
    """Appends to journal.jsonl, one JSON object a line.

    Each line is one write to the end of the file, so a killed process leaves at most one unfinished last line; a write
    that fails half-way (disk full) is taken back. The file is opened, and made, by the first write.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._file = None

    def write(self, kind: str, step: int, epoch: float | None, **fields: Any) -> None:
        """Append one line.

        `kind` is a key of JOURNAL_KINDS, which says what fields it needs; numpy and torch values are welcome. NaN and
        the infinities become the strings of NON_FINITE. Raises ValueError for a line out of shape and UserError where
        the file cannot be written.
        """
        record = _builtin({"kind": kind, "step": step, "epoch": epoch, **fields})
        if problem := _journal_problem(record):
            raise ValueError(f"a journal line {problem}")
        line = json.dumps(_replace_non_finite(record, _spelled), allow_nan=False) + "\n"
        with _user_error(self.path):
            if self._file is None:
                self._file = _open_journal(self.path)
            _append(self._file, line.encode())

    def drop_after(self, step: int) -> None:
        """Rewrite the journal without the lines past `step`, the unreadable ones and an unfinished last one."""
        self.close()
        if self.path.exists():
            kept = [raw for raw, record in _journal_lines(self.path) if record["step"] <= step]
            write_bytes(self.path, b"".join(raw.rstrip() + b"\n" for raw in kept))

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_journal(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Read the lines of a journal, NaN and the infinities as floats.

    An unfinished last line is ignored, any other broken line is skipped with a warning that names file and line. Raises
    UserError where there is no such file.
    """
    return [record for _, record in _journal_lines(Path(path))]


def read_metrics(path: str | os.PathLike) -> dict[str, Any]:
    """Read metrics.json; raises UserError that names the file and the key where it is not in shape."""
    metrics = read_json(path)
    validate_metrics(metrics, path)
    return metrics


def validate_metrics(metrics: Any, path: str | os.PathLike) -> None:
    """Check the shape of a metrics.json and raise UserError, naming `path` and the key that is wrong."""
    problem = _problem(metrics, METRICS)
    if not problem and metrics["schema"] != SCHEMA_VERSION:
        problem = f"has schema {metrics['schema']}; this version reads {SCHEMA_VERSION}"
    if problem:
        raise UserError(f"{path} {problem}")
    if not isinstance(metrics.get("reliability", {}), dict):
        raise UserError(f"{path} has a 'reliability' of the wrong type ({type(metrics['reliability']).__name__})")
    for group in ("validation", "test", "reliability"):
        for name, estimate in metrics.get(group, {}).items():
            if problem := _problem(estimate, ESTIMATE):
                raise UserError(f"{path}: {group}.{name} {problem}")


def read_diagnosis(path: str | os.PathLike) -> dict[str, Any]:
    """Read diagnosis.json; raises UserError that names the file and the key where it is not in shape."""
    diagnosis = read_json(path)
    validate_diagnosis(diagnosis, path)
    return diagnosis


def validate_diagnosis(diagnosis: Any, path: str | os.PathLike) -> None:
    """Check the shape of a diagnosis.json and raise UserError, naming `path` and the key that is wrong."""
    if problem := _diagnosis_problem(diagnosis):
        raise UserError(f"{path}{problem}; run `python eval/diagnose.py` again")


def write_test_predictions(
    path: str | os.PathLike, label_names: Sequence[str], labels: np.ndarray, probabilities: np.ndarray
) -> None:
    """Write test_predictions.csv atomically, all digits of the probabilities kept.

    labels: (rows,), indices into label_names; probabilities: (rows, classes). Raises UserError as write_text does.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["label", *label_names])
    table.writerows([label, *row] for label, row in zip(labels.tolist(), probabilities.tolist(), strict=True))
    write_text(path, text.getvalue())


def read_test_predictions(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read test_predictions.csv: labels of shape (rows,) and probabilities of shape (rows, classes).

    Raises UserError that names the file, and the row from 1, where it is missing or not in shape.
    """
    content = _read_bytes(Path(path))
    try:
        header, *rows = csv.reader(content.decode().splitlines(), strict=True)
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(header))
    except (ValueError, csv.Error):
        table = np.empty((0, 0))
    if not len(table) or header[0] != "label" or len(header) < 3:
        raise UserError(f"{path} is no table of a label and the probabilities of two classes or more: train again")
    labels, probabilities = table[:, 0], table[:, 1:]
    known = np.isin(labels, range(len(header) - 1))
    sound = known & (probabilities >= 0).all(axis=1) & np.isclose(probabilities.sum(axis=1), 1, atol=1e-6)
    if not sound.all():
        fault = "has probabilities that are none" if known[row := sound.argmin()] else "has an unknown label"
        raise UserError(f"{path}, row {row + 1} {fault}: train again")
    return labels.astype(np.int64), probabilities


def is_being_trained(run: RunDirectory) -> bool | None:
    """Whether a process holds the lock of a run, of which a killed one lets go; None where there is no lock to ask."""
    try:
        with open(run.lock, "rb") as file:
            # Shared, and let go of at once: who looks keeps nobody out.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def read_settings(path: str | os.PathLike) -> dict[str, Any]:
    """Read the settings of a run from its config.yaml; raises UserError that names the file where that fails."""
    try:
        settings = yaml.safe_load(_read_bytes(Path(path)))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: mend it or train again") from error
    if not isinstance(settings, dict):
        raise UserError(f"{path} holds no settings: mend it or train again")
    return settings


def weights_fingerprint(name: str) -> str:
    """The beginning of the SHA-256 of a model's weights; of its name where they lie elsewhere, as on the Hub."""
    digest = hashlib.sha256(b"" if Path(name).is_dir() else name.encode())
    for path in sorted(Path(name).glob("*.safetensors")):
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write strict JSON atomically; numpy values are welcome, NaN and the infinities become null."""
    write_text(path, json.dumps(plain(content), indent=2, allow_nan=False) + "\n")


def plain(content: Any) -> Any:
    """Content as write_json writes it and read_json reads it: Python's own types, lists for tuples, null for NaN."""
    return json.loads(json.dumps(_replace_non_finite(_builtin(content), lambda _: None), allow_nan=False))


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file; raises UserError that names the file where it is missing or broken."""
    try:
        return json.loads(_read_bytes(Path(path)))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}): mend or delete it") from error


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file atomically: a killed process leaves the old file or the new one.

    Folders are made as needed. Raises UserError, one line that names the file and what to change, where that fails.
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write a file atomically, as write_text does."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with _user_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove(path: str | os.PathLike) -> None:
    """Delete a file where there is one; raises UserError as write_text does."""
    with _user_error(Path(path)):
        Path(path).unlink(missing_ok=True)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check the path") from error


@contextmanager
def _user_error(path: Path) -> Iterator[None]:
    """Turn a failure to write `path` into one line that says what to change."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            remedy = "free some space there or choose another folder"
        else:
            remedy = "make the folder writable or choose another"
        raise UserError(f"{path} cannot be written: {error.strerror}; {remedy}") from error


def _open_journal(path: Path):
    """Open a journal unbuffered at its end, after its last whole line: an unfinished one is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+b", buffering=0)  # noqa: SIM115 (kept open by the Journal)
    file.seek(0)
    content = file.read()
    last_line = content[content.rfind(b"\n") + 1 :]
    if last_line:
        try:
            _parse_journal_line(last_line)
            _append(file, b"\n")
        except ValueError:
            file.truncate(len(content) - len(last_line))
    return file


def _append(file, line: bytes) -> None:
    end = file.seek(0, os.SEEK_END)
    written = 0
    try:
        while written < len(line):
            written += file.write(line[written:])
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def _journal_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield each readable line, raw and parsed."""
    for number, raw in enumerate(_read_bytes(path).splitlines(keepends=True), start=1):
        try:
            yield raw, _parse_journal_line(raw)
        except ValueError as error:
            if raw.endswith(b"\n"):
                warnings.warn(f"{path}, line {number} is skipped: it {error}", stacklevel=3)


def _parse_journal_line(raw: bytes) -> dict[str, Any]:
    try:
        record = _restore_non_finite(json.loads(raw))
    except ValueError as error:
        raise ValueError(f"is not valid JSON ({error})") from error
    if problem := _journal_problem(record):
        raise ValueError(problem)
    return record


def _journal_problem(record: Any) -> str | None:
    if problem := _problem(record, JOURNAL_LINE):
        return problem
    if record["kind"] not in JOURNAL_KINDS:
        return f"has the unknown kind {record['kind']!r}"
    return _problem(record, JOURNAL_KINDS[record["kind"]])


def _problem(record: Any, shape: dict[str, Any]) -> str | None:
    """What is wrong with `record`, as the end of a sentence that it begins; None where it has all keys of `shape`."""
    if not isinstance(record, dict):
        return "is not a JSON object"
    for key, kind in shape.items():
        if key not in record:
            return f"has no {key!r}"
        if not isinstance(record[key], kind):
            return f"has a {key!r} of the wrong type ({type(record[key]).__name__})"
    return None


def _diagnosis_problem(diagnosis: Any) -> str | None:
    """What is wrong with a diagnosis, and where, as it follows the name of the file; None where nothing is."""
    if problem := _problem(diagnosis, DIAGNOSIS):
        return f" {problem}"
    if diagnosis["schema"] != SCHEMA_VERSION:
        return f" has schema {diagnosis['schema']}; this version reads {SCHEMA_VERSION}"
    if diagnosis["verdict"] not in set(Name):
        return f" has the unknown verdict {diagnosis['verdict']!r}"
    for number, finding in enumerate(diagnosis["findings"]):
        where = f": findings[{number}]"
        if problem := _problem(finding, FINDING):
            return f"{where} {problem}"
        if finding["name"] not in set(Name):
            return f"{where} has the unknown name {finding['name']!r}"
        if problem := _problem(finding["onset"], ONSET):
            return f"{where}.onset {problem}"
        for key in ("severity", "confidence"):
            if not 0 <= finding[key] <= 1:
                return f"{where}.{key} is {finding[key]}: it goes from 0 to 1"
        for name, value in finding["evidence"].items():
            if not isinstance(value, Number):
                return f"{where}.evidence has a {name!r} that is no number"
        for part, shape in PARTS_OF_FINDING.items():
            for index, item in enumerate(finding[part]):
                if problem := _problem(item, shape):
                    return f"{where}.{part}[{index}] {problem}"
    return None


def _builtin(value: Any) -> Any:
    """The same value in Python's own types; numpy and torch bring `tolist`."""
    if isinstance(value, dict):
        return {key: _builtin(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_builtin(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _replace_non_finite(value: Any, replacement) -> Any:
    if isinstance(value, dict):
        return {key: _replace_non_finite(item, replacement) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_non_finite(item, replacement) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return replacement(value)
    return value


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _restore_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _restore_non_finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore_non_finite(item) for item in value]
    return NON_FINITE.get(value, value) if isinstance(value, str) else value
