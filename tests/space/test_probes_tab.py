import time
from collections import Counter
from html import unescape

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import expect
from statsmodels.stats.proportion import proportion_confint

import space.tabs
from cli.errors import UserError
from data.edits import EDITS, MEANING_PRESERVING, NEGATING, edited
from eval.calibration import apply_temperature
from eval.predictor import Predictions
from eval.probes.judge import judge
from space.app import build, serve
from space.clinic import Calibration, Clinic
from space.playground import outcome_html, perturb
from space.suite_run import (
    EXPECTATIONS,
    MOST_ROWS,
    NEUTRAL_BAND,
    TEXTS_AT_ONCE,
    SuiteRun,
    by_test,
    case_html,
    cases_html,
    choose,
    edited_case,
    expected,
    results_html,
    run_suite,
    suite,
    summary_html,
)
from space.tabs import probes
from space.texts import LONGEST, checked, text_html

PAYLOADS = (
    "<img src=x onerror='window.hacked = 1'>",
    "</script><script>window.hacked = 1</script>",
    "<!--<script>",
    "${window.hacked = 1} {{#each}} {{constructor}} `",
    '" onmouseover="window.hacked = 1',
    '<button data-number="0">press</button>',
    "\u202eturned round\u2066",
    "nul \x00 and bell \x07",
)


class WordCounter:
    """Says POSITIVE where praise outweighs blame; a stand-in for a network, and as safe to ask twice."""

    def __init__(self, seconds: float = 0.0):
        self.seconds = seconds
        self.asked = []

    def predict(self, texts) -> Predictions:
        time.sleep(self.seconds)
        self.asked += texts
        words = [text.split() for text in texts]
        logits = np.array([sum(word.strip(".,!").endswith(("good", "ful")) for word in row) - 0.5 for row in words])
        positive = 1 / (1 + np.exp(-2 * logits))
        nothing = np.zeros(len(texts), dtype=int)
        return Predictions(np.column_stack([1 - positive, positive]), nothing, nothing > 0, nothing)


class Counting:
    """As much of a Clinic as the tab asks for."""

    title = model = "counter"

    def __init__(self, predictor, calibration=Calibration()):  # noqa: B008
        self._predictor, self._calibration = predictor, calibration

    def predictor(self):
        return self._predictor

    def calibration(self):
        return self._calibration


# The suite


def finished(cases) -> SuiteRun:
    *_, run = run_suite(cases, WordCounter().predict)
    return run


def test_the_counts_are_those_of_the_evaluation():
    judged = finished(suite()).judged
    outcome = judge(suite(), WordCounter().predict, NEUTRAL_BAND)
    mine = {(t.case.capability, t.case.test): t.failure_rate for t in by_test(judged)}
    assert mine == {(t.capability, t.test): t.failure_rate for t in outcome.tests}
    assert f"{outcome.failure_rate.value:.1%}" in summary_html(finished(suite()), judged)
    assert f"of {outcome.failure_rate.n:,} cases fail" in summary_html(finished(suite()), judged)


def test_every_text_is_asked_once_and_progress_comes_in_parts():
    predictor = WordCounter()
    cases = choose("negation", None)
    parts = [len(run.positive) for run in run_suite(cases, predictor.predict)]
    texts = {text for case in cases for text in case.texts}
    assert Counter(predictor.asked) == Counter(texts)
    assert parts == [*range(TEXTS_AT_ONCE, len(texts), TEXTS_AT_ONCE), len(texts)]


def test_what_was_stopped_holds_only_cases_that_were_asked_whole():
    run = next(run_suite(suite(), WordCounter().predict))
    known = set(list(dict.fromkeys(t for c in suite() for t in c.texts))[:TEXTS_AT_ONCE])
    assert [each.case for each in run.judged] == [case for case in suite() if set(case.texts) <= known]
    assert f"Stopped after {len(run.judged):,} of {len(suite()):,} cases" in summary_html(run, run.judged)


def test_failures_stand_first_and_rates_carry_wilson_intervals():
    tests = by_test(finished(choose("vocabulary", None)).judged)
    neutral = [test.case.neutral for test in tests]
    assert neutral == sorted(neutral) and any(neutral)
    rates = [test.failure_rate.value for test in tests if not test.case.neutral]
    assert rates == sorted(rates, reverse=True) and rates[0] > 0
    for test in tests:
        failed = [each.verdict.failed for each in test.cases]
        assert failed == sorted(failed, reverse=True)
        low, high = proportion_confint(sum(failed), len(failed), method="wilson")
        assert f"{sum(failed) / len(failed):.1%} [{low:.1%}, {high:.1%}]" in results_html(tests)


def test_at_most_so_many_cases_are_shown_and_it_is_said():
    html = cases_html(by_test(finished(choose("negation", None)).judged))
    assert html.count(">Edit<") == MOST_ROWS and "<th>Raw P(POSITIVE) and text</th>" in html
    assert f"{MOST_ROWS} of 800 are shown" in html
    one = cases_html(by_test(finished(choose("negation", "not + negative verb")).judged))
    assert one.count(">Edit<") == 50 and "are shown" not in one and "not + negative verb" in one


def test_every_case_of_the_suite_can_be_edited_back_into_itself():
    for case in suite():
        again = edited_case("\n".join(case.texts), expected(case))
        assert (again.texts, again.type, again.expect, again.label, again.tolerance) == (
            tuple(text.strip() for text in case.texts),
            case.type,
            case.expect,
            case.label if case.type == "MFT" else None,
            case.tolerance,
        )
    assert all(expected(edited_case("good\nbad", words)) == words for words in EXPECTATIONS)


def test_test_names_are_no_ones_else():
    """The list of all tests would hide one of two that share a name."""
    assert len({case.test for case in suite()}) == len({(case.capability, case.test) for case in suite()})


@pytest.mark.parametrize(
    ("texts", "expectation", "message"),
    [
        ("", "negative", "type a sentence"),
        (" \n\t", "negative", "type a sentence"),
        ("a" * (LONGEST + 1), "negative", "5,001 characters"),
        ("good\n" * 51, "negative", "51 texts"),
        ("good", "the same class", "an original and a variant"),
        ("good", "marvellous", "choose what is expected"),
        ("\u200b\ngood", "negative", "not empty"),
        ("\ud83d", "negative", "half a character"),
    ],
)
def test_a_case_that_makes_no_sense_is_one_line(texts, expectation, message):
    with pytest.raises(UserError, match=message):
        edited_case(texts, expectation)


@pytest.mark.parametrize(("capability", "test"), [("none", None), (None, "../x"), ("negation", "typo")])
def test_an_unknown_test_is_one_line(capability, test):
    with pytest.raises(UserError, match="no such test"):
        choose(capability, test)


def test_a_verdict_is_in_words():
    case = edited_case("a good film\na film", "the same class")
    html = case_html(case, WordCounter().predict(case.texts).probabilities[:, 1].tolist())
    assert "<strong>failed</strong>: expected the same class" in html
    assert "original: <bdi>a good film" in html and "variant: <bdi>a film" in html
    assert "passed: expected positive" in case_html(edited_case("a good film", "positive"), [0.9])


# The playground

SENTENCE = "The film by Anna is wonderful."


def test_every_edit_is_shown_or_said_not_to_apply():
    outcome = perturb(Counting(WordCounter()), SENTENCE)
    rows = outcome.preserving + outcome.changing
    assert {row.edit for row in rows} | set(outcome.inapplicable) == set(EDITS)
    assert len(rows) + len(outcome.inapplicable) == len(EDITS)
    assert {row.edit for row in outcome.preserving} <= set(MEANING_PRESERVING)
    assert {row.edit for row in outcome.changing} == set(NEGATING)
    html = outcome_html(outcome)
    assert "<th>Raw<br>P(POSITIVE)" in html and "alibrated" not in html
    evaluated = outcome_html(perturb(Counting(WordCounter(), Calibration(2.0, None, True)), SENTENCE))
    assert "<th>Calibrated<br>P(POSITIVE)" in evaluated and "raw" not in evaluated
    assert all(name.replace("_", " ") in html for name in EDITS)
    assert "Not applicable to this text: " in html


def test_probabilities_are_calibrated_and_swings_are_against_the_original():
    predictor = WordCounter()
    outcome = perturb(Counting(predictor, Calibration(temperature=2.0)), SENTENCE)
    for row in outcome.preserving + outcome.changing:
        assert row.text == edited(row.edit, SENTENCE, 0)
        before, after = apply_temperature(predictor.predict([SENTENCE, row.text]).probabilities, 2.0)[:, 1]
        assert (row.positive, row.swing) == pytest.approx((after, after - before))
        assert row.flips == ((before > 0.5) != (after > 0.5))
        assert row.label == ("POSITIVE" if after > 0.5 else "NEGATIVE")


def test_the_worst_stands_first_and_flips_are_in_words():
    outcome = perturb(Counting(WordCounter()), SENTENCE)
    order = [(row.flips, abs(row.swing)) for row in outcome.preserving]
    assert order == sorted(order, reverse=True) and order[0][0] and not order[-1][0]
    html = outcome_html(outcome)
    assert "<strong>flips to NEGATIVE</strong>" in html and "stays POSITIVE" in html
    # It counts words: a negation passes it by.
    assert "stays POSITIVE: <strong>it should flip</strong>" in html
    assert [row.faulty for row in outcome.changing] == [row.edit == "negate" for row in outcome.changing]


def test_a_long_text_is_shown_about_the_change():
    text = "the film " * 300 + "is wonderful " + "and so on " * 150
    html = outcome_html(perturb(Counting(WordCounter()), text))
    assert len(text) < LONGEST and len(html) < 25 * 1000


@pytest.mark.parametrize("text", ["!!!", "1", "🙂", "word"])
def test_texts_that_few_edits_apply_to(text):
    outcome = perturb(Counting(WordCounter()), text)
    assert len(outcome.inapplicable) > 10
    assert "The original is <strong>NEGATIVE</strong>" in outcome_html(outcome)


# Texts


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_text_is_no_markup(payload):
    html = text_html(payload)
    assert not set(html) & set("<>\"'\u202e\u2066\x00\x07")
    shown = unescape(html)
    for mark in "\u202e\u2066\x00\x07":
        shown = shown.replace(f"\\u{ord(mark):04x}", mark)
    assert shown == payload


def test_an_emoji_of_several_parts_stays_one():
    assert text_html("👩\u200d🚀 ligne\u00a0é") == "👩\u200d🚀 ligne\u00a0é"


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "type"), (" ", "type"), ("x" * 5001, "5,001 characters: cut it to 5,000"), (["x"], "must be a string")],
)
def test_a_text_that_is_none_is_one_line(text, message):
    with pytest.raises(UserError, match=message):
        checked(text)


# The page


@pytest.fixture
def served(tiny_classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("report", "probes"))
    page = build(Clinic(str(tiny_classifier), tmp_path / "runs"))
    yield serve(page, wait=False)
    page.close()


@pytest.fixture
def slow(monkeypatch):
    """A page over a predictor that takes its time."""
    monkeypatch.setattr(space.tabs, "TAB_NAMES", ("probes",))
    predictor = WordCounter(seconds=0.3)
    page = build(Counting(predictor))
    yield serve(page, wait=False), predictor
    page.close()


def test_the_api_has_probe_and_nothing_else_of_the_tab(served, tiny_classifier):
    client = Client(served, verbose=False)
    assert list(client.view_api(print_info=False, return_format="dict")["named_endpoints"]) == ["/probe"]
    rows = client.predict(SENTENCE, api_name="/probe")
    assert [set(row) for row in rows] == [
        {"edit", "text", "label", "probability", "swing", "meaning_preserving"}
    ] * len(rows)
    outcome = perturb(Clinic(str(tiny_classifier), tiny_classifier), SENTENCE)
    assert [row["edit"] for row in rows] == [row.edit for row in outcome.preserving + outcome.changing]
    assert [row["swing"] for row in rows] == pytest.approx(
        [row.swing for row in outcome.preserving + outcome.changing], abs=1e-4
    )
    assert {row["edit"] for row in rows if not row["meaning_preserving"]} == set(NEGATING)
    for text, message in (("x" * 1_000_000, "1,000,000 characters: cut it to 5,000"), (" ", "type a sentence first")):
        with pytest.raises(Exception, match=message):
            client.predict(text, api_name="/probe")
    for payload in PAYLOADS:
        assert client.predict(payload, api_name="/probe")


@pytest.mark.parametrize("data", [None, "x", {"number": "0"}, {"number": -1}, {"number": 50}, {"number": None}])
def test_a_forged_number_names_no_case(data):
    run = finished(choose("negation", "not + negative verb"))
    assert probes._case(run, gr.EventData(None, data)) is None
    assert probes._case(None, gr.EventData(None, {"number": 0})) is None
    assert probes._case(run, gr.EventData(None, {"number": 49})) is run.cases[49]


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_capability_is_run_and_a_case_edited(served, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{served}?tab=probes")
    page.get_by_label("Capability").click()
    page.get_by_role("option", name="negation").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("of 750 cases fail").wait_for()
    tests, cases = page.locator(".probes").nth(0), page.locator(".probes").nth(1)
    assert tests.locator("tbody tr").count() == 16
    assert cases.locator("tbody tr").count() == MOST_ROWS
    page.get_by_text(f"{MOST_ROWS} of 800 are shown").wait_for()

    # By keyboard: a test, then one of its cases.
    tests.get_by_role("button").nth(1).focus()
    name = tests.get_by_role("button").nth(1).inner_text()
    page.keyboard.press("Enter")
    page.get_by_text(f"Cases of the test “{name}”").wait_for()
    assert cases.locator("tbody tr").count() == 50
    failed = ["failed" in row for row in cases.locator("tbody tr").all_inner_texts()]
    assert failed == sorted(failed, reverse=True)
    text = cases.locator("tbody tr").first.locator("bdi").first.inner_text()
    cases.get_by_role("button", name="Edit").first.focus()
    page.keyboard.press("Enter")
    form = page.get_by_label("Texts of a case")
    page.wait_for_function("document.querySelector('#edit-case textarea').value !== ''")
    assert form.input_value().splitlines()[0] == text
    page.wait_for_function("document.activeElement === document.querySelector('#edit-case textarea')")

    form.fill("\n".join(PAYLOADS))
    page.get_by_role("button", name="Run this case").click()
    page.locator(".asked").nth(len(cases.locator(".asked").all()) + len(PAYLOADS) - 1).wait_for()
    answers = page.locator(".asked bdi").all_inner_texts()[-len(PAYLOADS) :]
    assert answers[:6] == list(PAYLOADS[:6])
    assert answers[6:] == ["\\u202eturned round\\u2066", "nul \\u0000 and bell \\u0007"]
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/probes-suite-{width}-{color_scheme}.png", full_page=True)


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_sentence_under_every_edit(served, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(f"{served}?tab=probes&text=The+film+by+Anna+is+wonderful.")
    page.get_by_text("The original is").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('text') === 'The film by Anna is wonderful.'")
    assert page.locator(".probes").count() == 2
    rows = page.locator(".probes tbody tr").count()
    assert rows == sum(edited(name, SENTENCE, 0) is not None for name in EDITS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=f"tests/screenshots/probes-playground-{width}-{color_scheme}.png", full_page=True)

    # What is sent to someone is what was typed last.
    page.get_by_label("Sentence").fill("The plot & the cast are dull.")
    page.keyboard.press("Enter")
    page.wait_for_function("new URLSearchParams(location.search).get('text') === 'The plot & the cast are dull.'")
    other = new_page()
    other.goto(page.url)
    other.get_by_text("The original is").wait_for()
    assert other.get_by_label("Sentence").input_value() == "The plot & the cast are dull."


@pytest.mark.browser
def test_nothing_in_the_playground_runs(served, new_page):
    page = new_page()
    page.goto(f"{served}?tab=probes&text=good")
    page.get_by_text("The original is").wait_for()
    for number, payload in enumerate(PAYLOADS):
        text = f"{payload} film{number}"
        page.get_by_label("Sentence").fill(text)
        page.get_by_role("button", name="Edit and ask").click()
        page.locator(".probes bdi", has_text=f"film{number}").first.wait_for()
        lower = page.locator("tr", has=page.get_by_role("cell", name="lower case")).locator("bdi")
        if payload != payload.lower():
            assert text.lower() in lower.inner_text()
        shown = " ".join(page.locator(".probes bdi").all_inner_texts())
        assert "\u202e" not in shown and "\x00" not in shown
        assert page.locator(".probes bdi *:not(mark)").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.browser
def test_an_address_that_is_markup_does_nothing(served, new_page):
    page = new_page()
    bad = "%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E"
    page.goto(f"{served}?tab=probes&text={bad}")
    page.get_by_text("The original is").wait_for()
    page.goto(f"{served}?tab=probes&capability={bad}&test={bad}")
    page.get_by_text("there is no such test").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("there is no such test").nth(1).wait_for()
    assert page.evaluate("window.hacked") is None


@pytest.mark.browser
def test_an_address_names_a_test(served, new_page):
    page = new_page()
    page.goto(f"{served}?tab=probes&capability=negation&test=not+%2B+negative+verb")
    page.get_by_text("of 50 cases fail").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('test') === 'not + negative verb'")
    assert page.locator(".probes").nth(1).locator("tbody tr").count() == 50
    page.get_by_label("Capability").click()
    page.get_by_role("option", name="temporal").click()
    page.get_by_label("Test", exact=True).click()
    page.get_by_role("option", name="the year does not matter").click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("new URLSearchParams(location.search).get('test') === 'the year does not matter'")


@pytest.mark.browser
def test_the_tests_cannot_be_opened_while_others_are_on_their_way(served, new_page, monkeypatch):
    names = probes._tests
    monkeypatch.setattr(probes, "_tests", lambda capability: time.sleep(1) or names(capability))
    page = new_page()
    page.goto(f"{served}?tab=probes")
    tests = page.get_by_label("Test", exact=True)
    tests.click()
    page.get_by_role("option").nth(50).wait_for()
    page.get_by_label("Capability").click()
    page.get_by_role("option", name="temporal").click()
    # Gradio draws an open list by the numbers of the old one, which the new one need not have.
    tests.click()
    page.get_by_role("option", name="the year does not matter").click()
    expect(tests).to_have_value("the year does not matter")


@pytest.mark.browser
def test_a_text_too_long_for_an_address_stays_out_of_it(served, new_page):
    page = new_page()
    page.goto(f"{served}?tab=probes&text=good")
    page.get_by_text("The original is").wait_for()
    page.get_by_label("Sentence").fill("good film " * 201)
    page.keyboard.press("Enter")
    page.wait_for_function("location.search === '?tab=probes'")


@pytest.mark.browser
def test_a_run_is_stopped(slow, new_page):
    address, predictor = slow
    page = new_page()
    page.goto(f"{address}?tab=probes")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Asking the model - ").first.wait_for()
    page.wait_for_function("/[1-9][.\\d]*%/.test(document.body.innerText)")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped after").wait_for()
    asked = len(predictor.asked)
    assert page.locator(".probes").count() == 2
    time.sleep(1.5)
    assert len(predictor.asked) <= asked + 2 * TEXTS_AT_ONCE < 10_000
    assert page.get_by_role("button", name="Stop").is_disabled()


@pytest.mark.browser
def test_mistakes_are_one_friendly_line(served, new_page):
    page = new_page()
    page.goto(f"{served}?tab=probes")
    page.get_by_role("button", name="Run this case").click()
    page.get_by_text("type a sentence first").wait_for()
    page.get_by_role("tab", name="Playground").click()
    page.get_by_role("button", name="Edit and ask").click()
    page.get_by_text("type a sentence first").nth(1).wait_for()
    assert "text=" not in page.url
    page.get_by_role("button", name="Take an example").click()
    page.wait_for_function("[...document.querySelectorAll('input, textarea')].some(e => e.value.startsWith('Anna'))")
    page.get_by_role("button", name="Edit and ask").click()
    page.get_by_text("The original is").wait_for()
