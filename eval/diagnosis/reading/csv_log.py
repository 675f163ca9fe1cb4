"""Tables in text: a CSV of curves, with commas, semicolons or tabs."""

import io
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from cli.errors import UserError
from eval.diagnosis.reading.names import meaning, normalised
from eval.diagnosis.reading.table import MISSING, Table


def read_csv_log(path: Path, content: bytes) -> Table:
    """The columns of a CSV, numbers as such whatever their decimal sign; UserError where it is no table."""
    start = next((number for number, line in enumerate(content.splitlines()) if line.strip(b" ,;\t")), 0)
    header = content.splitlines()[start].decode("utf-8", errors="replace")
    separator = max(",;\t|", key=header.count)
    # A decimal comma shows in the numbers; it cannot be where the comma separates.
    comma = separator != "," and re.search(rb"(^|[;\t|\"\s])-?\d+,\d", content[:100_000])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = pd.read_csv(
                io.BytesIO(content),
                sep=separator,
                decimal="," if comma else ".",
                skiprows=start,
                index_col=False,
                skipinitialspace=True,
                keep_default_na=False,
                na_values=MISSING,
                on_bad_lines="warn",
                encoding_errors="replace",
                low_memory=False,
            )
    except (ValueError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is no table ({reason}): give a CSV with a header") from error
    if repeated := [name for name in frame if frame[name].dtype.kind not in "iuf"]:
        # A log that was appended to brings its header along.
        headers = np.logical_and.reduce([(frame[name] == name).to_numpy(bool, na_value=False) for name in repeated])
        frame = frame[~headers]
    table = Table(len(frame))
    for name in frame:
        column = frame[name]
        if column.dtype.kind in "iuf":
            values = column.to_numpy(np.float64)
            # A column that is read as numbers has no NaN but blank cells.
            if (logged := ~np.isnan(values)).any():
                table.add(str(name), values, logged)
            else:
                table.blank.append(str(name))
        elif column.dtype.kind != "b":
            _add_strings(table, str(name), column, comma=bool(comma))
    if any("Skipping line" in str(warning.message) for warning in caught):
        table.notes.append("lines with more values than the header has names are left out")
    return _named_by_file(table, path)


def _add_strings(table: Table, name: str, column: pd.Series, *, comma: bool) -> None:
    """Add a column with NaN, signs or words in it: at once if it can be, else cell by cell."""
    column = column.astype("str")  # whole numbers of any length come as objects
    missing = column.isna().to_numpy()
    nan = (column.str.strip().str.lower() == "nan").to_numpy(bool, na_value=False)
    plain = pd.to_numeric(column.mask(nan), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if (~np.isnan(plain) | nan | missing).all() and not missing.all():
        table.add(name, plain, ~missing)
        return
    # Each word is looked at once, however many rows say it.
    codes, words = pd.factorize(column)
    table.add_codes(name, codes, [word.replace(",", ".") if comma else word for word in words])


def _named_by_file(table: Table, path: Path) -> Table:
    """TensorBoard exports one curve, as "Wall time,Step,Value", and says only in the file's name which."""
    plain = {normalised(name): name for name in table.values}
    if not {"step", "value"} <= plain.keys() or any(
        (what := meaning(name)) and what.quantity not in ("step", "epoch") for name in table.values
    ):
        return table
    tag = path.stem.split("tag-")[-1]
    what = meaning(tag)
    name = tag if what and what.quantity not in ("step", "epoch") else "loss"
    table.notes.append(f"the values are taken as {name}, after the name of the file")
    table.add(name, table.values.pop(plain["value"]), table.logged.pop(plain["value"]))
    return table
