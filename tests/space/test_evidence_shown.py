import asyncio
import shutil
from dataclasses import replace

import pytest
import torch
from playwright.sync_api import expect
from safetensors.torch import load_file, save_file

import space.tabs
from eval.calibration import apply_temperature
from eval.evidence import CONSTANTS, INDEX, Evidence, Support
from eval.nearest import Neighbour, Neighbours
from eval.predictor import Predictor
from eval.run_directory import read_json, weights_fingerprint, write_json
from eval.verification import Verification
from space.app import build, serve
from space.clinic import Clinic
from space.evidence import evidence_html
from space.tabs.predict import Served

TEXT = "the film is good and the plot is dull"
SENTENCES = [
    *(
        "the film is good and the plot is dull",
        "a film <b>&amp; a plot",
        "\u202ea lovely story",
        "this was a stale movie",
    ),
    *(
        "the cast is great and the story is moving",
        "awful and clumsy",
        "a funny film, " + "very " * 44 + "funny",
        "bad",
    ),
    *("supercalifragilistic" * 11, "the movie is dull"),
]
LABELS = [0, 1, 1, 0, 1, 0, 1, 0, 1, 0]
NEAREST = tuple(Neighbour(text, label, 0.9) for text, label in zip(SENTENCES[:8], LABELS, strict=False))
SUPPORT = Support(NEAREST, 4, 0.1, False, 0.71)


def keep_evidence(run, bar: float = 2.0) -> None:
    """What an evaluation keeps of a few sentences."""
    states = Predictor.load(str(run)).predict(SENTENCES, states=True).states
    neighbours = Neighbours.build(states, SENTENCES, LABELS, weights_fingerprint(str(run)))
    Evidence(neighbours, Verification(0.8, 1.3, True), bar).save(run / "evaluation")


@pytest.fixture
def run(tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "mine")
    (folder / "config.yaml").write_text("model: embedded\n")
    return folder


def test_agreement_confidence_and_familiarity_are_a_sentence_each():
    html = evidence_html(SUPPORT, "POSITIVE", 0.8, calibrated=True)
    assert "<dt>4 of 8</dt>" in html and "labelled POSITIVE too" in html
    assert "<dt>71.0%</dt>" in html and "calibrated, it is 80.0%" in html
    assert "<dt>not far</dt>" in html and "unlike my training data" not in html
    assert html.count("<dd>") == html.count(".</dd>") == 3
    assert html.count("<li") == 8 and html.count(": agrees, similarity 0.90") == 4 == html.count('class="against"')
    assert html.index("<details>") > html.index(SENTENCES[0]) and "The other 5" in html


def test_a_strange_text_is_said_to_be_one():
    html = evidence_html(replace(SUPPORT, unfamiliar=True), "POSITIVE", 0.8, calibrated=True)
    assert "This looks unlike my training data" in html and "not far" not in html


def test_what_was_not_fitted_is_not_shown():
    html = evidence_html(replace(SUPPORT, verified=None, nearest=NEAREST[:1]), "NEGATIVE", 0.8, calibrated=False)
    assert "verified" not in html and "<details>" not in html and html.count("<li") == 1
    assert "raw, it is 80.0%" in evidence_html(SUPPORT, "NEGATIVE", 0.8, calibrated=False)


def test_training_sentences_are_no_markup():
    html = evidence_html(SUPPORT, "POSITIVE", 0.8, calibrated=True)
    assert "<b>" not in html and "a film &lt;b&gt;&amp;amp; a plot" in html
    assert "\u202e" not in html and "\\u202ea lovely story" in html


def test_the_confidence_is_the_one_that_verification_leaves(run, calibrate):
    calibrate(run, temperature=2.0)
    keep_evidence(run)
    clinic = Clinic(str(run), run.parent)
    found = clinic.predictor().predict([TEXT], states=True)
    support = clinic.evidence().support(found.probabilities[0], found.states[0])
    assert support.nearest[0].text == TEXT and support.nearest[0].similarity == pytest.approx(1, abs=1e-3)
    html = Served(clinic).evidence_html(TEXT)
    calibrated = apply_temperature(found.probabilities, 2.0).max()
    assert f"<dt>{support.verified:.1%}</dt>" in html and f"calibrated, it is {calibrated:.1%}" in html


def test_evidence_is_read_again_when_it_changed(run):
    clinic = Clinic(str(run), run.parent)
    assert clinic.evidence() is None
    keep_evidence(run)
    first = clinic.evidence()
    assert first.unfamiliar_from == 2.0 and clinic.evidence() is first
    keep_evidence(run, bar=0.5)
    assert clinic.evidence().unfamiliar_from == 0.5


def train_again(run, shift: float) -> float:
    """Put other weights in the place of a run's, as a training does; returns what they say to TEXT."""
    weights = load_file(run / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + torch.tensor([0.0, shift])
    save_file(weights, run / "new.safetensors", {"format": "pt"})
    (run / "new.safetensors").replace(run / "model.safetensors")
    return float(Predictor.load(str(run)).predict([TEXT]).probabilities[0, 1])


def test_a_served_model_that_is_trained_again_is_loaded_again(run):
    keep_evidence(run)
    served = Served(Clinic(str(run), run.parent))
    (before,) = served.predict_many([TEXT])
    assert "<h3>Evidence</h3>" in served.evidence_html(TEXT)
    now = train_again(run, 3.0)
    assert "<h3>Evidence</h3>" not in served.evidence_html(TEXT)
    keep_evidence(run)
    html = served.evidence_html(TEXT)
    assert f"raw, it is {max(now, 1 - now):.1%}" in html
    assert f"raw, it is {before.probability:.1%}" not in html
    assert asyncio.run(served.predict(TEXT)).raw_probabilities["POSITIVE"] == pytest.approx(now, abs=1e-5)
    # A training that starts anew deletes the old weights first.
    (run / "model.safetensors").unlink()
    assert served.predict_many([TEXT])[0].raw_probabilities["POSITIVE"] == pytest.approx(now, abs=1e-5)
    assert "<h3>Evidence</h3>" not in served.evidence_html(TEXT)


def test_many_who_ask_while_it_is_loaded_again_get_one_model(run, monkeypatch):
    served = Served(Clinic(str(run), run.parent))
    served.predict_many([TEXT])
    now, loads, load = train_again(run, -2.0), [], Predictor.load
    monkeypatch.setattr(Predictor, "load", lambda *args, **settings: loads.append(1) or load(*args, **settings))

    async def together():
        asked = [asyncio.to_thread(served.predict_many, [TEXT]) for _ in range(4)]
        many = await asyncio.gather(*asked, *(served.predict(TEXT) for _ in range(4)))
        return [each for found in many for each in (found if isinstance(found, list) else [found])]

    found = asyncio.run(together())
    assert [each.raw_probabilities["POSITIVE"] for each in found] == pytest.approx([now] * 8, abs=1e-5)
    assert len(loads) == 1


def test_evidence_of_other_weights_or_broken_is_not_used(run):
    keep_evidence(run)
    clinic = Clinic(str(run), run.parent)
    kept = read_json(run / "evaluation" / CONSTANTS)
    for wrong in ({"weights": "deadbeef0000"}, {"unfamiliar_from": None}, {"verification": None}):
        write_json(run / "evaluation" / CONSTANTS, kept | wrong)
        assert clinic.evidence() is None
    write_json(run / "evaluation" / CONSTANTS, kept)
    assert clinic.evidence() is not None
    (run / "evaluation" / INDEX).write_bytes(b"PK")
    assert clinic.evidence() is None


def test_without_evidence_a_run_says_how_to_get_it(run):
    assert "python eval/run.py RUN" in Served(Clinic(str(run), run.parent)).evidence_html(TEXT)
    (run / "config.yaml").unlink()
    assert Served(Clinic(str(run), run.parent)).evidence_html(TEXT) == ""


@pytest.fixture(scope="module")
def address(tiny_classifier, tmp_path_factory, calibrate):
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_classifier, runs / "tiny")
    calibrate(runs / "tiny", abstention_threshold=0.99)
    keep_evidence(runs / "tiny", bar=-1.0)
    patch = pytest.MonkeyPatch()
    patch.setattr(space.tabs, "TAB_NAMES", ("predict",))
    page = build(Clinic(str(runs / "tiny"), runs))
    yield serve(page, wait=False)
    page.close()
    patch.undo()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "color_scheme"), [(1280, "light"), (390, "dark")])
def test_a_person_sees_the_nearest_sentences(address, new_page, width, color_scheme):
    page = new_page(width=width, color_scheme=color_scheme)
    page.goto(address)
    page.get_by_label("Sentence").fill(TEXT)
    page.keyboard.press("Enter")
    page.get_by_text("This looks unlike my training data").wait_for()
    assert page.locator(".evidence li:visible").count() == 3
    assert page.locator(".evidence li bdi").first.inner_text() == TEXT
    page.get_by_text("The other 5").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".evidence li:visible")).to_have_count(8)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_text("Faithfulness").nth(1).wait_for()
    page.screenshot(path=f"tests/screenshots/evidence-{width}-{color_scheme}.png", full_page=True)

    # To the network the same text: what follows the answer is of this one all the same.
    page.get_by_label("Sentence").fill(TEXT.upper())
    page.keyboard.press("Enter")
    page.wait_for_url("**text=THE+FILM*")
    page.get_by_label("Sentence").fill(" ")
    page.keyboard.press("Enter")
    page.get_by_text("type a sentence first").wait_for()
    expect(page.locator(".evidence")).to_have_count(0)
