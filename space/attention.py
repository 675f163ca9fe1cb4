"""Attention as a page of its own: bertviz's views, drawn from local files, with nothing to load.

python space/attention.py RUN --text "a film to remember" --view head --out attention.html
"""

import argparse
import html
import importlib.util
import json
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from cli.errors import UserError
from cli.script import run_script

if TYPE_CHECKING:
    from eval.predictor import Predictor

MOST_TOKENS = {"head": 64, "model": 32, "neuron": 24}
"""The tokens that each view draws at most: a line for each pair of tokens and each head is too much for a browser."""

FAINTEST = 0.01
"""The smallest weight that is drawn: a line has its weight as its opacity."""

TEMPLATE = Path(__file__).parent / "static" / "attention.html"
WORD_MARKS = {"Ġ": " ", "▁": " ", "</w>": ""}
LAYER_MENU = '<label>Layer: <select id="layer"></select></label>'
HEAD_MENU = '<label>Head: <select id="att_head"></select></label>'
HINTS = {
    "head": "Hover over a token to see where it looks (left) or who looks at it (right). Each coloured square is a "
    "head: click to switch it, double-click to see it alone.",
    "model": "Each field is one head of one layer: click one to read it.",
    "neuron": "Hover over a token on the left, then click its plus sign to see query, key and their product.",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A whole HTML document that draws one view of one text."""

    html: str
    view: str
    run: str
    """Tells this page from every other one."""
    notes: tuple[str, ...]
    """What the page says of itself, as plain text."""
    height: int
    """About how many pixels it takes."""


def attention_page(
    predictor: "Predictor",
    text: str,
    view: str = "head",
    *,
    layers: Sequence[int] = (),
    heads: Sequence[int] = (),
    hide_special: bool = False,
) -> Page:
    """Draw the attention of a network on one text.

    view: "head", "model" or "neuron". layers, heads: those to show, counted from 0; all by default. Of a long text the
    first MOST_TOKENS[view] tokens are drawn. hide_special: without [CLS], [SEP] and the like; what a token gives to
    the others is then rescaled to sum to one. Raises UserError for an empty text, a layer or head that is not there, a
    network that returns no attention weights, and one whose neurons cannot be shown.
    """
    tokenised = predictor.tokenise(text)
    weights = attention_weights(predictor, text)
    layers = _chosen("layer", layers, len(weights))
    heads = _chosen("head", heads, weights.shape[1])
    notes = [f"{HINTS[view]} Weights under {FAINTEST:.0%} are not drawn."]

    shown = np.flatnonzero(~tokenised.special) if hide_special else np.arange(len(tokenised.tokens))
    if hide_special and len(shown) < len(tokenised.tokens):
        weights, hidden = _without(weights, shown)
        names = " and ".join(dict.fromkeys(np.array(tokenised.tokens)[tokenised.special]))
        notes.append(
            f"Hidden: {names}, to which the other tokens give {hidden:.0%} of their attention. "
            "The rest is rescaled to sum to one."
        )
    if len(shown) > MOST_TOKENS[view]:
        notes.append(
            f"The first {MOST_TOKENS[view]} of {len(shown)} tokens are drawn: the {view} view has a line for every "
            "pair of tokens in every head, and a browser grows slow. Weights are those of the whole text."
        )
    shown, weights = shown[: MOST_TOKENS[view]], weights[..., : MOST_TOKENS[view], : MOST_TOKENS[view]]
    if not len(shown):
        raise UserError("without the special tokens nothing is left to draw")

    tokens = [displayed(tokenised.tokens[place]) for place in shown]
    run = uuid.uuid4().hex
    parameters = {"root_div_id": f"bertviz-{run}"}
    names = {}
    if view == "neuron":
        from eval.queries_keys import queries_and_keys

        drawn = {"attn": weights[layers][:, heads]}
        for key, vectors in zip(("queries", "keys"), queries_and_keys(predictor, text), strict=True):
            drawn[key] = np.stack(vectors)[layers][:, heads][:, :, shown]
        bidirectional = predictor.model.config.model_type != "gpt2"
        parameters |= {"default_filter": "all", "display_mode": "light", "bidirectional": bidirectional}
        names = {"#layer": layers, "#att_head": heads}
    elif view == "model":
        drawn = {"attn": weights[layers][:, heads]}
        # It decides how large a field is: without a floor a single one would fill the page.
        parameters |= {"default_filter": "0", "display_mode": "light", "total_heads": max(len(heads), 4)}
        parameters |= {"include_layers": layers, "include_heads": heads}
    else:
        drawn = {"attn": weights[layers]}
        parameters |= {"default_filter": "0", "layer": layers[0], "heads": heads, "include_layers": layers}
    attention = {key: _thousandths(values) for key, values in drawn.items()}
    attention |= {"left_text": tokens, "right_text": tokens}
    parameters["attention"] = {"all" if view == "neuron" else "0": attention}

    libraries = _libraries()
    page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        bertviz_version=version("bertviz"),
        title=html.escape(f"Attention: {displayed(text[:80])}"),
        run=run,
        view=view,
        notes="\n".join(f"<p>{html.escape(note)}</p>" for note in notes),
        menus={"head": LAYER_MENU, "model": "", "neuron": LAYER_MENU + HEAD_MENU}[view],
        jquery=libraries["jquery"],
        d3=libraries["d3"],
        parameters=script_json(parameters),
        faintest=FAINTEST,
        drawing=libraries[view],
        names=script_json(names),
    )
    # A line of the two lists of tokens, or of a field of the model view.
    heights = {"head": 23 * len(tokens), "model": 84 * len(layers), "neuron": 26 * len(tokens)}
    return Page(page, view, run, tuple(notes), heights[view] + 240)


def frame(page: Page) -> str:
    """The page inside a frame whose scripts see nothing of the page around it."""
    content = html.escape(page.html, quote=True)
    return (
        f'<iframe class="attention {page.view}" id="attention-{page.run}" title="Attention view" '
        f'style="height: {page.height}px" sandbox="allow-scripts" srcdoc="{content}"></iframe>'
    )


def attention_weights(predictor: "Predictor", text: str) -> np.ndarray:
    """(layers, heads, tokens, tokens) float32; raises UserError where a network does not return them."""
    try:
        tokens, layers = predictor.attentions(text)
    except (AttributeError, TypeError, ValueError):
        tokens, layers = (), []
    if not layers or any(layer.shape != (len(layers[0]), len(tokens), len(tokens)) for layer in layers):
        raise UserError(f"this network ({predictor.model.config.model_type}) returns no attention weights")
    weights = np.stack(layers)
    if not np.isfinite(weights).all():
        raise UserError("the attention holds NaN: the weights are broken, or the training diverged")
    return weights


def displayed(token: str) -> str:
    """A token as a person reads it: no word marks, and what has no shape of its own is written as \\u202e."""
    for mark, meaning in WORD_MARKS.items():
        token = token.replace(mark, meaning)
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") else character
        for character in token
    )


def script_json(value) -> str:
    """JSON that can stand in a script: a text cannot end the script, nor begin a comment in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _chosen(kind: str, chosen: Sequence[int], count: int) -> list[int]:
    for number in chosen:
        if not 0 <= number < count:
            raise UserError(f"there is no {kind} {number}: the network has {count}, counted from 0")
    return sorted(set(chosen)) or list(range(count))


def _without(weights: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, float]:
    """Attention among the tokens `shown`, rows rescaled to sum to one, and the share that the others had got."""
    kept = weights[..., shown, :][..., shown]
    sums = kept.sum(axis=-1, keepdims=True)
    hidden = 1 - float(sums.mean()) if sums.size else 0.0
    return kept / np.maximum(sums, 1e-9), hidden


def _thousandths(values: np.ndarray) -> list:
    return np.rint(values * 1000).astype(int).tolist()


@cache
def _libraries() -> dict[str, str]:
    """The scripts of the page, read from the installed packages without importing them."""
    files = {"d3": ("mpld3", "js/d3.v5.min.js"), "jquery": ("xstatic.pkg.jquery", "data/jquery.slim.min.js")}
    files |= {view: ("bertviz", f"{view}_view.js") for view in MOST_TOKENS}
    libraries = {}
    for name, (package, path) in files.items():
        found = importlib.util.find_spec(package)
        if found is None:
            raise UserError(f"the package {package} is missing: pip install -r requirements.txt")
        libraries[name] = (Path(found.submodule_search_locations[0]) / path).read_text(encoding="utf-8")
        # bertviz writes its data into the script, once in a comment; ours stands before it.
        libraries[name] = libraries[name].replace("PYTHON_PARAMS", "window.bertviz_params")
    return libraries


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python space/attention.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="RUN", help="a run, a folder or a Hub id")
    parser.add_argument("--text", required=True)
    parser.add_argument("--view", choices=list(MOST_TOKENS), default="head")
    parser.add_argument("--layers", type=int, nargs="+", default=[], metavar="N", help="counted from 0; default: all")
    parser.add_argument("--heads", type=int, nargs="+", default=[], metavar="N", help="counted from 0; default: all")
    parser.add_argument("--hide_special", action="store_true", help="leave out [CLS], [SEP] and the like")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    args = parser.parse_args()

    from eval.predictor import Predictor
    from eval.run_directory import write_text

    page = attention_page(
        Predictor.load(args.model, threads=1),
        args.text,
        args.view,
        layers=args.layers,
        heads=args.heads,
        hide_special=args.hide_special,
    )
    write_text(args.out, page.html)
    print(*page.notes, f"written to {args.out}", sep="\n")


if __name__ == "__main__":
    run_script(main)
