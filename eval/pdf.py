"""Set a Markdown file as a PDF to be sent or printed: A4, with figures, tables, links and an outline.

python eval/pdf.py docs/treatment.md                       docs/treatment.pdf
python eval/pdf.py docs/diagnosis.md --out /tmp/d.pdf      elsewhere

The same file gives the same bytes. A link to another file of the folder is text: the PDF stands alone.
Exit status: 0 written, 1 the file, an image or a character cannot be set, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from cli.errors import UserError
from cli.parser import OneLineErrors
from cli.script import run_script

PAGE = (595.28, 841.89)
"""A4, in points, as are the margins."""
LEFT, TOP, BOTTOM = 54.0, 50.0, 56.0


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python eval/pdf.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("markdown", type=Path, help="a Markdown file; its images lie beside it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the PDF; beside the Markdown when left out")
    return parser.parse_args(argv)


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    path = args.out or args.markdown.with_suffix(".pdf")
    if path.resolve() == args.markdown.resolve():
        raise UserError(f"{path} is the Markdown itself: name another file with --out")
    pages = render(args.markdown, path)
    print(f"{path}: {pages} page{'s' if pages > 1 else ''}")


def render(markdown_path: Path, pdf_path: Path) -> int:
    """Write the PDF of a Markdown file and return the number of its pages.

    Raises UserError, one line, where the file or an image is missing, or a character is in no font.
    """
    # After parsing, so that --help and a mistyped flag answer at once.
    from eval.run_directory import write_bytes
    from eval.typesetting.blocks import Column, Document, boxes
    from eval.typesetting.canvas import Canvas
    from eval.typesetting.flow import paginate

    document = Document(Path(markdown_path))
    pdf = _new_pdf(document.title)
    canvas = Canvas(pdf)
    width = PAGE[0] - 2 * LEFT
    pages = paginate(boxes(canvas, document, Column(LEFT, width)), TOP, PAGE[1] - BOTTOM)
    for number, page in enumerate(pages, start=1):
        pdf.add_page()
        for placed in page:
            placed.draw(canvas)
        _foot(canvas, document.title, f"{number} / {len(pages)}", width)
    write_bytes(pdf_path, bytes(pdf.output()))
    return len(pages)


def _new_pdf(title: str):
    from datetime import UTC, datetime

    from fpdf import FPDF

    pdf = FPDF(unit="pt", format=PAGE)
    pdf.set_auto_page_break(False)
    pdf.set_image_filter("FlateDecode")
    pdf.set_title(title)
    pdf.set_lang("en-GB")
    # The day on which it is made would be another one every day.
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
    return pdf


def _foot(canvas, title: str, number: str, width: float) -> None:
    """The title and the number of the page, under the text."""
    from eval.typesetting.canvas import QUIET, Style

    style = Style(7.5, colour=QUIET)
    y = PAGE[1] - 0.55 * BOTTOM
    room = width - canvas.width(number, style) - 20
    while canvas.width(title, style) > room:
        title = f"{title[:-2]}…"
    canvas.text(LEFT, y, title, style)
    canvas.text(LEFT + width - canvas.width(number, style), y, number, style)


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
