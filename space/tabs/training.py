"""What happened in a run and what is wrong with it, as charts and a diagnosis; logs from elsewhere are judged too."""

import math
import time
from html import escape

import gradio as gr

from cli.errors import UserError
from eval.run_directory import RunDirectory, is_being_trained, read_journal, read_metrics
from space.log_upload import build_upload, plot
from space.run_choice import PUT_IN_ADDRESS, filled, run_list
from space.tabs import Tab
from space.tour import build_tour

TITLE = "Training"
REFRESH = 5.0
"""Seconds between two looks at a run that is under way."""
SILENCE = 600.0
"""Seconds without a line in the journal that are worth a word; without a lock to ask, the run counts as dead."""

NO_RUN = "No run yet: train one with <code>make train</code>."
TELL_TAB = "(name, axis, seen, tab) => [name, axis, seen, new URL(location).searchParams.get('tab')]"


def build(clinic) -> Tab:
    """Lay out the tab, and open diagnose to programs."""
    with gr.Tab("Runs"):
        tab = _build_runs(clinic)
    with gr.Tab("A log from elsewhere"):
        build_upload()
    with gr.Tab("Tour"):
        build_tour()
    return tab


def _build_runs(clinic) -> Tab:
    with gr.Row():
        run = run_list()
        axis = gr.Radio(["step", "epoch"], value="step", label="Horizontal axis")
    summary = gr.HTML()
    diagnosis = gr.HTML(visible=False)
    with gr.Accordion("Incident report", open=False, visible=False) as incident:
        incident_text = gr.HTML()
    with gr.Row(elem_classes="charts"):
        loss = gr.Plot(label="Loss", show_label=False, visible=False)
        metrics = gr.Plot(label="Metrics", show_label=False, visible=False)
    with gr.Row(elem_classes="charts"):
        f1 = gr.Plot(label="F1 against epoch", show_label=False, visible=False)
        norms = gr.Plot(label="Gradient norms by layer", show_label=False, visible=False)
    profile = gr.Plot(label="Gradient by layer", show_label=False, visible=False)
    events = gr.HTML()
    seen = gr.State(None)
    tab = gr.Textbox(visible=False)
    timer = gr.Timer(REFRESH, active=False)
    shown = [seen, timer, summary, diagnosis, incident, incident_text, loss, metrics, f1, norms, profile, events]

    def show(name: str | None, axis: str) -> list:
        if not name:
            return [None, gr.Timer(active=False), NO_RUN, *_nothing()]
        try:
            directory = clinic.run(name)
            stamp = _stamp(directory)
            state, silent = stamp[:2]
            timer = gr.Timer(active=state == "training")
            return [[name, axis, *stamp], timer, *_content(directory, state, axis, silent)]
        except UserError as error:
            return [None, gr.Timer(active=False), f"<p>{escape(str(error))}</p>", *_nothing()]

    def load(name: str | None, axis: str) -> list:
        choice, name = filled(clinic.run_names(), name)
        return [choice, *show(name, axis)]

    def refresh(name: str | None, axis: str, seen: list | None, tab: str | None) -> list:
        if tab != "training" or not name:
            return [gr.skip(), gr.Timer(active=False), *[gr.skip()] * (len(shown) - 2)]
        try:
            if seen == [name, axis, *_stamp(clinic.run(name))]:
                return [gr.skip()] * len(shown)
        except UserError:
            # It was deleted: show() says so.
            pass
        return show(name, axis)

    private = {"api_visibility": "private", "show_progress": "hidden"}
    run.input(show, [run, axis], shown, js=PUT_IN_ADDRESS % "run", **private)
    axis.input(show, [run, axis], shown, **private)
    timer.tick(refresh, [run, axis, seen, tab], shown, js=TELL_TAB, **private)
    return Tab(fields={"run": run}, load=load, inputs=[run, axis], outputs=[run, *shown])


def state_of(run: RunDirectory, now: float) -> str:
    """ "finished", "training", or "not finished": its process is gone."""
    # Asked first: a run that ends meanwhile is finished.
    alive = is_being_trained(run)
    if run.metrics.is_file():
        return "finished"
    if alive is None:
        alive = now - run.journal.stat().st_mtime < SILENCE
    return "training" if alive else "not finished"


def _stamp(run: RunDirectory) -> list:
    """What changes whenever the run has something new to show."""
    try:
        now, journal = time.time(), run.journal.stat()
        state = state_of(run, now)
        silence = now - journal.st_mtime
        silent = int(silence // 60) if state != "finished" and silence > SILENCE else 0
        return [state, silent, journal.st_mtime_ns, journal.st_size]
    except OSError as error:
        raise UserError(f"{run.path.name} has lost its journal: {error.strerror}") from error


def _content(run: RunDirectory, state: str, axis: str, silent: int = 0) -> list:
    """silent: minutes without a word from the run, from SILENCE on."""
    # Plotly and SciPy take half a second each to import.
    from eval.diagnosis.verdict import OF_GRADIENTS
    from space.charts import f1_chart, loss_chart, metric_chart
    from space.diagnosis_view import diagnosis_html, incident_html
    from space.gradient_charts import norm_chart, profile_chart
    from space.judged import judge_run

    # Counted first: a line that is written meanwhile is not a broken one.
    lines = run.journal.read_bytes().count(b"\n")
    journal = read_journal(run.journal)
    kinds = {line["kind"] for line in journal}
    try:
        judged = judge_run(run)
        findings, report, told = judged.diagnosis.findings, judged.report, diagnosis_html(judged)
    except UserError as error:
        findings, report, told = [], None, f"<p>{escape(str(error))}</p>"
    layered = any(finding.name in OF_GRADIENTS for finding in findings)
    return [
        _summary(run, state, silent, journal, max(0, lines - len(journal))),
        gr.HTML(told, visible=True),
        gr.Accordion(visible=report is not None),
        incident_html(report) if report else "",
        plot(kinds & {"train", "eval"} and loss_chart(journal, axis, findings)),
        plot("eval" in kinds and metric_chart(journal, axis, findings)),
        plot("eval" in kinds and f1_chart(journal, findings)),
        plot("grad_norms" in kinds and norm_chart(journal, findings)),
        plot("grad_norms" in kinds and layered and profile_chart(journal)),
        _events(journal),
    ]


def _nothing() -> list:
    hidden = gr.Plot(None, visible=False)
    return [gr.HTML(visible=False), gr.Accordion(visible=False), "", *[hidden] * 5, ""]


def _summary(run: RunDirectory, state: str, silent: int, journal: list[dict], broken: int) -> str:
    steps = max((line["step"] for line in journal), default=0)
    planned = [line.get("max_steps") for line in journal if line.get("event") in ("train_begin", "resume")]
    of = f" of {planned[-1]:,}" if planned and isinstance(planned[-1], int) else ""
    name = f"<strong>{escape(run.path.name)}</strong>"
    no_news = f"No news for {_duration(silent)}" if silent else ""
    if state == "training":
        lines = [f"{name} is training: step {steps:,}{of}. This page follows it."]
        if silent:
            lines.append(
                f"{no_news}: its process is there, but hangs, was suspended, or is long over an evaluation or what "
                "<code>--logging_steps</code> asks for."
            )
    elif state == "not finished":
        end = f"{name} is not finished: its journal ends at step {steps:,}{of}."
        lines = [" ".join(filter(None, [end, no_news and f"{no_news}.", _why(journal)]))]
    else:
        lines = [f"{name} is finished after {steps:,} steps. {_test_figures(run)}"]
    lines.append(_best(journal))
    if broken:
        lines.append(f"{broken:,} broken {'line' if broken == 1 else 'lines'} of its journal could not be read.")
    return "".join(f"<p>{line}</p>" for line in lines if line)


def _why(journal: list[dict]) -> str:
    events = [line["event"] for line in journal if line["kind"] == "event"]
    if events and events[-1] == "non_finite":
        return "It stopped because a number was no longer finite."
    return (
        "Its process is gone: interrupted or killed, for want of memory perhaps. Its last command with "
        "<code>--resume</code> goes on from the last checkpoint."
    )


def _duration(minutes: int) -> str:
    """In the largest unit of which there are two."""
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return f"{minutes // length:,} {unit}"
    return f"{minutes} minutes"


def _test_figures(run: RunDirectory) -> str:
    try:
        test = read_metrics(run.metrics)["test"]
    except UserError as error:
        return escape(str(error))
    told = [
        f"{words} {figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
        for key, words in (("accuracy", "accuracy"), ("f1", "F1"))
        if (figure := test.get(key)) and None not in figure.values()
    ]
    return f"On its test rows: {', '.join(told)}." if told else ""


def _best(journal: list[dict]) -> str:
    """The evaluation with the lowest loss."""
    scored = [line for line in journal if line["kind"] == "eval" and math.isfinite(line["loss"])]
    if not scored:
        return "" if any(line["kind"] == "eval" for line in journal) else "It has not been evaluated yet."
    best = min(scored, key=lambda line: line["loss"])
    epoch = "" if best["epoch"] is None else f", epoch {best['epoch']:.4g}"
    return f"Lowest validation loss: {best['loss']:.3f}, at step {best['step']:,}{epoch}."


def _words(name: object) -> str:
    return escape(str(name)).replace("_", " ")


def _figure(value: object) -> str:
    if not isinstance(value, float):
        return escape(str(value))
    return f"{value:.3g}" if math.isfinite(value) else "NaN" if math.isnan(value) else "infinite"


def _events(journal: list[dict]) -> str:
    rows = [
        f"<tr><td>{line['step']:,}</td><td>{_epoch(line)}</td><td>{_event(line)}</td></tr>"
        for line in journal
        # One of these an epoch; the heat map shows them.
        if line["kind"] == "event" and line["event"] != "epoch_grad_norms"
    ]
    if not rows:
        return ""
    return (
        '<div class="wide"><table class="plain"><thead><tr><th>Step</th><th>Epoch</th><th>Event</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _epoch(line: dict) -> str:
    return "" if line["epoch"] is None else f"{line['epoch']:.4g}"


def _event(line: dict) -> str:
    """What happened, then whatever the event tells of itself."""
    told = {key: value for key, value in line.items() if key not in ("kind", "step", "epoch", "event")}
    told = {key: value for key, value in told.items() if isinstance(value, str | int | float) and value != ""}
    if line["event"] == "non_finite" and told.get("quantity"):
        layer = f" of {told['layer']}" if told.get("layer") else ""
        name = f" ({told['name']})" if told.get("name") else ""
        last = told.get("last_checkpoint")
        kept = f"the last good checkpoint is step {last}" if last else "no checkpoint was saved"
        return escape(f"not finite: the {told['quantity']}{layer}{name} was {_figure(told.get('value'))}; {kept}")
    details = ", ".join(f"{_words(key)} {_figure(value)}" for key, value in told.items())
    return f"{_words(line['event'])}{': ' if details else ''}{details}"
