"""Blocks of Markdown as boxes: headings, paragraphs, lists, quotes, code, tables, figures."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from PIL import Image, UnidentifiedImageError

from cli.errors import UserError
from eval.typesetting.canvas import LINK, QUIET, RULE, Canvas, NoGlyph, Style
from eval.typesetting.flow import Box, behind, keep_ends, stack
from eval.typesetting.lines import Line, Run, plain, wrap
from eval.typesetting.tables import table

BODY = Style(9.0)
LEADING = 1.42
HEADINGS = {1: (18.0, 26.0), 2: (12.5, 17.0), 3: (10.4, 13.0)}
"""Size of a heading's type, and the space above it."""
CAPTION = Style(8.2, colour=QUIET)
CODE = Style(8.0, "mono")
SMALLEST_CODE, BROKEN_CODE = 6.0, 7.0
"""The type of code whose longest line just fits; where it would be smaller still, lines are broken at the second."""
PIXELS_AN_INCH = 140
"""Figures are never drawn with fewer, lest they blur; the project's plots have letters of 8 points then."""
HIGHEST_FIGURE = 300.0
INDENT = 15.0
_UNBROKEN = re.compile(r"\[[-+−–\d.,% ]+\]|(?:^| )[=≈<>≤≥±] (?=[-+−\d])")
"""No line ends within an interval, or before the number that something is equal to."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
EXTERNAL = re.compile(r"(https?|mailto):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """Where blocks stand and the style of their text; lengths in points."""

    x: float
    width: float
    style: Style = BODY

    def indented(self, by: float) -> "Column":
        """The same, narrower from the left."""
        return replace(self, x=self.x + by, width=self.width - by)


class Document:
    """A Markdown file as a tree, and where its images and anchors are; raises UserError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UserError(f"{path} cannot be read as Markdown: {reason}") from error
        self.path = path
        self.tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
        headings = [node for node in self.tree.walk() if node.type == "heading"]
        self.titles = [_spoken(node) for node in headings]
        first = next((title for node, title in zip(headings, self.titles, strict=True) if node.tag == "h1"), None)
        self.title = first or path.stem.replace("_", " ").capitalize()
        self._anchors: dict[str, str] = {}
        times = Counter()
        for index, title in enumerate(self.titles):
            # As GitHub names them: a heading that comes again has a number.
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            self._anchors.setdefault(f"{slug}-{times[slug]}" if times[slug] else slug, f"#{index}")
            times[slug] += 1

    def target(self, href: str) -> str:
        """Where a link leads in the PDF: a URL, an anchor, or nowhere, as for another file of the folder."""
        if EXTERNAL.match(href):
            return href
        return self._anchors.get(unquote(href[1:]), "") if href.startswith("#") else ""


def boxes(canvas: Canvas, document: Document, column: Column) -> list[Box]:
    """The whole document in one column."""
    return _Setter(canvas, document).blocks(document.tree.children, column)


class _Setter:
    def __init__(self, canvas: Canvas, document: Document) -> None:
        self._canvas = canvas
        self._document = document
        self._headings = 0
        self._level = -1

    def blocks(self, nodes: list[SyntaxTreeNode], column: Column) -> list[Box]:
        """Blocks one below the other, with the space between them."""
        done: list[Box] = []
        before = None
        for node in nodes:
            if before is not None and _repeats_caption(before, node):
                continue
            try:
                made = getattr(self, f"_{node.type}")(node, column)
            except NoGlyph as error:
                place = f"{self._document.path}, line {_line_number(node)}"
                raise UserError(f"{place}: {error}; write it in another way") from error
            if made:
                done += stack(made, _space_between(before, node) if before is not None else 0.0)
                before = node
        return done

    def _heading(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        level = int(node.tag[1])
        size, _ = HEADINGS.get(level, (BODY.size, 0.0))
        made = self._text(self._runs(node, replace(column.style, size=size, bold=True)), column, size, leading=1.25)
        index, title, first = self._headings, self._document.titles[self._headings], made[0].draw
        # A reader's list of headings may not leave out a level.
        self._level = depth = min(level - 1, self._level + 1)
        self._headings += 1

        def draw(canvas: Canvas, y: float) -> None:
            canvas.mark(title, depth, str(index), y)
            first(canvas, y)

        made[0].draw = draw
        for box in made:
            box.keep = True
        return made

    def _paragraph(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        done: list[Box] = []
        runs: list[Run] = []
        for piece in self._inline(node, column.style):
            if isinstance(piece, SyntaxTreeNode):
                done += self._lines_of(runs, column) + stack(self._figure(piece, column), 10.0 if runs or done else 0.0)
                runs = []
            else:
                runs.append(piece)
        return done + self._lines_of(runs, column, above=10.0 if done else 0.0)

    def _lines_of(self, runs: list[Run], column: Column, above: float = 0.0) -> list[Box]:
        return stack(keep_ends(self._text(runs, column, column.style.size)), above) if plain(runs) else []

    def _bullet_list(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        return self._items(node, column, ["•"] * len(node.children))

    def _ordered_list(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        start = int(node.attrs.get("start", 1))
        return self._items(node, column, [f"{start + index}." for index in range(len(node.children))])

    def _items(self, node: SyntaxTreeNode, column: Column, markers: list[str]) -> list[Box]:
        style = column.style
        widest = max(self._canvas.width(marker, style) for marker in markers)
        indent = max(INDENT, widest + 6.0)
        tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
        done = []
        for item, marker in zip(node.children, markers, strict=True):
            inner = column.indented(indent)
            made = self.blocks(item.children, inner) or self._text([("", style)], inner, style.size)
            made[0].draw = _marked(made[0].draw, marker, column.x + indent - 6.0, style)
            done += stack(made, 2.5 if tight else 6.0) if done else made
        return done

    def _blockquote(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        inner = replace(column.indented(INDENT), style=replace(column.style, colour=(70, 70, 70)))

        def bar(canvas: Canvas, top: float, bottom: float) -> None:
            canvas.shade(column.x + 1.0, top, 2.2, bottom - top, RULE)

        return behind(self.blocks(node.children, inner), bar)

    def _fence(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        padding = 7.0
        width = column.width - 2 * padding
        lines = node.content.rstrip("\n").expandtabs(4).split("\n")
        longest = max(self._canvas.width(line, CODE) for line in lines)
        size = CODE.size * min(1.0, width / longest if longest else 1.0)
        size = size if size >= SMALLEST_CODE else BROKEN_CODE
        style = replace(CODE, size=size)
        parts = [part for line in lines for part in self._broken(line, style, width)]
        made = [self._box(Line(((part, style),), 0.0), column.x + padding, size, 1.42) for part in parts]
        for index, box in enumerate(made):
            box.keep = index < len(made) - 1 and (len(made) <= 12 or index in (0, len(made) - 2))
        made[0] = _padded(made[0], above=padding - 1.0)
        made[-1] = _padded(made[-1], below=padding - 1.0)
        return behind(made, lambda canvas, top, bottom: canvas.shade(column.x, top, column.width, bottom - top))

    _code_block = _fence

    def _broken(self, line: str, style: Style, width: float) -> Iterator[str]:
        """A line of code in parts that fit, broken at spaces where there are any; the later ones are indented."""
        indent = ""
        while self._canvas.width(indent + line, style) > width:
            fits = next(n for n in range(len(line), 0, -1) if self._canvas.width(indent + line[:n], style) <= width)
            space = line.rfind(" ", 1, fits + 1)
            cut = space if line[:space].strip() and space > 0 else fits
            yield indent + line[:cut]
            line = line[cut:].lstrip(" ")
            indent = "    "
        yield indent + line

    def _html_block(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        self._refuse_html(node)
        return []

    def _refuse_html(self, node: SyntaxTreeNode) -> None:
        """Comments say nothing to a reader; tags are not set."""
        if tag := _COMMENT.sub("", node.content).strip():
            place = f"{self._document.path}, line {_line_number(node)}"
            raise UserError(f"{place}: HTML cannot be set in a PDF ({tag.split()[0]}): write it in Markdown")

    def _hr(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        return [Box(1.0, lambda canvas, y: canvas.rule(column.x, y, column.width))]

    def _table(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        header, *rows = [row.children for part in node.children for row in part.children]
        aligns = [str(cell.attrs.get("style", "left")).removeprefix("text-align:") for cell in header]
        cell, head = replace(column.style, size=1.0), replace(column.style, size=1.0, bold=True)
        return table(
            self._canvas,
            [self._runs(node, head) for node in header],
            [[self._runs(node, cell) for node in row] for row in rows],
            aligns,
            column.x,
            column.width,
        )

    def _figure(self, node: SyntaxTreeNode, column: Column) -> list[Box]:
        path = self._document.path.parent / unquote(node.attrs["src"])
        try:
            with Image.open(path) as image:
                image.load()
                pixels, density = image.size, image.info.get("dpi", (PIXELS_AN_INCH,))[0]
        except (OSError, SyntaxError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            reason = "is no image" if isinstance(error, UnidentifiedImageError) else "cannot be read"
            place = f"{self._document.path}, line {_line_number(node)}"
            raise UserError(f"{place}: the image {path} {'is missing' if missing else reason}") from error
        scale = 72 / max(density, PIXELS_AN_INCH)
        scale = min(scale, column.width / pixels[0], HIGHEST_FIGURE / pixels[1])
        alternative = _spoken(node)

        def box_of(height: float) -> Box:
            width = height * pixels[0] / pixels[1]
            left = column.x + (column.width - width) / 2
            return Box(height, lambda canvas, y: canvas.image(path, left, y, width, height, alternative))

        def shrunk(height: float) -> Box:
            return replace(figure, height=height, draw=box_of(height).draw)

        figure = box_of(pixels[1] * scale)
        figure.shrunk = shrunk
        runs, room = [(alternative, CAPTION)], 0.88 * column.width
        lines = wrap(self._canvas, runs, room)
        # Lines of about the same length, where there are several.
        while len(lines) > 1 and len(narrower := wrap(self._canvas, runs, room - 6.0)) == len(lines):
            lines, room = narrower, room - 6.0
        middle = column.x + column.width / 2
        caption = [self._box(line, middle - line.width / 2, CAPTION.size, 1.4) for line in lines]
        if not alternative:
            return [figure]
        figure.keep = True
        for box in caption[:-1]:
            box.keep = True
        return [figure, *stack(caption, 4.0)]

    def _text(self, runs: list[Run], column: Column, size: float, leading: float = LEADING) -> list[Box]:
        """Text in boxes, a line each."""
        return [self._box(line, column.x, size, leading) for line in wrap(self._canvas, runs, column.width)]

    def _box(self, line: Line, x: float, size: float, leading: float) -> Box:
        return Box(size * leading, lambda canvas, y: line.draw(canvas, x, _baseline(y, size, leading)))

    def _runs(self, node: SyntaxTreeNode, style: Style) -> list[Run]:
        """Text where no figure can stand: an image is what it shows, in words."""
        pieces = self._inline(node, style)
        return [(_spoken(piece), style) if isinstance(piece, SyntaxTreeNode) else piece for piece in pieces]

    def _inline(self, node: SyntaxTreeNode, style: Style) -> Iterator[Run | SyntaxTreeNode]:
        """Runs of text, and images between them."""
        for child in node.children:
            if child.type == "image":
                yield child
            elif child.type == "strong":
                yield from self._inline(child, replace(style, bold=True))
            elif child.type == "em":
                yield from self._inline(child, replace(style, italic=True))
            elif child.type == "link":
                target = self._document.target(child.attrs["href"])
                yield from self._inline(child, replace(style, link=target, colour=LINK) if target else style)
            elif child.type == "code_inline":
                yield child.content, replace(style, family="mono", size=0.93 * style.size)
            elif child.type in ("softbreak", "hardbreak"):
                yield {"softbreak": " ", "hardbreak": "\n"}[child.type], style
            elif child.type == "inline":
                yield from self._inline(child, style)
            elif child.type == "html_inline" and child.content.startswith("<br"):
                yield "\n", style
            elif child.type == "html_inline":
                self._refuse_html(child)
            else:
                yield _UNBROKEN.sub(lambda match: match[0].replace(" ", "\u00a0"), child.content), style


def _space_between(before: SyntaxTreeNode, node: SyntaxTreeNode) -> float:
    if node.type == "heading":
        return HEADINGS.get(int(node.tag[1]), (0.0, 12.0))[1] - (6.0 if before.type == "heading" else 0.0)
    if before.type == "heading":
        return 6.0
    if node.type in ("bullet_list", "ordered_list") and before.type == "paragraph":
        return 5.0
    if node.type == "paragraph" and before.type == "paragraph":
        return 11.0 if _has_figure(before) or _has_figure(node) else 7.0
    return 12.0 if node.type == "hr" or before.type == "hr" else 9.0


def _has_figure(node: SyntaxTreeNode) -> bool:
    return any(child.type == "image" for child in node.walk())


def _baseline(y: float, size: float, leading: float) -> float:
    """Where letters stand in a line whose top is y: capitals are 0.72 of the size high."""
    return y + 0.5 * size * leading + 0.36 * size


def _marked(draw, marker: str, right: float, style: Style):
    """The drawing of a list item's first line, with its bullet or number before it."""

    def marked(canvas: Canvas, y: float) -> None:
        canvas.text(right - canvas.width(marker, style), _baseline(y, style.size, LEADING), marker, style)
        draw(canvas, y)

    return marked


def _padded(box: Box, above: float = 0.0, below: float = 0.0) -> Box:
    return replace(box, height=above + box.height + below, draw=lambda canvas, y: box.draw(canvas, y + above))


def _spoken(node: SyntaxTreeNode) -> str:
    """What a heading, a paragraph or an image says, without its markup."""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    if node.children:
        return " ".join("".join(_spoken(child) for child in node.children).split())
    return node.content if node.type in ("text", "code_inline") else ""


def _repeats_caption(before: SyntaxTreeNode, node: SyntaxTreeNode) -> bool:
    """Whether a paragraph says what the figure above it says: in a PDF, every figure has its caption."""
    pieces = before.children[0].children if before.type == "paragraph" and node.type == "paragraph" else []
    return len(pieces) == 1 and pieces[0].type == "image" and _spoken(pieces[0]) == _spoken(node) != ""


def _line_number(node: SyntaxTreeNode) -> int:
    while node.map is None:
        node = node.parent
    return node.map[0] + 1
