"""What is drawn on: an fpdf2 document in points, with fonts that hold every character of a text."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from fpdf import FPDF

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FACES = {
    ("sans", False, False): "DejaVuSans",
    ("sans", True, False): "DejaVuSans-Bold",
    ("sans", False, True): "DejaVuSans-Oblique",
    ("sans", True, True): "DejaVuSans-BoldOblique",
    ("mono", False, False): "DejaVuSansMono",
    ("mono", True, False): "DejaVuSansMono-Bold",
    ("mono", False, True): "DejaVuSansMono-Oblique",
    ("mono", True, True): "DejaVuSansMono-BoldOblique",
}
FALLBACKS = ("DejaVuSans", "STIXGeneral")
"""Asked in this order for a character that the face itself has not."""
INK, QUIET, RULE, SHADE, LINK = (26, 26, 26), (105, 105, 105), (190, 190, 190), (246, 246, 246), (20, 80, 150)


class NoGlyph(Exception):
    """A character that no font shows; the message names it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks; sizes are in points."""

    size: float
    family: str = "sans"
    bold: bool = False
    italic: bool = False
    colour: tuple[int, int, int] = INK
    link: str = ""
    """A URL, `#anchor` of a heading of the same document, or nothing."""


class Canvas:
    """A page at a time; positions are points from the top left, text stands on its baseline."""

    def __init__(self, pdf: FPDF) -> None:
        self.pdf = pdf
        self._pieces = cache(self._find_pieces)

    def width(self, text: str, style: Style) -> float:
        """How wide a text is on one line; raises NoGlyph for a character that no font has."""
        return sum(self._width(face, piece, style.size) for face, piece in self._pieces(text, style))

    def text(self, x: float, y: float, text: str, style: Style) -> None:
        """Draw a text on one line, with the area of its link."""
        start = x
        self.pdf.set_text_color(*style.colour)
        for face, piece in self._pieces(text, style):
            self.pdf.set_font(face, size=style.size)
            # A no-break space has done its duty; whoever searches types a plain one.
            self.pdf.text(x, y, piece.replace("\u00a0", " "))
            x += self._width(face, piece, style.size)
        if style.link:
            self.pdf.link(start, y - style.size, x - start, 1.3 * style.size, style.link)

    def rule(self, x: float, y: float, width: float, thickness: float = 0.5, colour=RULE) -> None:
        """Draw a horizontal line."""
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(thickness)
        self.pdf.line(x, y, x + width, y)

    def shade(self, x: float, y: float, width: float, height: float, colour=SHADE) -> None:
        """Fill a rectangle."""
        self.pdf.set_fill_color(*colour)
        self.pdf.rect(x, y, width, height, style="F")

    def image(self, path: Path, x: float, y: float, width: float, height: float, alternative: str) -> None:
        """Draw an image file, with all its pixels."""
        self.pdf.image(path, x, y, width, height, alt_text=alternative or None)

    def mark(self, title: str, depth: int, name: str, y: float) -> None:
        """Make a heading an entry of the outline, and what a link to `#name` leads to."""
        self.pdf.set_y(y)
        self.pdf.start_section(title, depth)
        self.pdf.set_link(name=name, y=y)

    def _find_pieces(self, text: str, style: Style) -> list[tuple[str, str]]:
        """The text cut wherever another font is needed: [(face, piece)]."""
        first = FACES[style.family, style.bold, style.italic]
        pieces = []
        for char in text:
            # Format and control characters, such as a zero-width space, have nothing to show.
            if unicodedata.category(char) in ("Cc", "Cf") or "\ufe00" <= char <= "\ufe0f":
                continue
            face = next((face for face in (first, *FALLBACKS) if ord(char) in self._font(face).cmap), None)
            if face is None:
                raise NoGlyph(f"no font shows {char} (U+{ord(char):04X}, {unicodedata.name(char, 'no name')})")
            if pieces and pieces[-1][0] == face:
                pieces[-1] = (face, pieces[-1][1] + char)
            else:
                pieces.append((face, char))
        return pieces

    def _width(self, face: str, text: str, size: float) -> float:
        widths = self._font(face).cw
        return sum(widths[ord(char)] for char in text) * size / 1000

    def _font(self, face: str):
        # Only on demand: reading a font takes longer than setting a page.
        key = face.lower()
        if key not in self.pdf.fonts:
            self.pdf.add_font(face, fname=FONTS / f"{face}.ttf")
        return self.pdf.fonts[key]
