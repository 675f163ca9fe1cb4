"""Many texts from one upload or one paste, and a table of answers that a spreadsheet can open safely."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.errors import UserError
from data.checks import TEXT_COLUMNS

MOST_BYTES = 2_000_000
MOST_ROWS = 10_000
LONGEST = 20_000
"""Characters of one text; more than any network reads."""

ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
# A spreadsheet takes a cell that begins so for a formula, some the full-width signs too (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of an upload, and what must be said of how they were found."""

    texts: list[str]
    note: str
    """One sentence, or nothing."""


def read_upload(path: str) -> Texts:
    """The texts of an uploaded file: the text column of a CSV, the lines of any other file.

    Nothing is ever unpacked. Raises UserError, one line, for a file that is too large or no UTF-8 text, for rows that
    differ in length, for more than 10,000 texts and for none.
    """
    file = Path(path)
    with file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(f"the file is larger than {MOST_BYTES // 1_000_000} MB: split it")
    if content.startswith(ARCHIVES):
        raise UserError("the file is an archive: unpack it and upload the CSV or TXT in it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"line {line} is not UTF-8: save the file as UTF-8 text") from None
    return read_csv(text) if file.suffix.lower() == ".csv" else read_lines(text)


def read_lines(text: str) -> Texts:
    """One text a line; empty lines are left out."""
    _refuse_nul(text)
    # Not splitlines(): that also breaks at characters which stand inside a sentence.
    return _checked((number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), start=1))


def read_csv(text: str) -> Texts:
    """The texts of a CSV: the column text or sentence, else the first one, in which every row counts."""
    _refuse_nul(text)
    # As in a file opened with newline="": a line break inside quotes stays one.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        for row in reader:
            if row:
                rows.append((reader.line_num, row))
            if len(rows) > MOST_ROWS + 1:
                raise _too_many()
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} is not valid CSV ({error}): mend it, or upload a TXT") from None
    if not rows:
        raise UserError("there is no text in it")
    first = rows[0][1]
    for line, row in rows:
        if len(row) != len(first):
            raise UserError(
                f"line {line} has {len(row)} columns, the first has {len(first)}: put quotes round texts with a comma"
            )
    names = [name.strip().lower() for name in first]
    found = [column for column, name in enumerate(names) if name in TEXT_COLUMNS]
    if len(found) > 1:
        raise UserError("more than one column could be the text (text, sentence): keep one")
    if found:
        return _checked((line, row[found[0]]) for line, row in rows[1:])
    note = "No column is called text or sentence: the first one was read, every row of it." if len(first) > 1 else ""
    return _checked(((line, row[0]) for line, row in rows), note)


def write_csv(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """A table as CSV in which no cell is a formula: those that would be begin with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _harmless(cell):
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def has_something(text: str) -> bool:
    """Whether there is anything to read in a text: a character that is printed, and no space."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _checked(numbered, note: str = "") -> Texts:
    texts, empty = [], 0
    for line, text in numbered:
        if not has_something(text):
            empty += bool(text)
            continue
        if len(text) > LONGEST:
            raise UserError(f"the text of line {line} has {len(text):,} characters: cut it to {LONGEST:,}")
        texts.append(text.strip())
        if len(texts) > MOST_ROWS:
            raise _too_many()
    if not texts:
        raise UserError("there is no text in it")
    left_out = f"Left out: {empty} {'line' if empty == 1 else 'lines'} without anything to read." if empty else ""
    return Texts(texts, " ".join(filter(None, [note, left_out])))


def _refuse_nul(text: str) -> None:
    place = text.find("\0")
    if place >= 0:
        line = text.count("\n", 0, place) + 1
        raise UserError(f"line {line} holds a NUL character: this is no text file, or a damaged one")


def _too_many() -> UserError:
    return UserError(f"there are more than {MOST_ROWS:,} texts: split them")
