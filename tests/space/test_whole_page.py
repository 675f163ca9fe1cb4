"""The whole page on a run as training and evaluation leave it, gone through as a person would."""

import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from playwright.sync_api import expect

from eval.run import main, parse_args
from eval.run_directory import Journal, write_json
from space.app import build, newest_run, serve
from space.clinic import Clinic

pytestmark = pytest.mark.browser

TEXT = "the film is good and the plot is dull"
SCREENSHOTS = Path(__file__).parent.parent / "screenshots"


def write_run(folder: Path, model: Path, corpus: Path) -> None:
    """A run directory as train/run.py leaves it, without the training."""
    shutil.copytree(model, folder)
    settings = {"corpus": "reviews", "data_dir": str(corpus), "model": "embedded", "tuning": "full"}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    journal = Journal(folder / "journal.jsonl")
    journal.write("event", 0, 0, event="train_begin", world_size=1, max_steps=40)
    for step in (10, 20, 30, 40):
        layers = {name: {"norm": 0.1 * step} for name in ("embeddings", "block.0", "head")}
        journal.write("grad_norms", step, step / 20, clipped=False, total=1.0, layers=layers)
        journal.write("train", step, step / 20, loss=1 / step, learning_rate=1e-4, grad_norm=1.0)
        if step % 20 == 0:
            journal.write("eval", step, step / 20, loss=1 / step, accuracy=0.8, f1=0.8, auc=0.9)
    journal.close()
    figure = {"value": 0.5, "low": 0.3, "high": 0.7, "n": 32}
    split = {"accuracy": figure, "f1": figure}
    write_json(
        folder / "metrics.json",
        {"schema": 1, "corpus": "reviews", "overlap": None, "best_step": 40, "validation": split, "test": split},
    )


@pytest.fixture(scope="module")
def address(tiny_classifier, tiny_corpus, tmp_path_factory):
    """The app on the newest of two runs, which is evaluated; the other is not."""
    runs = tmp_path_factory.mktemp("runs")
    for name in ("plain", "evaluated"):
        write_run(runs / name, tiny_classifier, tiny_corpus)
    main(parse_args([str(runs / "evaluated"), "--only", "metrics,calibration,errors", "--threads", "1"]))
    page = build(Clinic(newest_run(runs), runs))
    yield serve(page, wait=False)
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_goes_through_all_tabs(address, new_page, width):
    page = new_page(width=width)

    def drawn(name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"whole-{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # As wide in every tab, whatever stands in it.
        assert page.locator(".gradio-container").first.bounding_box()["width"] == min(width, 68 * 16)
        assert page.locator(".toast-body.error").count() == 0
        assert parse_qs(urlsplit(page.url).query)["tab"] == [name]

    def open_tab(title: str) -> None:
        tab = page.get_by_role("tab", name=title, exact=True)
        # Tabs that find no room are in a menu behind the others.
        if not tab.is_visible():
            page.locator(".overflow-menu > button").first.click()
            page.locator(".overflow-dropdown button", has_text=title).click()
        else:
            tab.click()

    SCREENSHOTS.mkdir(exist_ok=True)
    page.goto(address)
    expect(page.get_by_role("heading", name="Finetune Clinic")).to_be_visible()
    page.get_by_label("Sentence").first.fill(TEXT)
    page.keyboard.press("Enter")
    page.locator(".verdict:visible").wait_for()
    page.get_by_text("Faithfulness").nth(1).wait_for()
    assert page.locator(".tokens").count() == 2
    drawn("predict")
    answered = page.url

    open_tab("Attention")
    frame = page.frame_locator("iframe.attention")
    frame.locator("#vis svg line").first.wait_for(state="attached")
    page.locator("table.rollout").wait_for()
    page.get_by_label("All layers and heads").check()
    frame.locator(".attn_background").nth(3).wait_for(state="attached")
    # Only a frame in view is painted.
    frame.locator("#vis svg").hover()
    drawn("attention")

    open_tab("Probes")
    page.get_by_label("Capability").click()
    page.get_by_role("option", name="negation").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("of 750 cases fail").wait_for()
    assert page.locator("table.probes:visible").count() == 2
    drawn("probes")
    page.get_by_role("tab", name="Playground").click()
    page.get_by_role("textbox", name="Sentence").locator("visible=true").fill(TEXT)
    page.keyboard.press("Enter")
    page.get_by_text("The original is").wait_for()
    page.wait_for_function("location.search.includes('text=')")
    drawn("probes")

    open_tab("Compare")
    expect(page.get_by_role("combobox", name="The other model")).to_have_value("plain")
    page.get_by_role("textbox", name="Sentence").locator("visible=true").fill(TEXT)
    page.keyboard.press("Enter")
    rows = page.locator("table.plain:visible tbody tr")
    rows.nth(1).wait_for()
    assert ["(calibrated)" in row for row in rows.all_inner_texts()] == [True, False]
    page.get_by_role("button", name="Compare on the test rows").click()
    page.get_by_text("McNemar").wait_for()
    page.locator(".js-plotly-plot:visible .scatterlayer .point").first.wait_for(state="attached")
    drawn("compare")

    open_tab("Training")
    page.get_by_text("is finished after 40 steps").wait_for()
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(4)
    drawn("training")

    open_tab("Report")
    run = page.get_by_role("combobox", name="Run").locator("visible=true")
    run.click()
    page.get_by_role("option", name="evaluated").locator("visible=true").click()
    page.frame_locator("iframe.document").get_by_role("heading", level=1).wait_for()
    page.locator("iframe.document").scroll_into_view_if_needed()
    page.wait_for_function("location.search === '?tab=report&run=evaluated'")
    drawn("report")

    open_tab("Predict")
    page.locator(".verdict:visible").wait_for()
    assert page.url == answered
