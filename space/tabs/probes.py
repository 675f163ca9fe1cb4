"""Where the model breaks: the behavioural suite, and the edits of one sentence."""

from collections.abc import Iterator

import gradio as gr

from eval.probes.generate import CAPABILITIES
from space.address import put_in_address
from space.friendly import friendly_errors, plain_errors
from space.playground import outcome_html, perturb
from space.suite_run import (
    EXPECTATIONS,
    SuiteRun,
    by_test,
    case_html,
    cases_html,
    choose,
    edited_case,
    expected,
    names_of_tests,
    results_html,
    run_suite,
    summary_html,
)
from space.tabs import Tab
from space.texts import LONGEST

TITLE = "Probes"
ALL = "all"
EXAMPLE = "Anna says it's a good film, and I think the acting is wonderful."
SUITE, PLAYGROUND = "suite", "playground"

# A table's buttons carry numbers; texts in it cannot make buttons, they are escaped.
CHOOSE = """element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-number]");
  if (button) trigger("select", {number: Number(button.dataset.number)});
});"""
SHUT = "() => ({__type__: 'update', interactive: false})"
SHOW_FORM = """() => {
  const form = document.getElementById("edit-case");
  form.scrollIntoView({block: "nearest"});
  form.querySelector("textarea").focus({preventScroll: true});
  return [];
}"""


def build(clinic) -> Tab:
    """Lay out the tab."""
    with gr.Tabs() as parts:
        with gr.Tab("Suite", id=SUITE):
            suite = _build_suite(clinic)
        with gr.Tab("Playground", id=PLAYGROUND):
            text, outcome, shown = _build_playground(clinic)
    capability, test, results = suite

    def load(text: str, shown: str, capability: str, test: str, run: SuiteRun | None) -> list:
        """What an address asks for, once: opening the tab again repeats nothing."""
        # To name the tests is to make the suite, a tenth of a second that the page need not wait for.
        names = gr.Dropdown(choices=_tests(capability))
        if (text or "").strip() and text != shown:
            with friendly_errors():
                return [
                    gr.Tabs(selected=PLAYGROUND),
                    outcome_html(perturb(clinic, text)),
                    text,
                    names,
                    *_unchanged(),
                ]
        if test and test != ALL and run is None:
            with friendly_errors():
                *_, run = run_suite(_chosen(capability, test), clinic.predictor().predict)
            return [gr.Tabs(selected=SUITE), gr.skip(), gr.skip(), names, *_results(run)]
        return [gr.skip()] * 3 + [names] + _unchanged()

    # For programs.
    def probe(text: str) -> list[dict]:
        """Apply small edits to a text and say what each does to the model's answer.

        Args:
            text: An English sentence of at most 5,000 characters.

        Returns:
            One dictionary an edit that applies, with keys edit, text (edited), label (NEGATIVE or POSITIVE),
            probability (of POSITIVE, calibrated where the model was evaluated), swing (how far that moved from the
            original's) and meaning_preserving. Those that preserve the meaning come first, flips and wide swings before
            the rest.
        """
        with plain_errors():
            outcome = perturb(clinic, text)
        return [
            {
                "edit": row.edit,
                "text": row.text,
                "label": row.label,
                "probability": row.positive,
                "swing": row.swing,
                "meaning_preserving": preserving,
            }
            for rows, preserving in ((outcome.preserving, True), (outcome.changing, False))
            for row in rows
        ]

    gr.api(probe, api_name="probe")
    return Tab(
        fields={"text": text, "capability": capability, "test": test},
        load=load,
        inputs=[text, shown, capability, test, results[0]],
        outputs=[parts, outcome, shown, test, *results],
    )


def _build_suite(clinic) -> tuple:
    with gr.Row():
        # An address may name what is not in the list: run() says so in one line.
        known = {"allow_custom_value": True, "interactive": True}
        capability = gr.Dropdown([ALL, *CAPABILITIES], value=ALL, label="Capability", **known)
        test = gr.Dropdown([ALL], value=ALL, label="Test", **known)
    with gr.Row():
        start = gr.Button("Run", variant="primary")
        stop = gr.Button("Stop", variant="stop", interactive=False)
    summary = gr.HTML("Short tests of one ability each: run them all, those of a capability, or a single one.")
    tests = gr.HTML(js_on_load=CHOOSE)
    cases = gr.HTML(js_on_load=CHOOSE)
    with gr.Group(elem_id="edit-case"):
        texts = gr.Textbox(
            label="Texts of a case",
            info="One a line. With a class expected, each must get it; else the first is the original, the others "
            "are its variants. “Edit” beside a case above brings it here.",
            placeholder="This is not a good film.",
            lines=3,
            max_length=LONGEST,
        )
        expectation = gr.Dropdown(list(EXPECTATIONS), value="negative", label="Expected")
        ask = gr.Button("Run this case")
    answer = gr.HTML()
    state = gr.State(None, time_to_live=3600)
    results = [state, stop, summary, tests, cases]

    def run(capability: str, test: str, progress=gr.Progress()) -> Iterator[list]:  # noqa: B008
        with friendly_errors():
            chosen = _chosen(capability, test)
            predictor = clinic.predictor()
            total = len({text for case in chosen for text in case.texts})
            progress((0, total), desc="Asking the model", unit="texts")
            yield [None, gr.Button(interactive=True), "", "", ""]
            for run in run_suite(chosen, predictor.predict):
                progress((len(run.positive), total), desc="Asking the model", unit="texts")
                yield [run, *[gr.skip()] * 4]
            yield _results(run)

    def show_test(run: SuiteRun | None, event: gr.EventData) -> str:
        case = _case(run, event)
        return cases_html(by_test([each for each in run.judged if _is_of(each.case, case)])) if case else gr.skip()

    def show_case(run: SuiteRun | None, event: gr.EventData) -> list:
        case = _case(run, event)
        return ["\n".join(case.texts), expected(case), ""] if case else [gr.skip()] * 3

    def ask_case(texts: str, expectation: str) -> str:
        with friendly_errors():
            case = edited_case(texts, expectation)
            return case_html(case, clinic.predictor().predict(case.texts).probabilities[:, 1].tolist())

    private = {"api_visibility": "private"}
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    # Gradio draws an open list of tests by the numbers of the old ones: it stays shut until the new ones are there.
    capability.input(None, None, test, js=SHUT, **quiet)
    capability.input(lambda name: gr.Dropdown(_tests(name), value=ALL, interactive=True), capability, test, **quiet)
    running = start.click(run, [capability, test], results, show_progress_on=summary, concurrency_limit=1, **private)
    tests.change(None, [capability, test], None, js=put_in_address("probes", "capability", "test"), **quiet)
    stop.click(lambda run: _results(run), state, results, cancels=[running], **quiet)
    tests.select(show_test, state, cases, **quiet)
    cases.select(show_case, state, [texts, expectation, answer], **quiet).then(None, None, None, js=SHOW_FORM, **quiet)
    ask.click(ask_case, [texts, expectation], answer, **private)
    return capability, test, results


def _build_playground(clinic) -> tuple:
    text = gr.Textbox(label="Sentence", placeholder=EXAMPLE, max_length=LONGEST)
    with gr.Row():
        run = gr.Button("Edit and ask", variant="primary")
        example = gr.Button("Take an example")
    outcome = gr.HTML("See typos, negation, other names, synonyms, casing and more, and what each does to the answer.")
    shown = gr.State("")

    def show(text: str) -> tuple[str, str]:
        with friendly_errors():
            return outcome_html(perturb(clinic, text)), text

    private = {"api_visibility": "private"}
    gr.on([run.click, text.submit], show, text, [outcome, shown], **private)
    outcome.change(None, text, None, js=put_in_address("probes", "text"), show_progress="hidden", **private)
    example.click(lambda: EXAMPLE, None, text, show_progress="hidden", **private)
    return text, outcome, shown


def _tests(capability: str) -> list[str]:
    return [ALL, *names_of_tests(capability)] if capability in CAPABILITIES else [ALL, *names_of_tests(None)]


def _chosen(capability: str, test: str) -> tuple:
    return choose(*(None if name == ALL else name for name in (capability, test)))


def _results(run: SuiteRun | None) -> list:
    """The values of the suite's outputs for a run that ended, or was stopped."""
    if run is None:
        return [None, gr.Button(interactive=False), "<p>Stopped before the first case.</p>", "", ""]
    judged = run.judged
    tests = by_test(judged)
    return [run, gr.Button(interactive=False), summary_html(run, judged), results_html(tests), cases_html(tests)]


def _unchanged() -> list:
    return [gr.skip()] * 5


def _case(run: SuiteRun | None, event: gr.EventData):
    """The case that a button names; None for any other number."""
    number = event._data.get("number") if isinstance(event._data, dict) else None
    return run.cases[number] if run and isinstance(number, int) and 0 <= number < len(run.cases) else None


def _is_of(case, other) -> bool:
    return (case.capability, case.test) == (other.capability, other.test)
