"""What the model says to a sentence and why, and what it says to many."""

import asyncio
import zlib
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from cli.errors import UserError
from data.checks import LABEL_NAMES
from eval.calibration import ACCEPTED_ERROR, apply_temperature
from eval.predictor import Predictions, Predictor
from space.address import put_in_address
from space.attention import displayed
from space.batch import LONGEST, MOST_BYTES, MOST_ROWS, has_something, read_lines, read_upload, write_csv
from space.coalescing import Coalescer
from space.evidence import HOW_TO_GET_IT, evidence_html
from space.friendly import friendly_errors, plain_errors
from space.tabs import Tab

if TYPE_CHECKING:
    from eval.attribution import Attribution
    from space.clinic import Calibration

TITLE = "Predict"
METHODS = {"integrated_gradients": "Integrated gradients", "gradient_x_input": "Gradient × input"}
EXAMPLES = [
    "The film is slow at first, but the cast is wonderful.",
    "Not bad at all.",
    "I wanted to like it, I really did.",
    "A masterpiece of boredom.",
    "Neither funny nor sad, just there.",
]
ROWS_AT_ONCE = 256
MOST_SCORED = 128
"""Tokens that are scored one by one; 512 of them would take a quarter of a minute."""
COLUMNS = ["Text", "Label", "Probability", "Remark"]
FAINT = 0.05
"""A token with less than this share of the largest score is left without its figure."""

DOWNLOAD = """(csv) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], {type: "text/csv;charset=utf-8"}));
  link.download = "predictions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return [];
}"""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is said of one text."""

    label: str
    """NEGATIVE or POSITIVE."""
    probability: float
    """Of that label, calibrated where the model was evaluated."""
    raw_probabilities: dict[str, float]
    """Of each label, as the network gives them."""
    not_sure: bool
    """The probability is below the threshold of the evaluation."""
    truncated: bool
    """The text is longer than the network reads."""
    tokens: int
    unknown_tokens: int


def build(clinic) -> Tab:
    """Lay out the tab, and open predict and explain to programs."""
    text = gr.Textbox(label="Sentence", placeholder="A sentence about a film", lines=1, max_lines=6, max_length=LONGEST)
    ask = gr.Button("Predict", variant="primary")
    examples = gr.Examples(EXAMPLES, text, label="Or try one of these", cache_examples=False, api_visibility="private")
    answer = gr.HTML(elem_classes="answer")
    evidence = gr.HTML()
    why = gr.HTML()
    with gr.Accordion("Many sentences at once", open=False):
        gr.Markdown(
            f"Paste lines, or upload a CSV with a column `text` or a TXT: {MOST_BYTES // 1_000_000} MB and "
            f"{MOST_ROWS:,} texts at most."
        )
        with gr.Row():
            lines = gr.Textbox(label="One sentence a line", lines=6, max_lines=12, min_width=320)
            upload = gr.File(label="CSV or TXT", file_types=[".csv", ".txt"], min_width=320, height=190)
        ask_all = gr.Button("Predict all", variant="primary")
        summary = gr.HTML()
        table = gr.Dataframe(
            headers=COLUMNS,
            datatype=["str", "str", "number", "str"],
            label="Answers: ⋮ beside a column's name sorts",
            column_widths=[360, 110, 120, 130],
            wrap=True,
            interactive=False,
            max_height=500,
            elem_classes="answers",
            visible=False,
        )
        download = gr.Button("Download as CSV", visible=False)
        # What the page saves: no file is made on the server.
        saved = gr.Textbox(visible=False)

    served = Served(clinic)

    async def predict(text: str) -> dict:
        """The sentiment of an English text.

        Args:
            text: the text, up to 20,000 characters.

        Returns:
            label (NEGATIVE or POSITIVE), probability (of that label, calibrated where the model was evaluated),
            raw_probabilities (of each label), not_sure (true below the threshold of the evaluation), truncated (true
            where the text is longer than the model reads), tokens and unknown_tokens (how many).
        """
        with plain_errors():
            return asdict(await served.predict(text))

    def explain(text: str, method: str = "integrated_gradients") -> dict:
        """What each token of a text adds to the model's answer.

        Args:
            text: the text, up to 20,000 characters.
            method: integrated_gradients or gradient_x_input.

        Returns:
            method, tokens (the first 128 at most), truncated (true where the text has more), scores (in logits; above 0
            speaks for POSITIVE), and the faithfulness by deletion: masked (how many tokens), comprehensiveness (how far
            the raw probability of the answer falls when those that speak most for it are masked) and
            random_comprehensiveness (when as many random ones are).
        """
        with plain_errors():
            found, truncated = served.attribution(text, method)
        return {
            "method": found.method,
            "tokens": list(found.tokens),
            "truncated": truncated,
            "scores": found.scores.tolist(),
            "masked": found.masked,
            "comprehensiveness": found.comprehensiveness,
            "random_comprehensiveness": found.random_comprehensiveness,
        }

    async def show(text: str) -> str:
        try:
            said = answer_html(await served.predict(text), served.calibration)
            # Two texts may get the same answer: what follows it would stay the first one's.
            return f'<div data-text="{zlib.crc32(text.encode())}">{said}</div>'
        except UserError as error:
            # In place of the last answer, which was to another text.
            return f'<p role="alert"><strong>{escape(str(error))}</strong></p>'

    async def opened(text: str | None):
        return await show(text) if (text or "").strip() else gr.skip()

    def show_evidence(text: str) -> str:
        if _refused(text):
            return ""
        with friendly_errors():
            return served.evidence_html(text)

    def show_why(text: str) -> Iterator[str]:
        if _refused(text):
            yield ""
            return
        parts = [_heading()]
        for method in METHODS:
            with friendly_errors():
                found, truncated = served.attribution(text, method)
            if truncated and len(parts) == 1:
                parts.append(_cut(len(found.tokens)))
            parts.append(attribution_html(found))
            yield "".join(parts)

    def show_all(lines: str, path: str | None, progress=gr.Progress()):  # noqa: B008
        with friendly_errors():
            read = read_upload(path) if path else read_lines(_short_enough(lines))
            predictions = []
            for start in range(0, len(read.texts), ROWS_AT_ONCE):
                progress((start, len(read.texts)), desc="Predicting", unit="texts")
                predictions += served.predict_many(read.texts[start : start + ROWS_AT_ONCE])
        rows = [
            [text, each.label, round(each.probability, 4), "; ".join(_remarks(each))]
            for text, each in zip(read.texts, predictions, strict=True)
        ]
        told = f"<p>{escape(_counts(predictions))} {escape(read.note)}</p>"
        exported = [
            [text, each.label, f"{each.probability:.6f}", each.not_sure, each.truncated, each.unknown_tokens]
            for text, each in zip(read.texts, predictions, strict=True)
        ]
        header = ["text", "label", "probability", "not_sure", "truncated", "unknown_tokens"]
        return [told, gr.Dataframe(rows, visible=True), gr.Button(visible=True), write_csv(header, exported)]

    private = {"api_visibility": "private"}
    # Not through the queue: that makes two requests and some polling of one.
    direct = {"queue": False, "show_progress": "hidden", **private}
    gr.on([ask.click, text.submit], show, text, answer, **direct)
    examples.load_input_event.success(show, text, answer, **direct)
    # The answer stands there at once; what takes longer follows.
    answer.change(None, text, None, js=put_in_address("predict", "text"), show_progress="hidden", **private)
    later = {"trigger_mode": "always_last", "concurrency_limit": 2, **private}
    answer.change(show_evidence, text, evidence, show_progress="hidden", **later)
    # Two, so that a short text need not wait for a long one.
    limit = {"concurrency_limit": 2, "concurrency_id": "explain"}
    answer.change(show_why, text, why, trigger_mode="always_last", **limit, **private)
    ask_all.click(show_all, [lines, upload], [summary, table, download, saved], concurrency_limit=1, **private)
    download.click(None, saved, None, js=DOWNLOAD, **private)
    gr.api(predict, api_name="predict", queue=False, concurrency_limit=None)
    gr.api(explain, api_name="explain", **limit)
    return Tab(fields={"text": text}, load=opened, inputs=[text], outputs=[answer])


class Served:
    """The served model with its calibration; loaded again once it is trained again."""

    def __init__(self, clinic):
        self._clinic = clinic
        # Kept here: the clinic's own lock is held while it loads another model. One tuple, so that no other request
        # sees a network with the time of another.
        self._loaded = None, 0
        self._coalescer = Coalescer(lambda texts: self._judged(self._loaded[0], texts))

    @property
    def predictor(self) -> Predictor:
        if self._outdated():
            # The time first: weights that come while it loads are seen by the next request.
            written = self._clinic.written
            self._loaded = self._clinic.predictor(), written
        return self._loaded[0]

    @property
    def calibration(self) -> "Calibration":
        return self._clinic.calibration()

    async def predict(self, text: str) -> Prediction:
        """What the model says to one text; those that come at the same time share a batch."""
        text = checked(text)
        if self._outdated():
            # Not on the event loop, where others wait.
            await asyncio.to_thread(lambda: self.predictor)
        return await self._coalescer.ask(text)

    def predict_many(self, texts: Sequence[str]) -> list[Prediction]:
        """What the model says to many texts."""
        return self._judged(self.predictor, texts)

    def evidence_html(self, text: str) -> str:
        """What the training sentences say to the answer to a text; how to get them where there are none."""
        # The network first: what was kept of other weights than those on the disk is none.
        predictor, evidence, calibration = self.predictor, self._clinic.evidence(), self.calibration
        if evidence is None:
            return HOW_TO_GET_IT if self._clinic.serves_run else ""
        found = predictor.predict([text], states=True)
        (said,) = judged(found, calibration)
        support = evidence.support(found.probabilities[0], found.states[0])
        return evidence_html(support, said.label, said.probability, calibrated=calibration.fitted)

    def attribution(self, text: str, method: str) -> tuple["Attribution", bool]:
        """The scores of a text's first 128 tokens, and whether it has more."""
        # Captum takes half a second to import.
        from eval.attribution import attribute

        if not isinstance(method, str):
            raise UserError(f"the method must be a string, not {type(method).__name__}")
        if method not in METHODS:
            raise UserError(f"the method is {method[:40]!r}: it is integrated_gradients or gradient_x_input")
        text = checked(text)
        # Reads less of a text, with the same network and tokenizer.
        shorter = copy(self.predictor)
        most = min(shorter.max_length, MOST_SCORED)
        shorter.max_length = most + 1
        truncated = len(shorter.tokenise(text).tokens) > most
        shorter.max_length = most
        return attribute(shorter, text, method), truncated

    def _outdated(self) -> bool:
        """Whether there are weights on the disk that are not in memory; those in memory outlive a deleted file."""
        predictor, written = self._loaded
        return predictor is None or self._clinic.written not in (0, written)

    def _judged(self, predictor: Predictor, texts: Sequence[str]) -> list[Prediction]:
        return judged(predictor.predict(texts), self.calibration)


def _refused(text: object) -> bool:
    """Whether a text has been answered with what is wrong with it."""
    return not isinstance(text, str) or not has_something(text) or len(text) > LONGEST


def checked(text: str | None) -> str:
    """The text; UserError where there is none, or too much of it."""
    if not isinstance(text, str):
        raise UserError(f"the text must be a string, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise UserError(f"the text has {len(text):,} characters: cut it to {LONGEST:,}")
    if not has_something(text):
        raise UserError("type a sentence first")
    return text


def judged(predictions: Predictions, calibration: "Calibration") -> list[Prediction]:
    """Label, calibrated probability and remarks of each row."""
    calibrated = apply_temperature(predictions.probabilities, calibration.temperature)
    threshold = calibration.abstention_threshold or 0
    found = []
    for raw, probabilities, tokens, truncated, unknown in zip(
        predictions.probabilities,
        calibrated,
        predictions.tokens,
        predictions.truncated,
        predictions.unknown,
        strict=True,
    ):
        label = int(raw.argmax())
        probability = float(probabilities[label])
        raw = dict(zip(LABEL_NAMES, map(float, raw), strict=True))
        not_sure = probability < threshold
        found.append(
            Prediction(LABEL_NAMES[label], probability, raw, not_sure, bool(truncated), int(tokens), int(unknown))
        )
    return found


def answer_html(prediction: Prediction, calibration: "Calibration") -> str:
    """The answer to one text."""
    label, probability = prediction.label, prediction.probability
    threshold = calibration.abstention_threshold
    raw = prediction.raw_probabilities[label]
    verdict = f"Not sure: rather {label}" if prediction.not_sure else label
    kind = "unsure" if prediction.not_sure else label.lower()
    notes = []
    if prediction.not_sure:
        notes.append(
            f"Below {threshold:.1%} the model is not sure: of its surer answers to the validation rows, more than "
            f"{1 - ACCEPTED_ERROR:.0%} were right."
        )
    if calibration.fitted:
        notes.append(
            f"The probability is calibrated: of answers that get {probability:.1%}, about that share is right; raw, "
            f"the network says {raw:.1%}."
        )
    else:
        notes.append(
            "The probability is raw, and may be too sure of itself: evaluate the run with "
            "<code>python eval/run.py</code> to have it calibrated."
        )
    if read := _reading(prediction):
        notes.append(f"<strong>{read}</strong>")
    return (
        f'<div class="verdict {kind}"><span>{verdict}</span><span>{probability:.1%}</span></div>'
        f'<div class="gauge {kind}" role="img" aria-label="{probability:.1%} {label}">'
        f'<div style="width: {probability:.1%}"></div></div>'
        f"<p>{' '.join(notes)}</p>"
    )


def attribution_html(found: "Attribution") -> str:
    """The tokens of a text with their scores: a tint and a sign each, and how far they can be believed."""
    if not found.masked:
        return f"<h4>{METHODS[found.method]}</h4><p>The tokenizer leaves nothing of this text to score.</p>"
    largest = max(float(np.abs(found.scores).max()), 1e-9)
    tokens = "".join(_token(token, score, largest) for token, score in zip(found.tokens, found.scores, strict=True))
    masked = "the token that speaks" if found.masked == 1 else f"the {found.masked} tokens that speak"
    random = "a random one" if found.masked == 1 else f"{found.masked} random ones"
    better = found.comprehensiveness > found.random_comprehensiveness
    return (
        f"<h4>{METHODS[found.method]}</h4>"
        f'<p class="tokens">{tokens}</p>'
        f"<p><small>Faithfulness: without {masked} most for the answer, its probability changes by "
        f"{_signed(-found.comprehensiveness)}; without {random}, by {_signed(-found.random_comprehensiveness)} on "
        f"average{'' if better else ': these scores tell nothing here'}.</small></p>"
    )


def _token(token: str, score: float, largest: float) -> str:
    share = abs(score) / largest
    shown = f"<bdi>{escape(displayed(token))}</bdi>"
    if share < FAINT:
        return f"<span>{shown}</span> "
    kind, label = ("positive", LABEL_NAMES[1]) if score > 0 else ("negative", LABEL_NAMES[0])
    figure = _signed(score)
    return (
        f'<span class="{kind}" style="--share: {share:.0%}" title="{figure} for {LABEL_NAMES[1]}: speaks for {label}">'
        f"{shown}<sub>{figure}</sub></span> "
    )


def _signed(figure: float) -> str:
    # A minus as wide as the plus.
    return f"{figure:+.2f}".replace("-", "−")


def _heading() -> str:
    return (
        "<h3>Why</h3><p>Green with <strong>+</strong> speaks for POSITIVE, red with <strong>−</strong> for NEGATIVE; "
        "the deeper the colour, the more. Figures are logits.</p>"
    )


def _cut(tokens: int) -> str:
    return f"<p><strong>Only the first {tokens} tokens are scored, as if the text ended there.</strong></p>"


def _reading(prediction: Prediction) -> str:
    """What the model could not read, in one sentence; nothing where it read all."""
    parts = []
    if prediction.truncated:
        parts.append(f"the text is too long: only its first {prediction.tokens} tokens were read")
    if prediction.unknown_tokens:
        some = "1 token is" if prediction.unknown_tokens == 1 else f"{prediction.unknown_tokens} tokens are"
        parts.append(f"{some} unknown to the model, which reads [UNK] instead")
    sentence = ", and ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _remarks(prediction: Prediction) -> list[str]:
    remarks = ["not sure"] * prediction.not_sure + ["cut"] * prediction.truncated
    return remarks + [f"{prediction.unknown_tokens} unknown"] * bool(prediction.unknown_tokens)


def _counts(predictions: Sequence[Prediction]) -> str:
    counts = [f"{sum(each.label == label for each in predictions):,} {label}" for label in LABEL_NAMES[::-1]]
    unsure = sum(each.not_sure for each in predictions)
    texts = "1 text" if len(predictions) == 1 else f"{len(predictions):,} texts"
    return f"{texts}: {', '.join(counts)}" + (f"; the model is not sure of {unsure:,}." if unsure else ".")


def _short_enough(lines: str | None) -> str:
    if not (lines or "").strip():
        raise UserError("paste some lines or upload a file first")
    if len(lines) > MOST_BYTES:
        raise UserError(f"{len(lines):,} characters are too many: split them, {MOST_BYTES:,} at most")
    return lines
