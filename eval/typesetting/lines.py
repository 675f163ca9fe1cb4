"""Text in lines of a given width."""

import re
from dataclasses import dataclass

from eval.typesetting.canvas import Canvas, Style

Run = tuple[str, Style]
"""A stretch of text in one style; a newline in it ends the line."""
_BREAKABLE = re.compile(r"[^/_.,;:=?&\-–—]*[/_.,;:=?&\-–—]?")


@dataclass(frozen=True, slots=True)
class Line:
    """Runs side by side, and how wide they are together."""

    runs: tuple[Run, ...]
    width: float

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Draw from x on, on the baseline y."""
        for text, style in self.runs:
            canvas.text(x, y, text, style)
            x += canvas.width(text, style)


def wrap(canvas: Canvas, runs: list[Run], width: float) -> list[Line]:
    """The runs in lines, broken between words; within a word only where it is wider than a line by itself."""
    lines = []
    for paragraph in _paragraphs(runs):
        line, used = [], 0.0
        for word, space in _words(paragraph):
            needed = _width(canvas, word)
            gap = canvas.width(*space) if line else 0.0
            for part in [word] if needed <= width + 0.01 else _cut(canvas, word, width):
                if line and used + gap + _width(canvas, part) > width + 0.01:
                    lines.append(_line(canvas, line))
                    line, used, gap = [], 0.0, 0.0
                line += [*([space] if gap else []), *part]
                used += gap + _width(canvas, part)
                gap = 0.0
        lines.append(_line(canvas, line))
    return lines


def longest_word(canvas: Canvas, runs: list[Run]) -> float:
    """The width of the widest word: the narrowest column in which none is cut."""
    return max((_width(canvas, word) for part in _paragraphs(runs) for word, _ in _words(part)), default=0.0)


def natural_width(canvas: Canvas, runs: list[Run]) -> float:
    """The width of the text where nothing makes it break."""
    return max((_width(canvas, part) for part in _paragraphs(runs)), default=0.0)


def plain(runs: list[Run]) -> str:
    """The text alone, on one line."""
    return " ".join("".join(text for text, _ in runs).split())


def _paragraphs(runs: list[Run]) -> list[list[Run]]:
    """The runs between newlines."""
    parts: list[list[Run]] = [[]]
    for text, style in runs:
        first, *rest = text.split("\n")
        parts[-1].append((first, style))
        parts += [[(piece, style)] for piece in rest]
    return parts


def _words(runs: list[Run]) -> list[tuple[list[Run], Run]]:
    """Words, each in its runs and with the space before it, which has the style of what it stands in."""
    words: list[tuple[list[Run], Run]] = []
    fresh, space = True, None
    for text, style in runs:
        # A no-break space is no place to break.
        for piece in re.findall(r"[ \t]+|[^ \t]+", text):
            if piece[0] in " \t":
                fresh, space = True, (" ", style)
            elif fresh:
                words.append(([(piece, style)], space or (" ", style)))
                fresh = False
            else:
                words[-1][0].append((piece, style))
    return words


def _cut(canvas: Canvas, word: list[Run], width: float) -> list[list[Run]]:
    """A word that is wider than a line in pieces that are not: after punctuation, else anywhere."""
    pieces = []
    for text, style in word:
        for piece in filter(None, _BREAKABLE.findall(text)):
            fits = canvas.width(piece, style) <= width
            pieces += [[(part, style)] for part in ([piece] if fits else piece)]
    return pieces


def _line(canvas: Canvas, runs: list[Run]) -> Line:
    """A line of runs; neighbours of one style become one, so that they are one text to whoever searches or copies."""
    merged: list[Run] = []
    for text, style in runs:
        if merged and merged[-1][1] == style:
            merged[-1] = (merged[-1][0] + text, style)
        else:
            merged.append((text, style))
    return Line(tuple(merged), _width(canvas, merged))


def _width(canvas: Canvas, runs: list[Run]) -> float:
    return sum(canvas.width(*run) for run in runs)
