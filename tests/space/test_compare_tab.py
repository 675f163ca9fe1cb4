import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from playwright.sync_api import expect

import space.tabs
from cli.errors import UserError
from eval.calibration import apply_temperature
from eval.comparison import Verdict
from eval.metrics import Estimate
from eval.run_directory import Journal
from eval.subject import load_subject
from models.loading import load_classifier
from space.app import build, serve
from space.charts import agreement_chart
from space.clinic import Clinic
from space.tabs import compare

SENTENCE = "the film is good and the plot is dull"


@pytest.fixture
def runs(tiny_classifier, tiny_corpus, tmp_path):
    """Two runs on the tiny corpus, the second with another head."""
    folder = tmp_path / "runs"
    for name in ("first", "second"):
        shutil.copytree(tiny_classifier, folder / name)
        settings = {"corpus": "reviews", "data_dir": str(tiny_corpus), "model": "embedded", "tuning": "full"}
        (folder / name / "config.yaml").write_text(yaml.safe_dump(settings))
        journal = Journal(folder / name / "journal.jsonl")
        journal.write("event", 0, 0, event="train_begin")
        journal.close()
    model = load_classifier(str(folder / "second"), ["NEGATIVE", "POSITIVE"])
    with torch.no_grad():
        torch.manual_seed(1)
        model.classifier.weight.normal_()
    model.save_pretrained(folder / "second")
    # Half of the rows on either side, so that it disagrees with whatever the first one says.
    probabilities = load_subject(str(folder / "second")).test.probabilities
    with torch.no_grad():
        model.classifier.bias[0] += np.median(np.log(probabilities[:, 1] / probabilities[:, 0]))
    model.save_pretrained(folder / "second")
    return folder


def test_the_served_model_stands_first(runs, tiny_classifier):
    assert compare.model_names(Clinic(str(runs / "first"), runs)) == ["first", "second"]
    assert compare.model_names(Clinic(str(runs / "second"), runs)) == ["second", "first"]
    names = compare.model_names(Clinic(str(tiny_classifier), runs))
    assert names[0] == compare.SERVED and sorted(names[1:]) == ["first", "second"]


def test_each_model_answers_with_its_own_calibration(runs, calibrate):
    clinic = Clinic(str(runs / "first"), runs)
    calibrate(runs / "second", temperature=3.0, abstention_threshold=0.999)
    html = compare.sentence_table(clinic, "first", "second", SENTENCE)
    raw = [clinic.predictor(name).predict([SENTENCE]).probabilities for name in ("first", "second")]
    one, two = raw[0][0, 1], apply_temperature(raw[1], 3.0)[0, 1]
    assert (
        f"<td>{one:.3f} (raw)</td>" in html
        and f"<td>{two:.3f} (calibrated)</td>" in html
        and f"{one - two:+.3f}" in html
    )
    assert html.count("not sure") == 1
    assert html.count("POSITIVE</td>") + html.count("NEGATIVE</td>") == 1


@pytest.mark.parametrize(
    ("text", "message"), [("  ", "type a sentence"), (None, "type"), ("a" * 20_001, "20,001 char")]
)
def test_a_text_that_is_none_is_one_line(runs, text, message):
    with pytest.raises(UserError, match=message):
        compare.sentence_table(Clinic(str(runs / "first"), runs), "first", "second", text)


@pytest.mark.parametrize("names", [("first", "first"), ("first", None), ("", "first")])
def test_two_different_models_are_needed(names):
    with pytest.raises(UserError, match="choose two"):
        compare._two(*names)


@pytest.mark.parametrize("name", ["../first", "/etc", "nothing"])
def test_a_path_is_no_model(runs, name):
    clinic = Clinic(str(runs / "first"), runs)
    for ask in (
        lambda: compare.sentence_table(clinic, name, "first", SENTENCE),
        lambda: compare.load_both(clinic, name, "first"),
    ):
        with pytest.raises(UserError, match="there is no run"):
            ask()


def test_the_corpus_is_that_of_a_run_in_either_order(runs, tiny_classifier):
    clinic = Clinic(str(tiny_classifier), runs)
    for order in ((compare.SERVED, "second"), ("second", compare.SERVED)):
        subjects = compare.load_both(clinic, *order)
        assert [subject.name for subject in subjects] == [
            clinic.model if name == compare.SERVED else str(runs / name) for name in order
        ]
        first, second = (subject.corpus for subject in subjects)
        assert first.test is second.test and first.validation is second.validation and len(first.test) == 32


def test_the_test_rows_are_counted_as_by_hand(runs):
    clinic = Clinic(str(runs / "first"), runs)
    html, plot = compare.score_rows(clinic, "first", "second", lambda *_, **__: None)
    first, second = compare.load_both(clinic, "first", "second")
    labels = first.test.labels
    right = [subject.test.probabilities.argmax(axis=1) == labels for subject in (first, second)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert only_first + only_second > 0
    assert f"only first is right on {only_first:,}, only second on {only_second:,}" in html
    assert f"They disagree on {only_first + only_second} rows" in html
    assert "<th>first (raw)</th><th>second (raw)</th>" in html
    assert html.count("<tr>") == 1 + 4 + 1 + only_first + only_second
    assert f"<td>{right[0].mean():.3f}</td>" in html
    assert plot.visible


ESTIMATE = Estimate(0.012, 0.003, 0.021, 852)


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (Verdict("better", 0.02, 700, 0.01), "a is better than b: +1.2 points of accuracy [+0.3, +2.1]."),
        (Verdict("worse", 0.02, 700, 0.01), "a is worse than b: +1.2 points of accuracy [+0.3, +2.1]."),
        (Verdict("same", 0.008, 700, 0.01), "a is as accurate as b, within 0.8 points."),
        (
            Verdict("not resolvable", 0.02, 4321, 0.01),
            "852 rows cannot tell whether a or b is more accurate (+1.2 points of accuracy [+0.3, +2.1]); "
            "about 4,300 would be needed.",
        ),
        (
            Verdict("not resolvable", 0.02, None, None),
            "852 rows cannot tell whether a or b is more accurate (+1.2 points of accuracy [+0.3, +2.1]).",
        ),
    ],
)
def test_the_verdict_in_words(verdict, sentence):
    assert compare.verdict_sentence(verdict, ESTIMATE, "a", "b") == sentence


def test_every_disagreement_is_drawn_and_texts_are_escaped():
    labels = np.zeros(9000, dtype=int)
    this, other = np.tile([0.9, 0.1], (9000, 1)), np.tile([0.8, 0.2], (9000, 1))
    other[8002] = [0.1, 0.9]
    texts = ["<b>bold</b> <a href='x'>" + "long " * 100] * 9000
    both, wrong, only_this, only_other = agreement_chart(texts, labels, this, other, "a<b>", "b").data
    assert (len(both.x), len(wrong.x), len(only_this.x), len(only_other.x)) == (3000, 0, 1, 0)
    assert both.name == "both right: 8,999" and only_this.name == "only a&lt;b&gt; right: 1"
    assert "<b>" not in both.text[0] and both.text[0].endswith("…") and both.text[0].count("<br>") <= 4


@pytest.fixture
def address(runs, monkeypatch):
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("report", "compare"))
    page = build(Clinic(str(runs / "first"), runs))
    yield serve(page, wait=False)
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_two_models_are_compared(address, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{address}?tab=compare")
    expect(page.get_by_role("combobox", name="The other model")).to_have_value("second")
    page.get_by_role("textbox", name="Sentence").fill("the <img src=x onerror='window.hacked = 1'> film is good")
    page.keyboard.press("Enter")
    answers = page.locator("table.plain tbody tr")
    answers.nth(1).wait_for()
    assert [row.split("\t")[0].strip() for row in answers.all_inner_texts()] == ["first", "second"]
    assert re.search(r"differ by [+-]0\.\d|They disagree", page.inner_text("body"))

    page.get_by_role("button", name="Compare on the test rows").click()
    page.get_by_text("McNemar").wait_for()
    page.locator(".js-plotly-plot .scatterlayer .point").first.wait_for(state="attached")
    assert page.locator(".js-plotly-plot .scatterlayer .point").count() == 32
    assert page.locator("table.plain").count() == 3
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/compare-{width}-{color_scheme}.png", full_page=True)


@pytest.mark.browser
def test_an_address_brings_models_and_sentence(address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=compare&this=second&other=first&text=the+film+is+good")
    page.locator("table.plain tbody tr").nth(1).wait_for()
    rows = page.locator("table.plain tbody tr").all_inner_texts()
    assert [row.split("\t")[0].strip() for row in rows] == ["second", "first"]
    page.get_by_role("combobox", name="This model").click()
    page.get_by_role("option", name="first").click()
    page.wait_for_url("**/?*this=first*")
    page.get_by_role("button", name="Compare on the test rows").click()
    page.get_by_text("choose two different models").wait_for()


@pytest.mark.browser
def test_a_mistake_is_one_friendly_line(address, new_page):
    page = new_page()
    page.goto(f"{address}?tab=compare")
    expect(page.get_by_role("combobox", name="The other model")).to_have_value("second")
    page.get_by_role("button", name="Compare on the sentence").click()
    page.get_by_text("type a sentence first").wait_for()


@pytest.mark.browser
def test_a_single_model_is_compared_with_nothing(runs, monkeypatch, new_page):
    shutil.rmtree(runs / "second")
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("report", "compare"))
    app = build(Clinic(str(runs / "first"), runs))
    page = new_page()
    page.goto(serve(app, wait=False) + "?tab=compare&text=good")
    page.get_by_text("There is one model here").wait_for()
    expect(page.get_by_role("combobox", name="This model")).to_have_value("first")
    expect(page.get_by_role("combobox", name="The other model")).to_have_value("")
    assert page.locator(".toast-body").count() == 0
    assert page.get_by_role("button", name="Compare on the test rows").is_disabled()
    app.close()
