"""`python eval/pdf.py`: a PDF as PDFium reads it back, and one line for whatever cannot be set."""

import hashlib
import io
import re
import subprocess
import sys

import numpy as np
import pypdfium2
import pytest
from fpdf import FPDF
from PIL import Image
from pypdfium2 import raw

from cli.errors import UserError
from eval.pdf import BOTTOM, LEFT, PAGE, TOP, main, render
from eval.typesetting.blocks import Column, Document, boxes
from eval.typesetting.canvas import Canvas
from eval.typesetting.flow import Box, paginate

ROWS = [f"row {index}" for index in range(60)]
MEMO = f"""# Safety: what a *judge* gets wrong

**Four risks.** Naïve “quotes” — λ ≤ 0.05, Zürich, Кино, ∑ → ✓ 😀 and `code(x)`, 0.8 [0.7, 0.9].
See [the studies](studies.md), [results](https://example.org/r?a=1&b=2) and [the end](#the-end).

<!-- figures -->
> Quoted, with
>
> - a bullet

![Loss by step: it falls](loss%20curve.png)

*Loss by step: it falls*

### A third level

3. third
4. fourth

```python
def f(x):
    return x
```

## Rows

| name | figure |
|:--|--:|
{chr(10).join(f"| {row} | {len(row)}.5 |" for row in ROWS)}

## The end

Last words<br>on two lines.
"""


@pytest.fixture(scope="module")
def memo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memo")
    path = folder / "memo.md"
    path.write_text(MEMO, encoding="utf-8")
    picture = np.random.default_rng(0).integers(0, 256, (300, 572, 3), dtype=np.uint8)
    Image.fromarray(picture).save(folder / "loss curve.png")
    assert main([str(path)]) is None
    return folder


@pytest.fixture(scope="module")
def pdf(memo):
    with pypdfium2.PdfDocument(memo / "memo.pdf") as document:
        yield document


def texts(document) -> list[str]:
    """The text of each page, its spaces and line ends as one space."""
    return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def set_text(folder, text: str) -> pypdfium2.PdfDocument:
    path = folder / "text.md"
    path.write_text(text, encoding="utf-8")
    render(path, folder / "text.pdf")
    return pypdfium2.PdfDocument((folder / "text.pdf").read_bytes())


def characters(page) -> list[tuple[str, tuple[float, float, float, float]]]:
    """What stands where: (character, (left, bottom, right, top)) in points from the lower left."""
    text = page.get_textpage()
    return [(text.get_text_range(i, 1), text.get_charbox(i)) for i in range(text.count_chars())]


def test_the_pages_are_a4_and_numbered(pdf):
    assert len(pdf) == 3
    for number, (page, text) in enumerate(zip(pdf, texts(pdf), strict=True), start=1):
        assert page.get_size() == pytest.approx(PAGE, abs=0.1)
        assert text.endswith(f"Safety: what a judge gets wrong {number} / 3")


def test_the_text_is_whole_and_in_order(pdf):
    foot = r"Safety: what a judge gets wrong \d / 3$"
    text = " ".join(re.sub(foot, "", page).strip() for page in texts(pdf))
    start = (
        "Safety: what a judge gets wrong Four risks. Naïve “quotes” — λ ≤ 0.05, Zürich, Кино, ∑ → ✓ 😀 and code(x), "
        "0.8 [0.7, 0.9]. See the studies, results and the end. Quoted, with • a bullet Loss by step: it falls "
        "A third level 3. third 4. fourth def f(x): return x Rows name figure row 0 5.5 row 1 5.5"
    )
    assert text.startswith(start)
    assert re.findall(r"row \d+", text) == ROWS
    assert text.endswith("row 59 6.5 The end Last words on two lines.")


def test_the_head_of_a_table_is_said_again(pdf):
    pages = [page for page in texts(pdf) if "row 1" in page or "row 5" in page]
    assert len(pages) >= 2 and all("name figure row" in page for page in pages)


def test_figures_keep_every_pixel_and_are_not_enlarged(pdf, memo):
    (image,) = [item for page in pdf for item in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE])]
    assert np.array_equal(np.asarray(image.get_bitmap().to_pil()), np.asarray(Image.open(memo / "loss curve.png")))
    left, bottom, right, top = image.get_bounds()
    assert 572 / (right - left) * 72 >= 140 and (right - left) / (top - bottom) == pytest.approx(572 / 300, rel=1e-3)
    assert left + right == pytest.approx(PAGE[0], abs=0.1)


def test_links_lead_outside_or_to_a_heading(pdf):
    uris, pages = [], []
    for page in pdf:
        for link in links(page):
            action = raw.FPDFLink_GetAction(link)
            if action and raw.FPDFAction_GetType(action) == raw.PDFACTION_URI:
                buffer = io.BytesIO(bytes(200)).getbuffer()
                size = raw.FPDFAction_GetURIPath(pdf, action, raw.byref(raw.c_char.from_buffer(buffer)), 200)
                uris.append(bytes(buffer[: size - 1]).decode())
            else:
                pages.append(raw.FPDFDest_GetDestPageIndex(pdf, raw.FPDFLink_GetDest(pdf, link)))
    # A link to another file is text.
    assert uris == ["https://example.org/r?a=1&b=2"] and pages == [2]


def links(page) -> list:
    found, position = [], raw.c_int(0)
    link = raw.FPDF_LINK()
    while raw.FPDFLink_Enumerate(page, raw.byref(position), raw.byref(link)):
        found.append(link)
        link = raw.FPDF_LINK()
    return found


def test_the_outline_and_the_title(pdf):
    outline = [(item.level, item.get_title(), item.get_dest().get_index()) for item in pdf.get_toc()]
    titles = [(0, "Safety: what a judge gets wrong", 0), (1, "A third level", 0), (1, "Rows", 0), (1, "The end", 2)]
    assert outline == titles
    assert pdf.get_metadata_dict()["Title"] == "Safety: what a judge gets wrong"


def test_figures_of_a_table_stand_to_the_right(tmp_path):
    page = set_text(tmp_path, "| a | b |\n|:--|--:|\n| w | 100.25 |\n| w | 7.5 |\n| w | x |\n")[0]
    ends = [box[2] for char, box in characters(page) if char in "5x" and box[1] > BOTTOM]
    # The last figure of 100.25, that of 7.5, and x.
    assert len(ends) == 3 and max(ends) - min(ends) < 1
    assert len({round(box[0], 2) for char, box in characters(page) if char == "w"}) == 1


@pytest.mark.parametrize("columns", [9, 14])
def test_a_wide_table_gets_smaller_type_and_is_whole(columns, tmp_path):
    row = [f"0.{index:03d} [0.001, 0.002]" for index in range(columns)]
    rule = "--:|" * columns
    page = set_text(tmp_path, f"| {' | '.join(['w' * 30] * columns)} |\n|{rule}\n| {' | '.join(row)} |\n")[0]
    placed = [box for char, box in characters(page) if not char.isspace()]
    assert min(box[0] for box in placed) >= LEFT - 1 and max(box[2] for box in placed) <= PAGE[0] - LEFT + 1
    text = page.get_textpage().get_text_range()
    assert text.count("w") == 30 * columns and sum(map(str.isdigit, text)) == 12 * columns + 2


def test_a_heading_never_stands_alone_at_the_foot(tmp_path):
    canvas, path, moved = Canvas(FPDF(unit="pt")), tmp_path / "text.md", 0
    for lines in range(40, 60):
        path.write_text("words\\\n" * lines + "end\n\n## Heading\n\nafter it\\\nsecond\\\nthird\n\n" + "last\n\n" * 9)
        made = boxes(canvas, Document(path), Column(LEFT, 400))
        pages = paginate(made, TOP, PAGE[1] - BOTTOM)
        assert [placed.box for page in pages for placed in page] == made
        (place,) = [
            page[index:] for page in pages for index, placed in enumerate(page) if placed.box is made[lines + 1]
        ]
        assert len(place) >= 3
        moved += place[0].top == TOP
    assert moved


def test_a_figure_shrinks_a_little_to_end_a_page():
    def figure(height: float) -> Box:
        return Box(height, lambda canvas, y: None, keep=True, shrunk=figure)

    def line(height: float) -> Box:
        return Box(height, lambda canvas, y: None)

    (page,) = paginate([line(50), figure(60), line(5)], 0, 100)
    assert [placed.box.height for placed in page] == [50, 45, 5] and page[-1].top == 95
    pages = paginate([line(54), figure(60), line(5)], 0, 100)
    assert [[placed.box.height for placed in page] for page in pages] == [[54], [60, 5]]


def test_nothing_stands_in_the_margins(pdf):
    for page in pdf:
        text = [box for char, box in characters(page) if not char.isspace()]
        assert min(box[0] for box in text) >= LEFT - 1 and max(box[2] for box in text) <= PAGE[0] - LEFT + 1
        assert max(box[3] for box in text) <= PAGE[1] - TOP + 1


def test_the_same_file_gives_the_same_bytes(memo, tmp_path):
    again = tmp_path / "elsewhere" / "memo.md"
    again.parent.mkdir()
    for name in ("memo.md", "loss curve.png"):
        (again.parent / name).write_bytes((memo / name).read_bytes())
    render(again, tmp_path / "again.pdf")
    first, second = (memo / "memo.pdf").read_bytes(), (tmp_path / "again.pdf").read_bytes()
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    # Nothing that another day would change: one date, a fixed one.
    assert re.findall(rb"D:\d+", first) == [b"D:20000101000000"] and b"xmp" not in first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\n\n![x](gone.png)", r"text\.md, line 3: the image .*gone\.png is missing"),
        ("![x](text.md)", r"text\.md, line 1: the image .*text\.md is no image"),
        ("- one\n- 中", r"text\.md, line 2: no font shows 中 \(U\+4E2D, CJK"),
        ("one\n\n<div>two</div>", r"text\.md, line 3: HTML cannot be set in a PDF \(<div>two</div>\)"),
    ],
)
def test_what_cannot_be_set_is_one_line(text, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        set_text(tmp_path, text)
    assert "\n" not in str(caught.value) and not (tmp_path / "text.pdf").exists()


def test_a_missing_file_is_one_line(tmp_path):
    path = str(tmp_path / "gone.md")
    done = subprocess.run([sys.executable, "eval/pdf.py", path], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"error: {path} cannot be read as Markdown: No such file or directory\n"
    with pytest.raises(UserError, match="is the Markdown itself"):
        main([path, "--out", path])
