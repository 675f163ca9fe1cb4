"""The whole page on a run of the quickstart, gone through as a person would."""

import os
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from eval.markup import percent
from eval.run_directory import RunDirectory, read_journal, read_json, read_metrics
from space.app import build, newest_run, serve
from space.clinic import Clinic

pytestmark = pytest.mark.browser

TEXT = "A lovely, moving film with a wonderful cast."
SCREENSHOTS = Path(__file__).parent.parent / "screenshots"


@pytest.fixture(scope="module")
def runs(quickstart, tiny_classifier, tmp_path_factory):
    """Two runs: the quickstart, and an older one of the same settings with other weights, which is not evaluated."""
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(quickstart, runs / "quickstart", ignore=shutil.ignore_patterns("checkpoint-*", "tensorboard"))
    other = runs / "other"
    shutil.copytree(tiny_classifier, other)
    for name in ("config.yaml", "journal.jsonl", "metrics.json"):
        shutil.copy(quickstart / name, other)
        os.utime(other / name, (1, 1))
    return runs


@pytest.fixture(scope="module")
def address(runs):
    """The app on the newest run."""
    page = build(Clinic(newest_run(runs), runs))
    yield serve(page, wait=False)
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_goes_through_all_tabs(address, runs, new_page, width):
    page = new_page(width=width)
    run = RunDirectory(runs / "quickstart")
    network = read_json(run.path / "config.json")
    layers, heads = network["num_hidden_layers"], network["num_attention_heads"]

    def drawn(name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"whole-{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # As wide in every tab, whatever stands in it.
        assert page.locator(".gradio-container").first.bounding_box()["width"] == min(width, 68 * 16)
        assert page.locator(".toast-body.error").count() == 0
        assert parse_qs(urlsplit(page.url).query)["tab"] == [name.split("-")[0]]

    def open_tab(title: str) -> None:
        tab = page.get_by_role("tab", name=title, exact=True)
        # Tabs that find no room are in a menu behind the others.
        if not tab.is_visible():
            page.locator(".overflow-menu > button").first.click()
            page.locator(".overflow-dropdown button", has_text=title).click()
        else:
            tab.click()

    def type_sentence(text: str) -> None:
        page.get_by_role("textbox", name="Sentence").locator("visible=true").fill(text)
        page.keyboard.press("Enter")

    SCREENSHOTS.mkdir(exist_ok=True)
    page.goto(address)
    expect(page.get_by_role("heading", name="Finetune Clinic")).to_be_visible()
    type_sentence(TEXT)
    expect(page.locator(".verdict:visible")).to_contain_text("POSITIVE")
    expect(page.locator(".prose.answer")).to_contain_text("The probability is calibrated")
    page.get_by_text("Faithfulness").nth(1).wait_for()
    tokens = page.locator(".tokens").first.locator("span")
    assert tokens.first.inner_text().startswith("[CLS]") and tokens.count() == len(TEXT.split()) + 4
    assert page.locator(".tokens span.positive").count() >= 3
    drawn("predict")
    answered = page.url

    open_tab("Attention")
    type_sentence("The film is not good.")
    frame = page.frame_locator("iframe.attention")
    # Once on the left, once on the right.
    expect(frame.locator("#vis svg text", has_text="good")).to_have_count(2)
    lines = frame.locator("#vis svg line")
    # More than a hundred of them; the view draws itself more than once.
    lines.nth(100).wait_for(state="attached")
    expect(page.locator("table.rollout tr")).to_have_count(1 + 6)
    page.get_by_label("All layers and heads").check()
    expect(frame.locator(".attn_background")).to_have_count(layers * heads)
    # Only a frame in view is painted.
    frame.locator("#vis svg").hover()
    drawn("attention")

    open_tab("Probes")
    page.get_by_label("Capability").click()
    page.get_by_role("option", name="negation").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("of 750 cases fail").wait_for()
    assert page.locator("table.probes:visible").count() == 2
    failed = read_json(run.evaluation / "probes.json")["own"]["capabilities"]
    (rate,) = [each["failure_rate"] for each in failed if each["capability"] == "negation"]
    expect(page.get_by_text("of 750 cases fail")).to_contain_text(percent(rate))
    drawn("probes")
    page.get_by_role("tab", name="Playground").click()
    type_sentence(TEXT)
    expect(page.get_by_text("The original is")).to_contain_text("POSITIVE")
    assert page.locator(".edits tr mark:visible").count() > 5
    page.wait_for_function("location.search.includes('text=')")
    drawn("probes-playground")

    open_tab("Compare")
    expect(page.get_by_role("combobox", name="The other model")).to_have_value("other")
    type_sentence(TEXT)
    rows = page.locator("table.plain:visible tbody tr")
    rows.nth(1).wait_for()
    assert ["(calibrated)" in row for row in rows.all_inner_texts()] == [True, False]
    page.get_by_role("button", name="Compare on the test rows").click()
    page.get_by_text("quickstart is better than other").wait_for()
    assert "McNemar's exact test" in page.inner_text("body")
    page.locator(".js-plotly-plot:visible .scatterlayer .point").first.wait_for(state="attached")
    drawn("compare")

    open_tab("Training")
    steps = max(line["step"] for line in read_journal(run.journal))
    accuracy = read_metrics(run.metrics)["test"]["accuracy"]["value"]
    page.get_by_text(f"is finished after {steps:,} steps. On its test rows: accuracy {accuracy:.3f}").wait_for()
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(4)
    heat = page.locator(".js-plotly-plot:visible").last
    heat.locator(".heatmaplayer image").wait_for(state="attached")
    expect(heat.locator(".ytick text")).to_have_count(layers + 2)
    drawn("training")

    open_tab("Report")
    expect(page.get_by_role("combobox", name="Run").locator("visible=true")).to_have_value("quickstart")
    report = page.frame_locator("iframe.document")
    report.get_by_role("heading", level=1).wait_for()
    assert report.locator("img").count() >= 5
    page.locator("iframe.document").scroll_into_view_if_needed()
    drawn("report")
    page.get_by_label("model card").check()
    page.locator(".card").get_by_role("heading").first.wait_for()
    drawn("report-card")

    open_tab("Scaling")
    page.locator(".scaling .headline").get_by_text("The 4 runs cannot tell parameters from tokens").wait_for()
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(3)
    drawn("scaling")

    open_tab("Predict")
    page.locator(".verdict:visible").wait_for()
    expect(page).to_have_url(answered)
