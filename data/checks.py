"""What every row of every corpus must satisfy, whatever it was read from."""

import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cli.errors import UserError

TEXT_COLUMNS = ("text", "sentence")
LABEL_COLUMN = "label"
LABEL_NAMES = ("NEGATIVE", "POSITIVE")

_LABELS = {"0": 0, "0.0": 0, "negative": 0, "1": 1, "1.0": 1, "positive": 1}
_MISSING = ("", "nan", "none", "null")
_HIDDEN = "GLUE hides its test labels: move the file away, and the validation file becomes the test"


def has_visible_text(text: str) -> bool:
    """Whether a text holds more than spaces, control characters and marks of no width."""
    return any(unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf") for character in text)


def text_column(columns: list[str], source: str) -> str:
    """Return the name of the column that holds the texts, having seen that there is one label column beside it."""
    found = [column for column in columns if column in TEXT_COLUMNS]
    listed = ", ".join(columns)
    if not found:
        raise UserError(f"{source}: no column text or sentence (the columns are: {listed})")
    if len(found) > 1:
        raise UserError(f"{source}: {len(found)} columns could be the text ({', '.join(found)}): keep one")
    if columns.count(LABEL_COLUMN) != 1:
        many = "more than one" if LABEL_COLUMN in columns else "no"
        hint = f"; {_HIDDEN}" if "sentence" in columns and "index" in columns else ""
        raise UserError(f"{source}: {many} column label (the columns are: {listed}){hint}")
    return found[0]


def checked(texts: pa.Array, labels: pa.Array, source: str, place: Callable[[int], str]) -> pa.Table:
    """Return the rows as a table of text (stripped) and label (0 negative, 1 positive).

    texts, labels: strings, null where missing. A label is 0 or 1, or negative or positive in any case.
    source: what to call the rows in an error; place: row number from 0 -> "line 7".
    Raises UserError at the first empty text or unknown label, and where a label never occurs.
    """
    if len(texts) == 0:
        raise UserError(f"{source}: no rows")
    texts = pc.fill_null(pc.utf8_trim_whitespace(texts), "")
    _refuse(pc.equal(texts, ""), lambda row: "the text is empty", source, place)

    written = pc.fill_null(pc.utf8_lower(pc.utf8_trim_whitespace(labels)), "")
    codes = pc.index_in(written, value_set=pa.array(list(_LABELS)))
    _refuse(pc.is_null(codes), lambda row: _label_fault(written[row].as_py()), source, place)
    labels = np.array(list(_LABELS.values()))[codes.to_numpy(zero_copy_only=False)]
    if labels.min() == labels.max():
        raise UserError(f"{source}: every label is {labels[0]} ({LABEL_NAMES[labels[0]]}), and both classes are needed")
    return pa.table({"text": texts, "label": labels})


def shorten(text: str, width: int = 80) -> str:
    """Return the text on one line, cut to `width` characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _label_fault(label: str) -> str:
    if label in _MISSING:
        return "the label is missing"
    if label in ("-1", "-1.0"):
        return f"the label is -1; {_HIDDEN}"
    return f"the label is {shorten(label, 40)!r}, not one of 0, 1, negative, positive"


def _refuse(faulty: pa.Array, fault: Callable[[int], str], source: str, place: Callable[[int], str]) -> None:
    rows = np.flatnonzero(faulty.to_numpy(zero_copy_only=False))
    if len(rows):
        others = f" ({len(rows) - 1} more like it)" if len(rows) > 1 else ""
        raise UserError(f"{source}, {place(rows[0])}: {fault(rows[0])}{others}")
