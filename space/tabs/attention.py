"""Where the network looks: bertviz's views, and attention rollout against attribution."""

import time
from html import escape

import gradio as gr
import numpy as np

from cli.errors import UserError
from eval.rollout import Comparison, compare_with_attribution
from space.address import put_in_address
from space.attention import attention_page, attention_weights, displayed, frame
from space.tabs import Tab

TITLE = "Attention"
EXAMPLE = "The film is slow at first, but the cast is wonderful."
VIEWS = [("Heads of one layer", "head"), ("All layers and heads", "model"), ("Neurons of one head", "neuron")]
LONGEST = 20_000
"""Characters of a text; more than any network reads."""
MOST_COMPARED = 128
"""Tokens that rollout and attribution are compared on; more would take long and nobody reads them."""
AGREEMENT = 0.5
"""A rank correlation from which on we say that the two agree."""


def build(clinic) -> Tab:
    """Lay out the tab."""
    text = gr.Textbox(EXAMPLE, label="Sentence", placeholder="A sentence about a film", max_length=LONGEST)
    view = gr.Radio(VIEWS, value="head", label="View")
    with gr.Row():
        layers = gr.Dropdown([], value=[], multiselect=True, label="Layers", info="from 0; none chosen: all")
        heads = gr.Dropdown([], value=[], multiselect=True, label="Heads", info="from 0; none chosen: all")
    hide = gr.Checkbox(label="Hide [CLS], [SEP] and the like")
    show = gr.Button("Show", variant="primary")
    with gr.Row(elem_classes="beside"):
        with gr.Column(scale=3, min_width=320):
            drawing = gr.HTML()
        with gr.Column(scale=2, min_width=320):
            gr.Markdown("### Rollout against attribution")
            compared = gr.HTML()
    # It changes whenever the tab is opened. Hidden, not left out: then it would tell of no change.
    opened = gr.Textbox(label="Opened", visible="hidden")

    # What cannot be drawn is said where it would stand, for as long as it would.
    def draw(text: str, view: str, layers: list[int], heads: list[int], hide: bool) -> str:
        try:
            page = attention_page(
                clinic.predictor(), _checked(text), view, layers=layers, heads=heads, hide_special=hide
            )
        except UserError as error:
            return f"<p>{escape(str(error))}.</p>"
        return frame(page)

    def compare(text: str) -> str:
        try:
            return comparison(clinic.predictor(), _checked(text))
        except UserError as error:
            return f"<p>{escape(str(error))}.</p>"

    def load() -> list:
        config = clinic.predictor().model.config
        counts = (getattr(config, "num_hidden_layers", 0), getattr(config, "num_attention_heads", 0))
        lists = [gr.Dropdown(choices=list(range(count))) for count in counts]
        return [*lists, str(time.time_ns())]

    inputs = [text, view, layers, heads, hide]
    private = {"api_visibility": "private"}
    asked = [show.click, text.submit, opened.change]
    chosen = [view.input, layers.input, heads.input, hide.input]
    # One at a time: else the answer to what was asked first could come last.
    gr.on([*asked, *chosen], draw, inputs, drawing, trigger_mode="always_last", **private)
    gr.on(asked, compare, text, compared, trigger_mode="always_last", **private)
    written = {"js": put_in_address("attention", "text", "view"), "show_progress": "hidden"}
    gr.on([show.click, text.submit, view.input], None, [text, view], None, **written, **private)
    return Tab(fields={"text": text, "view": view}, load=load, outputs=[layers, heads, opened])


def comparison(predictor, text: str) -> str:
    """Rollout and attribution of each token, and whether the two agree."""
    # captum takes a moment to import.
    from eval.attribution import attribute

    tokenised = predictor.tokenise(text)
    tokens = len(tokenised.tokens)
    if tokenised.special.all():
        return "<p>The tokenizer leaves nothing of this text: there is nothing to compare.</p>"
    if tokens > MOST_COMPARED:
        return f"<p>The text has {tokens} tokens; the two are compared up to {MOST_COMPARED}.</p>"
    weights = attention_weights(predictor, text)
    found = compare_with_attribution(predictor, text, weights, attribute(predictor, text).scores)
    return f"<p>{verdict(found)}</p>{_table(found)}"


def verdict(found: Comparison) -> str:
    """One or two sentences, as HTML: do rollout and attribution order the tokens alike?"""
    figure = found.agreement
    if figure.value is None:
        return f"With {figure.n} tokens there is nothing to compare."
    correlation = f"rank correlation {figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}], n = {figure.n} tokens"
    if figure.value >= AGREEMENT and figure.low > 0:
        return f"Where the network looks and what moves its answer <strong>agree</strong> ({correlation})."
    looked, moved = (
        escape(displayed(found.tokens[int(np.argmax(scores))])) for scores in (found.rollout, np.abs(found.attribution))
    )
    which = (
        f"Most attention goes to “{looked}”, but “{moved}” moves the answer most."
        if looked != moved
        else f"“{looked}” comes first in both."
    )
    chance = " With so few tokens that may be chance." if figure.high >= AGREEMENT else ""
    return (
        f"Where the network looks and what moves its answer <strong>do not agree</strong> ({correlation}).{chance} "
        f"{which} Attention says where information flows; for why the model answered so, go by the attribution."
    )


def _table(found: Comparison) -> str:
    largest = max(float(np.abs(found.attribution).max()), 1e-9)
    rows = [
        f"<tr><td><bdi>{escape(displayed(token))}</bdi></td>"
        f"<td>{_bar(share / found.rollout.max(), 'share')}</td><td>{share:.1%}</td>"
        f"<td>{_bar(abs(score) / largest, 'positive' if score > 0 else 'negative')}</td>"
        f"<td>{score:+.2f} {'positive' if score > 0 else 'negative'}</td></tr>"
        for token, share, score in zip(found.tokens, found.rollout, found.attribution, strict=True)
    ]
    head = "<tr><th>Token</th><th colspan=2>Attention rollout</th><th colspan=2>Attribution, in logits</th></tr>"
    return f'<div class="wide"><table class="plain rollout">{head}{"".join(rows)}</table></div>' + (
        "<p><small>Rollout: the share of each word in what the classifier reads, through all layers. Attribution: "
        "integrated gradients; its size is what is compared. Special tokens are left out of both.</small></p>"
    )


def _bar(share: float, kind: str) -> str:
    return f'<div class="bar {kind}" style="width: {share:.0%}"></div>'


def _checked(text: str) -> str:
    if not text.strip():
        raise UserError("type a sentence first")
    if len(text) > LONGEST:
        raise UserError(f"the text has {len(text):,} characters: cut it to {LONGEST:,}")
    return text
