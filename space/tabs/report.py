"""What is written about a run: the report of its evaluation and its model card."""

from html import escape

import gradio as gr

from cli.errors import UserError
from eval.run_directory import RunDirectory
from space.documents import framed, markdown_to_html
from space.run_choice import PUT_IN_ADDRESS, filled, run_list
from space.tabs import Tab

TITLE = "Report"
REPORT, CARD = "evaluation report", "model card"
NO_RUN = "No run yet: train one with <code>make train</code>."


def build(clinic) -> Tab:
    """Lay out the tab."""
    with gr.Row():
        run = run_list()
        document = gr.Radio([REPORT, CARD], value=REPORT, label="Document")
    page = gr.HTML()

    def show(name: str | None, document: str) -> str:
        if not name:
            return NO_RUN
        try:
            directory = clinic.run(name)
            return _card(directory) if document == CARD else _report(directory)
        except (UserError, OSError) as error:
            return f"<p>{escape(str(error))}</p>"

    def load(name: str | None, document: str) -> list:
        choice, name = filled(clinic.run_names(), name)
        return [choice, show(name, document)]

    private = {"api_visibility": "private", "show_progress": "minimal"}
    run.input(show, [run, document], page, js=PUT_IN_ADDRESS % "run", **private)
    document.input(show, [run, document], page, **private)
    return Tab(fields={"run": run}, load=load, inputs=[run, document], outputs=[run, page])


def _report(run: RunDirectory) -> str:
    path = run.evaluation / "report.html"
    if not path.is_file():
        return _missing(run, "evaluation report")
    return framed(path.read_text("utf-8", "replace"), f"Evaluation report of {run.path.name}")


def _card(run: RunDirectory) -> str:
    if not run.model_card.is_file():
        return _missing(run, "model card")
    return f'<div class="card">{markdown_to_html(run.model_card.read_text("utf-8", "replace"))}</div>'


def _missing(run: RunDirectory, what: str) -> str:
    name = escape(run.path.name)
    return f"<p>{name} has no {what} yet: <code>python eval/run.py {escape(str(run.path))}</code> writes it.</p>"
