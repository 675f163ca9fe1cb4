import pytest

import space.tabs
from eval.run_directory import Journal
from space.app import build, serve
from space.clinic import Clinic
from space.documents import framed, markdown_to_html

HOSTILE = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'
CARD = f"""---
language: en
---
<!-- a mark of ours -->
# The card

{HOSTILE}

![a badge](https://example.com/badge.png) [away](javascript:alert) [web](https://example.com) [near](evaluation/x.html)

| metric | test |
|--|--|
| accuracy | 0.8 |
"""
REPORT = f"""<!DOCTYPE html>
<html lang="en"><head><meta name="viewport" content="width=device-width"><title>Report</title></head>
<body>{HOSTILE}<script>parent.hacked = 1; document.title = "ran";</script>
<img src="https://example.com/spy.png"><nav><a href="#far">Far</a></nav>
<p style="margin-bottom: 3000px">Top of it</p><h2 id="far">The far end</h2></body></html>"""


def test_tags_of_a_document_are_text():
    html = markdown_to_html(CARD)
    assert "<h1>The card</h1>" in html and "<td>accuracy</td>" in html and '<div class="wide"><table>' in html
    assert "<img" not in html and "<script" not in html and "&lt;script&gt;" in html
    assert "language: en" not in html and "a mark of ours" not in html
    assert "[a badge]" in html


def test_only_web_addresses_are_links():
    html = markdown_to_html(CARD)
    assert html.count("<a ") == 1
    assert '<a href="https://example.com" target="_blank" rel="noopener noreferrer">web</a>' in html


def test_front_matter_ends_where_it_ends():
    assert markdown_to_html("---\na: 1\n---\ntext\n\n---\n\nmore") == "<p>text</p>\n<hr />\n<p>more</p>\n"
    assert "a: 1" in markdown_to_html("text\n\n---\na: 1\n---\n")


def test_a_framed_page_cannot_leave_its_attribute():
    html = framed('"><script>x</script>', '"><b>')
    assert html.count("<") == 2 and html.startswith("<iframe") and html.endswith("</iframe>")


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Where the tab is served: the run "whole" has both documents, "bare" has none."""
    for name in ("bare", "whole"):
        journal = Journal(tmp_path / name / "journal.jsonl")
        journal.write("event", 0, 0, event="train_begin")
        journal.close()
    (tmp_path / "whole" / "README.md").write_text(CARD)
    (tmp_path / "whole" / "evaluation").mkdir()
    (tmp_path / "whole" / "evaluation" / "report.html").write_text(REPORT)
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("training", "report"))
    page = build(Clinic("none", tmp_path))
    yield serve(page, wait=False)
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_both_documents_are_shown_and_nothing_in_them_runs(address, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{address}?tab=report&run=whole")
    frame = page.frame_locator("iframe.document")
    frame.get_by_text("Top of it").wait_for()
    assert page.locator("iframe.document").get_attribute("sandbox") == ""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/report-{width}-{color_scheme}.png")
    # The links of the report stay in the report.
    frame.get_by_role("link", name="Far").click()
    page.wait_for_timeout(300)
    assert frame.get_by_text("The far end").evaluate("node => node.getBoundingClientRect().top") < 800
    page.wait_for_url(lambda url: url.startswith(f"{address}?tab=report"))

    page.get_by_label("model card").check()
    page.get_by_role("heading", name="The card").wait_for()
    assert page.get_by_text("<script>").count() == 1
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/card-{width}-{color_scheme}.png")


@pytest.mark.browser
def test_a_run_without_documents_says_how_to_make_them(address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=report&run=whole")
    page.frame_locator("iframe.document").get_by_text("Top of it").wait_for()
    page.get_by_role("combobox", name="Run").click()
    page.get_by_role("option", name="bare").click()
    page.get_by_text("bare has no evaluation report yet").wait_for()
    assert "run=bare" in page.url
    assert page.locator("code", has_text="python eval/run.py").count() == 1
    page.get_by_label("model card").check()
    page.get_by_text("bare has no model card yet").wait_for()


@pytest.mark.browser
def test_without_runs_it_says_how_to_train_one(tmp_path, monkeypatch, new_page):
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("training", "report"))
    app = build(Clinic("none", tmp_path))
    page = new_page()
    page.goto(serve(app, wait=False) + "?tab=report")
    page.get_by_text("No run yet").last.wait_for()
    app.close()
