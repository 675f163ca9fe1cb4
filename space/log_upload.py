"""A log from elsewhere: given in as a file, judged as the command would, and deleted."""

from html import escape
from pathlib import Path

import gradio as gr

from cli.errors import UserError
from space.batch import MOST_BYTES
from space.friendly import plain_errors

KINDS = [".json", ".jsonl", ".csv", ".tsv", ".txt", ".log"]
EXAMPLES = {
    "Overfitting": "overfitting/trainer_state.json",
    "Vanishing gradients": "vanishing_gradients/gradients.csv",
    "Plateau": "plateau/curves.csv",
}
"""Real logs: `make train` as it is; a deep MLP of sigmoids; the embedded network at a learning rate far too low."""
FOLDER = Path(__file__).parent / "examples"
ORDERS = {"The first one lies next to the input": "input", "The first one lies next to the output": "output"}
ABOUT = (
    "<p>The trainer_state.json of any Hugging Face Trainer, a journal.jsonl, other log rows in JSON, a CSV with a row "
    "a step or epoch (train_loss, eval_loss, any metric), or a CSV of gradient magnitudes by layer. At most "
    f"{MOST_BYTES // 1_000_000} MB; it is judged as <code>python eval/diagnose.py LOG</code> would, and deleted.</p>"
)


def build_upload() -> None:
    """Lay out the upload, its answer and the examples; programs get the answer from `diagnose`."""
    gr.HTML(ABOUT)
    with gr.Row():
        upload = gr.File(label="Log: JSON, JSONL or CSV", file_types=KINDS, min_width=320, height=150, scale=2)
        with gr.Column(min_width=200):
            gr.HTML("<p>Or see what is said of one of these:</p>")
            examples = {path: gr.Button(words, size="sm") for words, path in EXAMPLES.items()}
    problem = gr.HTML(visible=False)
    order = gr.Radio(list(ORDERS.items()), value=None, label="Where do its layers begin?", visible=False)
    diagnosis = gr.HTML(visible=False)
    with gr.Accordion("Incident report", open=False, visible=False) as incident:
        report = gr.HTML()
    with gr.Row(elem_classes="charts"):
        loss = gr.Plot(label="Loss", show_label=False, visible=False)
        metrics = gr.Plot(label="Metrics", show_label=False, visible=False)
    with gr.Row(elem_classes="charts"):
        norms = gr.Plot(label="Gradient norms by layer", show_label=False, visible=False)
        profile = gr.Plot(label="Gradient by layer", show_label=False, visible=False)
    shown = [upload, problem, order, diagnosis, incident, report, loss, metrics, norms, profile]

    def judge(path: str | None, chosen: str | None = None) -> list:
        if not path:
            return [gr.skip()] * len(shown)
        try:
            content = answer(Path(path), chosen)
        except UserError as error:
            problem = gr.HTML(f"<p>{escape(str(error))}</p>", visible=True)
            if chosen is None and "--order" in str(error):
                # The file stays until the question is answered, or Gradio clears up.
                return [gr.skip(), problem, gr.Radio(value=None, visible=True), *_nothing()]
            content = _nothing()
        else:
            problem = gr.HTML(visible=False)
        Path(path).unlink(missing_ok=True)
        return [gr.File(None), problem, gr.Radio(visible=False), *content]

    def show_example(path: str) -> list:
        return [gr.File(None), gr.HTML(visible=False), gr.Radio(visible=False), *answer(FOLDER / path, None)]

    def diagnose(log: str, order: str = "") -> dict:
        """Say what is wrong with a training run by its log, as diagnosis.json holds it.

        Args:
            log: the text of a trainer_state.json, of log rows in JSON or JSON lines, or of a CSV of curves or of
                gradient magnitudes by layer, 2 MB at most
            order: input or output: where the layers of a CSV begin, if it does not tell
        """
        from eval.diagnosis.document import document
        from space.judged import judge_text

        with plain_errors():
            return document(judge_text(log, order).diagnosis)

    # A long log takes a second of computing: one at a time.
    limit = {"concurrency_limit": 1, "concurrency_id": "diagnose"}
    private = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": diagnosis, **limit}
    upload.upload(lambda path: judge(path), upload, shown, **private)
    order.input(judge, [upload, order], shown, **private)
    for path, button in examples.items():
        button.click(lambda path=path: show_example(path), None, shown, **private)
    gr.api(diagnose, api_name="diagnose", **limit)


def answer(path: Path, order: str | None) -> list:
    """The diagnosis of a log and its charts, for the outputs from `diagnosis` on."""
    # Plotly and SciPy take half a second each to import.
    from eval.diagnosis.verdict import OF_GRADIENTS
    from space.charts import loss_chart, metric_chart
    from space.diagnosis_view import diagnosis_html, incident_html
    from space.gradient_charts import norm_chart, profile_chart
    from space.judged import judge_file
    from space.log_lines import axis_of, lines_of, metrics_alike

    judged = judge_file(path, order)
    history, findings = judged.history, judged.diagnosis.findings
    axis, lines, metrics = axis_of(history), lines_of(history), metrics_alike(history)
    kinds = {line["kind"] for line in lines}
    layered = any(finding.name in OF_GRADIENTS for finding in findings)
    return [
        gr.HTML(diagnosis_html(judged), visible=True),
        gr.Accordion(visible=judged.report is not None),
        incident_html(judged.report) if judged.report else "",
        plot((len(history.train) or len(history.validation)) and loss_chart(lines, axis, findings)),
        plot(metrics and metric_chart(lines, axis, findings, metrics)),
        plot("grad_norms" in kinds and norm_chart(lines, findings)),
        plot("grad_norms" in kinds and layered and profile_chart(lines)),
    ]


def plot(figure) -> gr.Plot:
    """A chart, hidden where there is none."""
    return gr.Plot(figure or None, visible=bool(figure))


def _nothing() -> list:
    hidden = gr.Plot(None, visible=False)
    return [gr.HTML(visible=False), gr.Accordion(visible=False), "", hidden, hidden, hidden, hidden]
