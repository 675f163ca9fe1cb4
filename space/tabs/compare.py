"""Two models side by side: on a sentence, and on the test rows."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from cli.errors import UserError
from data.checks import LABEL_NAMES
from eval.calibration import apply_temperature
from eval.comparison import Disagreement, Verdict, disagreements, judge_accuracies, mcnemar, paired_differences
from eval.markup import estimate
from eval.metrics import Estimate, classification_metrics
from space.clinic import Calibration
from space.friendly import friendly_errors
from space.run_choice import PUT_IN_ADDRESS, elided, filled, run_list
from space.tabs import Tab

if TYPE_CHECKING:
    from eval.subject import Subject

TITLE = "Compare"
SERVED = "the served model"
"""What the served model is called where it is none of the runs."""
LONGEST = 20_000
"""Characters of a sentence; more than any network reads."""
ROWS_AT_ONCE = 128
SHOWN = 50
"""Rows in the table of disagreements."""

TOO_FEW = "There is one model here: train a second run, with another <code>--output_dir</code>, to compare the two."


def build(clinic) -> Tab:
    """Lay out the tab."""
    with gr.Row():
        this, other = run_list("This model"), run_list("The other model")
    hint = gr.HTML(visible=False)
    text = gr.Textbox(label="Sentence", placeholder="A sentence about a film", max_length=LONGEST)
    with gr.Row():
        ask = gr.Button("Compare on the sentence", variant="primary")
        score = gr.Button("Compare on the test rows")
    answers = gr.HTML()
    result = gr.HTML()
    chart = gr.Plot(label="Both models on each test row", show_label=False, visible=False)

    def load(this: str | None, other: str | None, text: str | None) -> list:
        names = model_names(clinic)
        this_list, this = filled(names, this)
        other_list, other = filled(names, other, without=this)
        few = len(names) < 2
        told = gr.skip()
        if (text or "").strip() and not few:
            try:
                told = sentence_table(clinic, *_two(this, other), text)
            except UserError as error:
                told = f"<p>{escape(str(error))}.</p>"
        buttons = [gr.Button(interactive=not few)] * 2
        return [this_list, other_list, gr.HTML(TOO_FEW, visible=few), *buttons, told]

    def compare_sentence(this: str | None, other: str | None, text: str | None) -> str:
        with friendly_errors():
            return sentence_table(clinic, *_two(this, other), text)

    def compare_rows(this: str | None, other: str | None, progress=gr.Progress()) -> list:  # noqa: B008
        with friendly_errors():
            return score_rows(clinic, *_two(this, other), progress)

    private = {"api_visibility": "private"}
    for name, component in (("this", this), ("other", other)):
        component.input(None, component, None, js=PUT_IN_ADDRESS % name, **private)
    gr.on([ask.click, text.submit], compare_sentence, [this, other, text], answers, **private)
    score.click(compare_rows, [this, other], [result, chart], concurrency_limit=1, **private)
    fields = {"this": this, "other": other, "text": text}
    return Tab(fields=fields, load=load, inputs=[this, other, text], outputs=[this, other, hint, ask, score, answers])


def model_names(clinic) -> list[str]:
    """What may be compared, the served model first, then the trained runs from the newest on."""
    names = clinic.run_names(trained=True)
    served = Path(clinic.model).resolve()
    name = served.name if served.parent == clinic.runs.resolve() and served.name in names else SERVED
    return [name, *(each for each in names if each != name)]


def sentence_table(clinic, this: str, other: str, text: str | None) -> str:
    """What both say to a sentence."""
    if not (text or "").strip():
        raise UserError("type a sentence first")
    if len(text) > LONGEST:
        raise UserError(f"the sentence has {len(text):,} characters: cut it to {LONGEST:,}")
    rows, answers = [], []
    for name in (this, other):
        run = _run_name(name)
        calibration = clinic.calibration(run)
        predictions = clinic.predictor(run).predict([text])
        positive = apply_temperature(predictions.probabilities, calibration.temperature)[0, 1]
        label = int(positive > 0.5)
        unsure = max(positive, 1 - positive) < (calibration.abstention_threshold or 0)
        answers.append((label, positive))
        told = (("not sure", unsure), ("cut to what it reads", predictions.truncated[0]))
        notes = [note for note, holds in told if holds]
        behind = f" ({', '.join(notes)})" if notes else ""
        rows.append([escape(elided(name)), LABEL_NAMES[label] + behind, f"{positive:.3f} ({_kind(calibration)})"])
    (first, one), (second, two) = answers
    if first == second:
        verdict = f"Both say {LABEL_NAMES[first]}; their probabilities of POSITIVE differ by {one - two:+.3f}."
    else:
        verdict = f"They disagree: {LABEL_NAMES[first]} against {LABEL_NAMES[second]}, {one - two:+.3f} of probability."
    return f"<p><strong>{verdict}</strong></p>" + _table(["Model", "Label", "Probability of POSITIVE"], rows)


def score_rows(clinic, this: str, other: str, progress) -> list:
    """Both on the test rows of the first one that is a run: the verdict, the metrics and where they disagree."""
    # Plotly takes half a second to import.
    from space.charts import agreement_chart

    progress(0, desc="Loading both models")
    subjects = load_both(clinic, this, other)
    corpus = subjects[0].corpus
    texts, labels = corpus.test["text"][:], np.array(corpus.test["label"][:])
    raw = []
    for number, (name, subject) in enumerate(zip((this, other), subjects, strict=True)):
        parts = []
        for start in range(0, len(texts), ROWS_AT_ONCE):
            progress((number * len(texts) + start, 2 * len(texts)), desc=f"Asking {name}", unit="rows")
            parts.append(subject.predict(texts[start : start + ROWS_AT_ONCE]).probabilities)
        raw.append(np.concatenate(parts))
    progress(1.0, desc="Comparing")
    calibrations = [clinic.calibration(_run_name(name)) for name in (this, other)]
    calibrated = [
        apply_temperature(probabilities, calibration.temperature)
        for calibration, probabilities in zip(calibrations, raw, strict=True)
    ]
    # Charts and tables have no room for more.
    one, two = elided(this), elided(other)
    chart = agreement_chart(texts, labels, *calibrated, one, two)
    one, two = escape(one), escape(two)
    found = mcnemar(*(probabilities.argmax(axis=1) == labels for probabilities in raw))
    differences = paired_differences(*raw, labels)
    different = int((raw[0].argmax(axis=1) != raw[1].argmax(axis=1)).sum())
    html = [
        f"<p><strong>{verdict_sentence(judge_accuracies(found), differences['accuracy'], one, two)}</strong></p>",
        f"<p>Of {found.n:,} test rows of {escape(corpus.name)}, only {one} is right on {found.only_this:,}, only {two} "
        f"on {found.only_other:,} (McNemar's exact test, p = {found.p:.2g}).</p>",
        _metrics_table(one, two, [classification_metrics(probabilities, labels) for probabilities in raw], differences),
        _disagreements(one, two, calibrations, different, disagreements(texts, *calibrated, labels, limit=SHOWN)),
    ]
    return ["".join(html), gr.Plot(chart, visible=True)]


def load_both(clinic, this: str, other: str) -> tuple["Subject", "Subject"]:
    """Both models with the corpus of the first one that is a run: a model of the Hub knows none."""
    # With the `datasets` package, which only a comparison on a corpus needs.
    from eval.subject import load_subject, run_of

    sources = [clinic.model if _run_name(name) is None else str(clinic.run(name).path) for name in (this, other)]
    if run_of(sources[0]):
        subject = load_subject(sources[0], against=sources[1])
        return subject, subject.other
    subject = load_subject(sources[1], against=sources[0])
    return subject.other, subject


def verdict_sentence(verdict: Verdict, difference: Estimate, this: str, other: str) -> str:
    """The verdict in words; the names must be escaped."""
    points = (
        f"{100 * difference.value:+.1f} points of accuracy [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    )
    if verdict.kind in ("better", "worse"):
        return f"{this} is {verdict.kind} than {other}: {points}."
    if verdict.kind == "same":
        return f"{this} is as accurate as {other}, within {100 * verdict.bound:.1f} points."
    # Two significant digits: the estimate has no more.
    rows = verdict.rows_needed and round(verdict.rows_needed, 2 - len(str(verdict.rows_needed)))
    needed = f"; about {rows:,} would be needed" if rows else ""
    return f"{difference.n:,} rows cannot tell whether {this} or {other} is more accurate ({points}){needed}."


def _metrics_table(this: str, other: str, metrics: Sequence[dict], differences: dict[str, Estimate]) -> str:
    rows = [
        [name.replace("_", " "), *(f"{each[name]:.3f}" for each in metrics), estimate(asdict(figure))]
        for name, figure in differences.items()
    ]
    told = "<p>Raw probabilities; a lower log loss is better. Intervals: 95%, paired bootstrap over rows.</p>"
    return _table(["Metric", this, other, "Difference"], rows) + told


def _disagreements(
    this: str, other: str, calibrations: Sequence[Calibration], different: int, rows: Sequence[Disagreement]
) -> str:
    if not rows:
        return "<p>They give the same class to every row.</p>"
    first = f"; the {len(rows)} that lie farthest apart" if different > len(rows) else ""
    cells = [
        [
            f'<div class="text">{escape(row.text)}</div>',
            LABEL_NAMES[row.label],
            f"{row.this:.3f}",
            f"{row.other:.3f}",
            this if _right(row) else other,
        ]
        for row in rows
    ]
    title = f"<p>They disagree on {different:,} rows{first}. Probabilities of POSITIVE:</p>"
    names = [f"{name} ({_kind(each)})" for name, each in zip((this, other), calibrations, strict=True)]
    return title + _table(["Text", "Given label", *names, "Right"], cells)


def _kind(calibration: Calibration) -> str:
    return "calibrated" if calibration.fitted else "raw"


def _right(row: Disagreement) -> bool:
    return (row.this > 0.5) == (row.label == 1)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _two(this: str | None, other: str | None) -> tuple[str, str]:
    if not this or not other:
        raise UserError("choose two models first")
    if this == other:
        raise UserError("choose two different models")
    return this, other


def _run_name(name: str) -> str | None:
    """The run that a name of the lists means; None for the served model."""
    return None if name == SERVED else name
