"""A table with light rules: columns as wide as they need, smaller type where they need more than there is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.typesetting.canvas import QUIET, RULE, Canvas
from eval.typesetting.flow import Box
from eval.typesetting.lines import Line, Run, longest_word, natural_width, wrap

SIZES = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0)
UNBROKEN = 7.0
"""Down to this size, figures are kept on one line; below it they rather break between words."""
COLUMN_GAP, PADDING, LEADING = 12.0, 2.6, 1.36
WHOLE = 220.0
"""A table that is no higher, in points, stays on one page."""
Row = Sequence[list[Run]]


@dataclass(frozen=True, slots=True)
class _Columns:
    size: float
    lefts: list[float]
    widths: list[float]
    aligns: Sequence[str]


def table(canvas: Canvas, header: Row, rows: Sequence[Row], aligns: Sequence[str], x: float, width: float) -> list[Box]:
    """A table as boxes, a line of a row each.

    header, rows: a list of runs a cell, whose sizes are shares of the table's own. aligns: "left", "center" or "right",
    one a column. x, width: the column of text, in points. The header is said again on every further page.
    """
    columns = _columns(canvas, [header, *rows], aligns, x, width)
    head = _row(canvas, header, columns, rule=(0.7, QUIET), from_below=True)
    for box in head:
        box.keep = True
    body = [_row(canvas, row, columns, rule=(0.35, RULE)) for row in rows[:-1]]
    body += [_row(canvas, row, columns, rule=(0.7, QUIET)) for row in rows[-1:]]
    for boxes in body:
        for box in boxes:
            box.header = tuple(head)
    whole = sum(box.height for boxes in [head, *body] for box in boxes) <= WHOLE
    for index, boxes in enumerate(body):
        boxes[-1].keep = index < len(body) - 1 and (whole or index in (0, len(body) - 2))
    return [*head, *(box for boxes in body for box in boxes)]


def _columns(canvas: Canvas, rows: Sequence[Row], aligns: Sequence[str], x: float, width: float) -> _Columns:
    room = width - COLUMN_GAP * (len(aligns) - 1)
    trials = [(size, True) for size in SIZES if size >= UNBROKEN] + [(size, False) for size in SIZES]
    for size, unbroken in trials:
        cells = [[_scaled(cell, size) for cell in column] for column in zip(*rows, strict=True)]
        natural = [max(natural_width(canvas, cell) for cell in column) for column in cells]
        least = [_least(canvas, column, align, unbroken) for column, align in zip(cells, aligns, strict=True)]
        if sum(least) <= room:
            break
    if sum(natural) <= room:
        widths = natural
    elif sum(least) <= room:
        share = (room - sum(least)) / (sum(natural) - sum(least))
        widths = [low + share * (high - low) for low, high in zip(least, natural, strict=True)]
    else:
        # Some words are cut, those of the widest columns.
        widths = _levelled(least, room)
    lefts = [x + sum(widths[:index]) + COLUMN_GAP * index for index in range(len(widths))]
    return _Columns(size, lefts, widths, aligns)


def _least(canvas: Canvas, column: Sequence[list[Run]], align: str, unbroken: bool) -> float:
    """How narrow a column may be: as its longest word; figures unbroken, sentences not in a column of single words."""
    word = max(longest_word(canvas, cell) for cell in column)
    if not unbroken:
        return word
    body = max((natural_width(canvas, cell) for cell in column[1:]), default=0.0)
    return max(word, body if align == "right" and body <= 120 else min(body, 80.0))


def _levelled(widths: list[float], room: float) -> list[float]:
    """The widths cut down to one level, so that together they take the room there is."""
    left, level = room, 0.0
    for rank, width in enumerate(sorted(widths)):
        level = left / (len(widths) - rank)
        if width >= level:
            break
        left -= width
    return [min(width, level) for width in widths]


def _row(canvas: Canvas, row: Row, columns: _Columns, rule: tuple, from_below: bool = False) -> list[Box]:
    """A row as boxes, a line each, that keep together; the rule lies under the last."""
    cells = [wrap(canvas, _scaled(cell, columns.size), width) for cell, width in zip(row, columns.widths, strict=True)]
    count = max(len(lines) for lines in cells)
    if from_below:
        cells = [[Line((), 0.0)] * (count - len(lines)) + lines for lines in cells]
    return [_slice(cells, index, count, columns, rule) for index in range(count)]


def _slice(cells: list[list[Line]], index: int, count: int, columns: _Columns, rule: tuple) -> Box:
    leading = columns.size * LEADING
    above = PADDING if index == 0 else 0.0
    below = PADDING if index == count - 1 else 0.0
    height = above + leading + below

    def draw(canvas: Canvas, y: float) -> None:
        baseline = y + above + 0.5 * leading + 0.36 * columns.size
        for lines, left, width, align in zip(cells, columns.lefts, columns.widths, columns.aligns, strict=True):
            if index < len(lines):
                room = width - lines[index].width
                lines[index].draw(canvas, left + {"left": 0.0, "center": room / 2, "right": room}[align], baseline)
        if below:
            thickness, colour = rule
            end = columns.lefts[-1] + columns.widths[-1]
            canvas.rule(columns.lefts[0], y + height, end - columns.lefts[0], thickness, colour)

    return Box(height, draw, keep=index < count - 1)


def _scaled(runs: list[Run], size: float) -> list[Run]:
    return [(text, replace(style, size=style.size * size)) for text, style in runs]
