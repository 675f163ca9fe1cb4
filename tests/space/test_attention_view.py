"""The attention pages and their tab, used as a person would."""

import re
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from transformers import BertConfig

import space.tabs
from eval.predictor import Predictor, TokenisedText
from space.app import build, serve
from space.attention import FAINTEST, MOST_TOKENS, attention_page
from space.clinic import Clinic

pytestmark = pytest.mark.browser

TEXT = "the film is very good"
SCREENSHOTS = Path(__file__).parent.parent / "screenshots"
PAYLOADS = [
    "</script><script>window.ran = 1</script>",
    "<img src=x onerror=window.ran=1>",
    "<!--<script>",
    "\u202edesrever",
    "nul\x00l",
    "]]>&quot;'\"`${window.ran=1}",
]
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class FixedAttention:
    """What a page asks of a predictor, with tokens and attention as given."""

    def __init__(self, tokens, layers: int = 2, heads: int = 2):
        self.tokens = tuple(tokens)
        self.weights = np.random.default_rng(0).dirichlet(
            np.full(len(self.tokens), 0.2), size=(layers, heads, len(self.tokens))
        )
        self.model = torch.nn.Module()
        self.model.config = BertConfig()

    def tokenise(self, text: str) -> TokenisedText:
        ids = torch.zeros(1, len(self.tokens), dtype=torch.long)
        return TokenisedText(ids, self.tokens, np.zeros(len(self.tokens), dtype=bool), None)

    def attentions(self, text: str):
        return self.tokens, list(self.weights)


@pytest.fixture(scope="module")
def predictor(tiny_classifier):
    return Predictor.load(str(tiny_classifier))


@pytest.fixture
def opened(new_page, tmp_path):
    """A function that opens a drawn page as the file it can be saved as."""

    def open_file(page, width: int = 1280):
        file = tmp_path / f"{page.run}.html"
        file.write_text(page.html, encoding="utf-8")
        view = new_page(width=width)
        view.goto(file.as_uri())
        view.locator("#vis svg").wait_for()
        return view

    return open_file


def visible(weights: np.ndarray) -> int:
    """The lines that are drawn for these weights."""
    return int((np.rint(weights * 1000) / 1000 >= FAINTEST).sum())


def test_the_head_view_draws_hovers_and_changes_its_layer(predictor, opened):
    tokens, layers = predictor.attentions(TEXT)
    view = opened(attention_page(predictor, TEXT))
    lines = view.locator("#attention line")
    assert lines.count() == visible(layers[0]) == 2 * len(tokens) ** 2

    view.locator("#left text", has_text="film").hover()
    assert view.locator("#attention").get_attribute("visibility") == "hidden"
    shown = view.locator("#attention line[visibility=visible]")
    assert shown.count() == 2 * len(tokens)
    assert set(shown.evaluate_all("all => all.map(line => line.getAttribute('left-token-index'))")) == {"2"}
    view.locator("#right text", has_text="good").hover()
    assert set(shown.evaluate_all("all => all.map(line => line.getAttribute('right-token-index'))")) == {"5"}
    view.get_by_label("Layer").hover()

    opacities = "all => all.map(line => +line.getAttribute('stroke-opacity'))"
    for layer in (0, 1):
        view.get_by_label("Layer").select_option(str(layer))
        np.testing.assert_allclose(lines.evaluate_all(opacities), layers[layer].ravel() / 2, atol=0.0005)
    # The squares are the heads: without the first, the second is drawn in full.
    view.locator("svg > g > rect").first.click()
    np.testing.assert_allclose(
        lines.evaluate_all(opacities), np.stack([0 * layers[1][0], layers[1][1]]).ravel(), atol=0.0005
    )


def test_the_model_view_draws_every_head_and_opens_one(predictor, opened):
    tokens, layers = predictor.attentions(TEXT)
    view = opened(attention_page(predictor, TEXT, "model"))
    assert view.locator("#vis line").count() == visible(np.stack(layers))
    view.locator("#attn_background_1_0").locator("xpath=../*[last()]").click()
    assert view.locator("text.detail").text_content() == "Layer 1, Head 0"
    detail = view.locator("g.detail line")
    assert detail.count() == visible(layers[1][0])
    assert view.locator("g.detail text.token").all_text_contents() == list(tokens) * 2


def test_the_model_view_shows_only_the_chosen_heads(predictor, opened):
    view = opened(attention_page(predictor, TEXT, "model", layers=[1], heads=[1]))
    assert view.locator(".attn_background").count() == 1
    assert view.locator("#vis > svg > text").all_text_contents() == ["Heads", "1", "Layers", "1"]


def test_the_neuron_view_opens_queries_and_keys(predictor, opened):
    tokens, layers = predictor.attentions(TEXT)
    view = opened(attention_page(predictor, TEXT, "neuron", layers=[1]))
    assert view.get_by_label("Layer").locator("option").all_text_contents() == ["1"]
    assert view.get_by_label("Head").locator("option").all_text_contents() == ["0", "1"]
    opacities = "all => all.map(line => +line.getAttribute('stroke-opacity'))"
    lines = view.locator("#collapsed .attn-line-group line")
    for head in (0, 1):
        view.get_by_label("Head").select_option(str(head))
        np.testing.assert_allclose(lines.evaluate_all(opacities), layers[1][head].ravel(), atol=0.0005)
    assert view.locator("#expanded").get_attribute("visibility") == "hidden"
    token = view.locator("#collapsed #leftText > g", has_text="film")
    token.hover()
    groups = view.locator("#collapsed .attn-line-group")
    assert groups.evaluate_all("all => all.map(group => group.style.opacity)") == [
        "1" if token == "film" else "0" for token in tokens
    ]
    token.locator("rect").last.click()
    assert view.locator("#expanded").get_attribute("visibility") == "visible"
    assert view.locator("#expanded #queries .element").count() == len(tokens) * 8


@pytest.mark.parametrize("view_name", ["head", "model"])
def test_tokens_that_are_markup_are_shown_and_run_nothing(opened, view_name):
    view = opened(attention_page(FixedAttention(PAYLOADS), "".join(PAYLOADS), view_name))
    if view_name == "model":
        view.locator("#attn_background_0_0").locator("xpath=../*[last()]").click()
    texts = view.locator("#left text" if view_name == "head" else "g.detail text.token").all_text_contents()
    assert texts[: len(PAYLOADS)] == [*PAYLOADS[:3], "\\u202edesrever", "nul\\u0000l", PAYLOADS[5]]
    assert view.evaluate("window.ran") is None
    assert view.locator("img").count() == 0
    assert view.title().startswith("Attention: </script>")


def test_32_tokens_are_light(opened):
    """1.5 MB, for the twelve layers and heads of a BERT-base, and they are drawn."""
    network = FixedAttention([f"token{number}" for number in range(MOST_TOKENS["model"])], layers=12, heads=12)
    for name in ("head", "model"):
        page = attention_page(network, "text", name)
        assert len(page.html.encode()) < 1.5e6
        view = opened(page)
        view.evaluate(SETTLED)
        assert view.locator("svg").count() > 0


@pytest.fixture(scope="module")
def address(tiny_classifier, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(space.tabs, "TAB_NAMES", ("compare", "attention"))
        page = build(Clinic(str(tiny_classifier), tmp_path_factory.mktemp("runs")))
        yield serve(page, wait=False)
        page.close()


@pytest.fixture
def tab(new_page, address):
    """A function that opens the tab at a text and waits for the drawing."""

    def open_tab(text: str = TEXT, **settings):
        page = new_page(**settings)
        page.goto(f"{address}?{urlencode({'tab': 'attention', 'text': text})}")
        page.frame_locator("iframe.attention").locator("#vis svg").wait_for()
        page.locator("table.rollout").wait_for()
        return page

    return open_tab


def redrawn(page, act):
    """The frame after an action has drawn it anew."""
    old = page.locator("iframe.attention").get_attribute("id")
    act()
    page.locator(f"iframe.attention:not(#{old})").wait_for()
    frame = page.frame_locator("iframe.attention")
    frame.locator("#vis svg").wait_for()
    return frame


def test_the_tab_draws_what_the_address_names(tab):
    page = tab()
    frame = page.frame_locator("iframe.attention")
    assert frame.locator("#left text").all_text_contents() == ["[CLS]", *TEXT.split(), "[SEP]"]
    assert page.locator("iframe.attention").get_attribute("sandbox") == "allow-scripts"
    assert page.locator("table.rollout td:first-child").all_text_contents() == TEXT.split()
    said = page.locator(".prose", has_text="n = ").inner_text()
    assert re.search(r"agree.*rank correlation -?0\.\d\d \[.*n = 5 tokens", said)


def test_the_controls_of_the_tab(tab):
    page = tab()
    frame = redrawn(page, page.get_by_label("Hide [CLS], [SEP] and the like").check)
    assert frame.locator("#left text").all_text_contents() == TEXT.split()
    assert "rescaled" in frame.locator("body").inner_text()
    frame = redrawn(page, page.get_by_label("All layers and heads").check)
    assert frame.locator(".attn_background").count() == 4

    def choose_layer():
        page.get_by_role("combobox", name="Layers").click()
        page.get_by_role("option", name="1").click()

    frame = redrawn(page, choose_layer)
    assert frame.locator(".attn_background").count() == 2
    frame = redrawn(page, page.get_by_label("Neurons of one head").check)
    assert frame.locator("#collapsed #leftText > g").count() == len(TEXT.split())
    page.get_by_role("textbox", name="Sentence").fill("a dull plot")
    frame = redrawn(page, page.get_by_role("button", name="Show").click)
    assert frame.locator("#collapsed #leftText text").all_text_contents() == ["a", "dull", "plot"]


def test_what_is_shown_is_in_the_address(tab):
    page = tab()
    redrawn(page, page.get_by_label("All layers and heads").check)
    page.wait_for_function("location.search === '?tab=attention&text=the+film+is+very+good&view=model'")
    page.get_by_role("textbox", name="Sentence").fill("a dull & stale plot")
    redrawn(page, page.get_by_role("button", name="Show").click)
    page.wait_for_function("location.search === '?tab=attention&text=a+dull+%26+stale+plot&view=model'")
    # Each tab keeps its own.
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function("location.search === '?tab=compare'")
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_function("location.search === '?tab=attention&text=a+dull+%26+stale+plot&view=model'")


def test_a_text_without_tokens_is_one_line(new_page, address):
    page = new_page()
    page.goto(f"{address}?tab=attention&text=%EF%BF%BD")
    page.get_by_text("nothing to compare").wait_for()
    assert page.locator(".toast-body").count() == 0


def test_an_empty_sentence_is_one_line(tab):
    page = tab()
    page.get_by_role("textbox", name="Sentence").fill("  ")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("type a sentence first.").first.wait_for()
    assert page.locator("iframe.attention").count() == 0


def test_a_text_that_is_markup_runs_nothing_in_the_tab(tab):
    page = tab("".join(PAYLOADS) + " good film")
    assert [frame.evaluate("window.ran") for frame in page.frames] == [None, None]
    assert page.locator(".gradio-container img[src=x]").count() == 0
    assert "good" in page.frame_locator("iframe.attention").locator("#left text").all_text_contents()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window(tab, width, scheme):
    page = tab(width=width, color_scheme=scheme)
    page.frame_locator("iframe.attention").locator("#left text").first.hover()
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"attention-{width}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
