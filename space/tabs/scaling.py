"""What runs of several sizes say of larger ones: a law with its uncertainty, a prediction, and the use of a budget."""

from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr

from cli.errors import UserError
from space.address import put_in_address
from space.batch import MOST_BYTES
from space.friendly import plain_errors
from space.log_upload import plot
from space.scaling_questions import LONGEST, RESAMPLES, Questions, analysis_of, read_questions
from space.scaling_tables import MOST_RUNS, Chosen, example_choices, example_table, read_text, read_upload
from space.tabs import Tab
from space.texts import text_html

TITLE = "Scaling"
KINDS = [".csv", ".tsv", ".txt"]
ABOUT = (
    "<p>A CSV with a row a run, four or more: parameters, tokens, compute (FLOP or PF-days) and loss, with cells such "
    f"as 10B or 1e21. At most {MOST_BYTES // 1_000_000} MB and {MOST_RUNS:,} runs; it is analysed as <code>python "
    f"eval/scaling.py TABLE</code> would, with {RESAMPLES} resamples, and deleted.</p>"
)
NOTHING_HERE = "upload a table, or pick one"


def build(clinic) -> Tab:
    """Lay out the tab, and open scaling to programs."""
    examples = example_choices()
    gr.HTML(ABOUT)
    with gr.Row():
        upload = gr.File(label="Table: CSV", file_types=KINDS, min_width=320, height=150, scale=2)
        table = gr.Radio(examples, label="Or one of these", min_width=240, visible=bool(examples))
    with gr.Row():
        typed = {"max_length": LONGEST, "max_lines": 1}
        budget = gr.Textbox(label="Budget", placeholder="20PFd or 1e21", min_width=240, **typed)
        n = gr.Textbox(label="Parameters N", placeholder="10B", min_width=120, **typed)
        d = gr.Textbox(label="Tokens D", placeholder="1T", min_width=120, **typed)
    ask = gr.Button("Ask", variant="primary")
    status = gr.HTML(visible=False)
    answer = gr.HTML(visible=False)
    with gr.Row(elem_classes="charts"):
        fit = gr.Plot(label="Fit", show_label=False, visible=False)
        residuals = gr.Plot(label="Residuals", show_label=False, visible=False)
    plane = gr.Plot(label="Parameters and tokens", show_label=False, visible=False)
    law = gr.HTML(visible=False)
    current = gr.State(None)
    opened = gr.State(False)
    asked = [budget, n, d]
    shown = [upload, table, current, status, answer, fit, residuals, plane, law]

    def show(read: Callable[[], Chosen | None], key: str | None, *typed: str) -> Iterator[list]:
        """What is said of a table, which is an example if it has a key; first that the work has begun."""
        chosen = None
        try:
            chosen = read()
            if chosen is None:
                raise UserError(NOTHING_HERE)
            picked = [gr.File(None), gr.Radio(value=key), chosen]
            questions = read_questions(*typed)
            yield [*picked, gr.HTML(working(chosen), visible=True), *[gr.skip()] * 5]
            yield [*picked, gr.HTML(visible=False), *content(chosen, questions)]
        except UserError as error:
            yield [gr.File(None), gr.Radio(value=key), chosen, problem(error), *_nothing()]

    def show_upload(path: str | None, *typed: str) -> Iterator[list]:
        if path:
            yield from show(lambda: read_upload(Path(path)), None, *typed)
        else:
            yield [gr.skip()] * len(shown)

    def show_example(key: str | None, *typed: str) -> Iterator[list]:
        key = key or next((here for _, here in examples), None)
        yield from show(lambda: key and example_table(key), key, *typed)

    def show_again(chosen: Chosen | None, key: str | None, *typed: str) -> Iterator[list]:
        yield from show(lambda: chosen, key, *typed)

    def scaling(table: str, budget: str = "", n: str = "", d: str = "") -> dict:
        """Fit scaling laws to a table of runs, and say what it can and what it cannot answer.

        Args:
            table: the text of a CSV with a row a run: parameters, tokens, compute and loss; 2 MB and 1,000 runs at most
            budget: a compute to be used best, such as 20PFd or 1e21
            n: parameters of a run whose loss is asked for, such as 10B; with d
            d: its tokens, such as 1T
        """
        with plain_errors():
            return analysis_of(read_text(table), read_questions(budget, n, d))

    # It takes some seconds of computing: one at a time.
    limit = {"concurrency_limit": 1, "concurrency_id": "scaling"}
    private = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": status, **limit}
    events = [
        upload.upload(show_upload, [upload, *asked], shown, **private),
        table.input(show_example, [table, *asked], shown, **private),
        gr.on([ask.click, *(field.submit for field in asked)], show_again, [current, table, *asked], shown, **private),
        opened.change(show_example, [table, *asked], shown, **private),
    ]
    for event in events[:-1]:
        keep = put_in_address("scaling", "table", "budget", "n", "d")
        event.success(None, [table, *asked], None, js=keep, api_visibility="private", show_progress="hidden")
    gr.api(scaling, api_name="scaling", **limit)
    fields = {"table": table, "budget": budget, "n": n, "d": d}
    # Opening the tab for the first time changes `opened`, which shows an example.
    return Tab(fields=fields, load=lambda: True, outputs=[opened])


def content(chosen: Chosen, questions: Questions) -> list:
    """The analysis of a table, for the outputs from `answer` on."""
    # Plotly and SciPy take half a second each to import.
    from space.scaling_charts import fit_chart, plane_chart, residual_chart
    from space.scaling_view import answer_html, law_html

    data = analysis_of(chosen, questions)
    return [
        gr.HTML(answer_html(data, chosen.name), visible=True),
        plot(fit_chart(data)),
        plot(residual_chart(data)),
        plot(plane_chart(data)),
        gr.HTML(law_html(data), visible=True),
    ]


def working(chosen: Chosen) -> str:
    """What is being done meanwhile."""
    return (
        f'<p role="status">Working: laws are fitted to the {len(chosen.table):,} runs of {text_html(chosen.name)}, and '
        f"to {RESAMPLES} resamples of them. It takes some seconds, seldom half a minute.</p>"
    )


def problem(error: UserError) -> gr.HTML:
    """What is wrong, in one line."""
    return gr.HTML(f'<p role="alert"><strong>{text_html(str(error))}</strong></p>', visible=True)


def _nothing() -> list:
    hidden = gr.Plot(None, visible=False)
    return [gr.HTML(visible=False), hidden, hidden, hidden, gr.HTML(visible=False)]
