"""The tour tells what the committed documents tell."""

import re

import pytest

import space.tabs
from eval.scenarios.catalogue import SCENARIOS
from space.app import build, serve
from space.clinic import Clinic
from space.tour import MISSING, TRACES, headings_of, step_html, story_of


@pytest.mark.parametrize("number", SCENARIOS)
def test_the_steps_are_the_sections_of_the_document(number):
    document = (TRACES / f"{SCENARIOS[number].name}.md").read_text()
    assert headings_of(TRACES, number) == re.findall(r"^## (.+)$", document, re.MULTILINE)


def test_a_step_has_its_text_and_its_pictures_in_the_page():
    section = story_of(TRACES, 1).sections[0]
    html = step_html(TRACES, 1, 0)
    assert f"<h3>{section.heading}</h3>" in html and story_of(TRACES, 1).lead.split(".")[0][:40] in html
    assert html.count('src="data:image/png;base64,') == len(section.pictures) > 0
    assert "http" not in re.sub(r'base64,[^"]*', "", html)


def test_without_traces_a_line_says_where_they_are(tmp_path):
    assert headings_of(tmp_path, 2) == [] and MISSING in step_html(tmp_path, 2, 0)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Where the tab is served, without a run."""
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("training",))
    page = build(Clinic("none", tmp_path))
    yield serve(page, wait=False)
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_goes_from_the_symptom_to_the_report(address, new_page, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"{address}?tab=training")
    page.get_by_role("tab", name="Tour", exact=True).click()
    page.get_by_label("Oscillation").check()
    headings = headings_of(TRACES, 2)
    for heading in headings:
        page.locator(".tour h3", has_text=heading).wait_for()
        loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
        assert page.locator(".tour img").evaluate_all(loaded)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if heading == headings[0]:
            page.screenshot(path=f"tests/screenshots/tour-{width}-{scheme}.png", full_page=True)
        if heading != headings[-1]:
            page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_role("button", name="Back").click()
    page.locator(".tour h3", has_text=headings[-2]).wait_for()
    # Another one begins at its beginning.
    page.get_by_label("Overfitting").check()
    page.locator(".tour h3", has_text=headings_of(TRACES, 1)[0]).wait_for()
