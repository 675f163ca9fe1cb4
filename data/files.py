"""Labelled texts from a folder of csv, tsv, jsonl or parquet files."""

import csv
import io
import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cli.errors import UserError
from data.checks import LABEL_COLUMN, checked, text_column

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
STEMS = {"train": ("train",), "validation": ("validation", "dev"), "test": ("test",)}  # dev: GLUE's own archives


def read_folder(folder: str | PathLike) -> dict[str, pa.Table]:
    """Read the splits that lie in a folder: train, and validation (or dev) or test or both.

    Returns a table of text and label for every split there is. Raises UserError for a missing folder or file, for two
    files of one split, and for whatever read_file refuses.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"--data_dir {folder}: {'a file, not a folder' if folder.exists() else 'no such folder'}")
    found = {split: _find(folder, stems) for split, stems in STEMS.items()}
    if found["train"] is None:
        raise _missing(folder, STEMS["train"])
    if found["validation"] is None and found["test"] is None:
        raise _missing(folder, (*STEMS["validation"], *STEMS["test"]))
    return {split: read_file(path) for split, path in found.items() if path is not None}


def read_file(path: Path) -> pa.Table:
    """Read one file of labelled texts into a table of text and label.

    The text stands in a column text or sentence, the label (0, 1, negative, positive) in a column label; other columns
    are ignored. csv is quoted as usual, tsv not at all (SST-2's files hold bare quotes), both in UTF-8 with a header;
    jsonl holds one object a line. Raises UserError that names the file and the line (parquet: the row).
    """
    try:
        if path.suffix == ".parquet":
            return _read_parquet(path)
        text = _decode(path)
        rows = _json_rows(path, text) if path.suffix == ".jsonl" else _delimited_rows(path, text)
        lines, texts, labels = map(list, zip(*rows, strict=True)) if (rows := list(rows)) else ([], [], [])
        return checked(
            pa.array(texts, pa.string()), pa.array(labels, pa.string()), str(path), lambda row: f"line {lines[row]}"
        )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _find(folder: Path, stems: tuple[str, ...]) -> Path | None:
    paths = [path for stem in stems for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()]
    if len(paths) > 1:
        raise UserError(f"--data_dir {folder}: {' and '.join(path.name for path in paths)} are both there: keep one")
    return paths[0] if paths else None


def _missing(folder: Path, stems: tuple[str, ...]) -> UserError:
    there = sorted(path.name for path in folder.iterdir())
    listed = ", ".join(there[:8]) + (", …" if len(there) > 8 else "") if there else "nothing"
    return UserError(
        f"--data_dir {folder}: none of {', '.join(stems)} as {', '.join(SUFFIXES)} (the folder holds {listed})"
    )


def _decode(path: Path) -> str:
    content = path.read_bytes()
    if not content.strip():
        raise UserError(f"{path} is empty")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 (byte {error.object[error.start]:#04x})") from error


def _delimited_rows(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, text and label of every record."""
    dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.suffix == ".tsv" else {"strict": True}
    reader = csv.reader(io.StringIO(text, newline=""), **dialect)
    line = 1
    header = None
    try:
        for record in reader:
            if not record:
                pass  # a blank line
            elif header is None:
                header = record
                text_at, label_at = header.index(text_column(header, str(path))), header.index(LABEL_COLUMN)
            elif len(record) != len(header):
                hint = "" if path.suffix == ".tsv" else "; a text that holds a comma needs quotes"
                raise UserError(f"{path}, line {line}: {len(record)} fields where the header has {len(header)}{hint}")
            else:
                yield line, record[text_at], record[label_at]
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: {error}; is a quote left open?") from error


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, str | None, str | None]]:
    """Yield line number, text and label of every object."""
    text_key = None
    for line, written in enumerate(text.split("\n"), start=1):  # not splitlines(), which also splits at U+2028
        if not written.strip():
            continue
        where = f"{path}, line {line}"
        try:
            row = json.loads(written)
        except json.JSONDecodeError as error:
            raise UserError(f"{where}: not a JSON object ({error.msg}, character {error.colno})") from error
        if not isinstance(row, dict):
            raise UserError(f"{where}: not a JSON object")
        if text_key is None or text_key not in row or LABEL_COLUMN not in row:
            text_key = text_column(list(row), where)
        if not isinstance(row[text_key], str | None):
            raise UserError(f"{where}: the {text_key} is not a string")
        try:
            (row[text_key] or "").encode()
        except UnicodeEncodeError as error:  # JSON can write "\ud83d" alone, as a text cut within an emoji has it
            raise UserError(f"{where}: the {text_key} holds half a character ({error.reason})") from error
        yield line, row[text_key], None if row[LABEL_COLUMN] is None else str(row[LABEL_COLUMN])


def _read_parquet(path: Path) -> pa.Table:
    try:
        columns = pq.read_schema(path).names
        name = text_column(columns, str(path))
        table = pq.read_table(path, columns=[name, LABEL_COLUMN]).combine_chunks()
        labels = table[LABEL_COLUMN].cast(pa.string())
    except pa.ArrowException as error:
        raise UserError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not _holds_strings(table[name].type):
        raise UserError(f"{path}: column {name} holds {table[name].type}, not text")
    return checked(table[name].cast(pa.string()), labels, str(path), lambda row: f"row {row + 1}")


def _holds_strings(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
