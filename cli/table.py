"""Plain-text tables."""

import re
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"[-+]?\.?\d|[-+]?(nan|inf)$")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An aligned table, one line a row under its header; a column of numbers is set to the right.

    A column counts as numbers when every cell in it begins like one; empty cells and a lone "-" do not matter. Raises
    ValueError where a row has not as many cells as the header.
    """
    lines = [list(header), *(list(row) for row in rows)]
    columns = list(zip(*lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [_is_numeric(column[1:]) for column in columns]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_numeric(cells: Sequence[str]) -> bool:
    telling = [cell for cell in cells if cell not in ("", "-")]
    return bool(telling) and all(NUMBER.match(cell) for cell in telling)
