import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

import space.tabs
from eval.attribution import Attribution
from eval.predictor import Predictions
from space.app import build, serve
from space.clinic import Calibration, Clinic
from space.tabs.predict import Prediction, answer_html, attribution_html, judged

EVALUATED = Calibration(temperature=2.0, abstention_threshold=0.8, fitted=True)
SURE = Prediction("POSITIVE", 0.9, {"NEGATIVE": 0.02, "POSITIVE": 0.98}, False, False, 9, 0)


def predictions(*positive: float) -> Predictions:
    positive = np.array(positive)
    n = len(positive)
    probabilities = np.stack([1 - positive, positive], axis=1)
    return Predictions(probabilities, np.full(n, 5), np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64))


def test_below_the_threshold_it_is_not_sure():
    # Odds of 81 to 1 and of 9 to 1, whose square roots are 9 and 3.
    sure, unsure = judged(predictions(81 / 82, 0.1), EVALUATED)
    assert (sure.label, sure.not_sure) == ("POSITIVE", False) and sure.probability == pytest.approx(0.9)
    assert (unsure.label, unsure.not_sure) == ("NEGATIVE", True) and unsure.probability == pytest.approx(0.75)
    assert unsure.raw_probabilities == pytest.approx({"NEGATIVE": 0.9, "POSITIVE": 0.1})


def test_without_an_evaluation_nothing_is_withheld():
    (found,) = judged(predictions(0.51), Calibration())
    assert not found.not_sure and found.probability == pytest.approx(0.51)
    assert "raw" in answer_html(found, Calibration()) and "eval/run.py" in answer_html(found, Calibration())


def test_the_answer_says_threshold_and_raw_probability():
    html = answer_html(SURE, EVALUATED)
    assert "POSITIVE" in html and "90.0%" in html and "98.0%" in html and "ot sure" not in html
    html = answer_html(replace(SURE, probability=0.7, not_sure=True), EVALUATED)
    assert "Not sure: rather POSITIVE" in html and "Below 80.0%" in html


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"truncated": True}, "<strong>The text is too long: only its first 9 tokens were read.</strong>"),
        ({"unknown_tokens": 1}, "<strong>1 token is unknown to the model, which reads [UNK] instead.</strong>"),
        (
            {"truncated": True, "unknown_tokens": 3},
            "<strong>The text is too long: only its first 9 tokens were read, and 3 tokens are unknown to the model, "
            "which reads [UNK] instead.</strong>",
        ),
    ],
)
def test_what_was_not_read_is_one_sentence(changes, sentence):
    assert sentence in answer_html(replace(SURE, **changes), EVALUATED)


def test_tokens_have_sign_tint_and_no_markup():
    tokens = ("[CLS]", "<b>", "dull", "\u202e")
    found = Attribution("gradient_x_input", tokens, None, np.array([0.0, 2.0, -1.0, 0.5]), 1.5, 0.0, 1, 0.3, 0.1)
    html = attribution_html(found)
    assert "<span><bdi>[CLS]</bdi></span>" in html
    assert 'class="positive" style="--share: 100%"' in html and "<bdi>&lt;b&gt;</bdi><sub>+2.00</sub>" in html
    assert 'class="negative" style="--share: 50%"' in html and "<bdi>dull</bdi><sub>−1.00</sub>" in html
    assert "\u202e" not in html and "\\u202e" in html
    assert "changes by −0.30; without a random one, by −0.10" in html
    assert "tell nothing" not in html
    assert "tell nothing" in attribution_html(replace(found, comprehensiveness=0.05))
    assert "leaves nothing of this text" in attribution_html(replace(found, masked=0))


@pytest.fixture(scope="module")
def address(tiny_classifier, tmp_path_factory, calibrate):
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_classifier, runs / "tiny")
    calibrate(runs / "tiny", abstention_threshold=0.99)
    patch = pytest.MonkeyPatch()
    patch.setattr(space.tabs, "TAB_NAMES", ("predict", "report"))
    page = build(Clinic(str(runs / "tiny"), runs))
    yield serve(page, wait=False)
    page.close()
    patch.undo()


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_types_and_sees_why(address, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(address)
    page.get_by_label("Sentence").fill("the film is good & the plot is <b>dull</b>")
    page.keyboard.press("Enter")
    page.get_by_text("Not sure: rather").wait_for()
    page.get_by_text("Gradient × input").wait_for()
    page.get_by_text("Faithfulness").nth(1).wait_for()
    assert page.locator(".tokens").count() == 2
    tokens = page.locator(".tokens").first.locator("span")
    assert tokens.first.inner_text() == "[CLS]" and tokens.count() == 18
    signs = page.locator(".tokens span.positive sub").all_inner_texts()
    assert signs and all(sign.startswith("+") for sign in signs)
    assert parse_qs(urlsplit(page.url).query) == {
        "tab": ["predict"],
        "text": ["the film is good & the plot is <b>dull</b>"],
    }
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/predict-{width}-{color_scheme}.png", full_page=True)

    page.get_by_text("Many sentences at once").click()
    page.get_by_label("One sentence a line").fill("a good film\n\n=1+1 is awful\n")
    page.get_by_role("button", name="Predict all").click()
    page.get_by_text("2 texts:").wait_for()
    page.get_by_role("gridcell", name="=1+1 is awful").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/predict-batch-{width}-{color_scheme}.png", full_page=True)


@pytest.mark.browser
def test_an_address_is_answered_at_once(address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=predict&text=a+moving+story")
    page.get_by_text("Not sure: rather").wait_for()
    assert page.get_by_label("Sentence").input_value() == "a moving story"
    page.get_by_text("Faithfulness").nth(1).wait_for()


@pytest.mark.browser
def test_an_answer_keeps_its_address_while_another_tab_is_open(address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=predict&text=a+moving+story")
    page.get_by_text("Faithfulness").nth(1).wait_for()
    page.get_by_role("tab", name="Report").click()
    page.wait_for_function("location.search === '?tab=report'")
    page.get_by_role("tab", name="Predict").click()
    page.wait_for_function("location.search === '?tab=predict&text=a+moving+story'")


@pytest.mark.browser
def test_of_a_long_text_the_first_tokens_are_scored_and_it_is_said(address, new_page, monkeypatch):
    monkeypatch.setattr(space.tabs.predict, "MOST_SCORED", 6)
    page = new_page()
    page.goto(f"{address}?tab=predict&text=the+film+is+good+and+the+plot+is+dull")
    page.get_by_text("Faithfulness").nth(1).wait_for()
    assert page.get_by_text("Only the first 6 tokens are scored").count() == 1
    assert page.locator(".tokens").first.locator("span").count() == 6


@pytest.mark.browser
def test_an_example_is_answered_on_a_click(address, new_page):
    page = new_page()
    page.goto(address)
    page.get_by_role("button", name="Not bad at all.").click()
    page.get_by_text("Not sure: rather").wait_for()
    page.wait_for_url("**text=Not+bad+at+all.")


@pytest.mark.browser
def test_an_empty_sentence_is_one_friendly_line(address, new_page):
    page = new_page()
    page.goto(address)
    page.get_by_role("button", name="Predict", exact=True).click()
    page.get_by_text("type a sentence first").wait_for()


@pytest.mark.browser
def test_an_upload_is_sorted_and_downloaded(address, new_page, tmp_path):
    texts = [f"{word} film {number}" for number in range(100) for word in ("good", "awful", "=1+1")]
    (tmp_path / "reviews.csv").write_text("label,text\n" + "".join(f"1,{text}\n" for text in texts))
    page = new_page()
    page.goto(address)
    page.get_by_text("Many sentences at once").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "reviews.csv")
    page.get_by_text("reviews").first.wait_for()
    page.get_by_role("button", name="Predict all").click()
    page.get_by_text("300 texts:").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").click()
    assert waiting.value.suggested_filename == "predictions.csv"
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_bytes().decode(), newline="")))
    assert [row["text"] for row in rows] == [text.replace("=1+1", "'=1+1") for text in texts]
    assert {row["label"] for row in rows} <= {"NEGATIVE", "POSITIVE"} and float(rows[0]["probability"]) > 0.49
    page.locator("th:visible", has_text="Text").last.hover()
    page.locator("[aria-label='Open cell menu']:visible").first.click()
    page.get_by_text("Sort ascending").click()
    page.wait_for_function("document.querySelector('[role=gridcell]').innerText.startsWith('=1+1 film')")
