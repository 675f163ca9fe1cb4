"""Three classic failures of training, step by step, from the traces of runs that were made: nothing is trained here."""

import base64
from functools import lru_cache
from html import escape
from pathlib import Path

import gradio as gr

from eval.scenarios.catalogue import SCENARIOS
from space.documents import markdown_to_html

TRACES = Path(__file__).resolve().parents[1] / "docs" / "scenarios"
ABOUT = "<p>Three classic failures of training, from the symptom to the proven cure. Nothing is trained here.</p>"
MISSING = "The traces of this scenario are not here: <code>docs/scenarios</code> of the repository holds them."
BACK, NEXT = "Back", "Next"
KEPT = 32
"""Steps whose pictures are remembered; each takes some 100 KB."""


def build_tour(traces: Path = TRACES) -> None:
    """Lay out the choice of a scenario, its steps, and the one that is looked at."""
    gr.HTML(ABOUT)
    scenarios = [(scenario.title, number) for number, scenario in SCENARIOS.items()]
    scenario = gr.Radio(scenarios, label="Scenario")
    step = gr.Radio([], label="Step", visible=False)
    page = gr.HTML()
    with gr.Row(visible=False) as buttons:
        back, forward = gr.Button(BACK, size="sm"), gr.Button(NEXT, size="sm", variant="primary")

    def begin(number: int) -> list:
        headings = headings_of(traces, number)
        choices = [(f"{index + 1}. {heading}", index) for index, heading in enumerate(headings)]
        return [gr.Radio(choices, value=0 if headings else None, visible=bool(headings)), *show(number, 0)]

    def show(number: int, at: int) -> list:
        count = len(headings_of(traces, number))
        ends = [gr.Button(interactive=at > 0), gr.Button(interactive=at < count - 1)]
        return [step_html(traces, number, at), gr.Row(visible=count > 0), *ends]

    def move(number: int, at: int, by: int) -> list:
        at = min(max(0, at + by), len(headings_of(traces, number)) - 1)
        return [at, *show(number, at)]

    private = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": page}
    shown = [page, buttons, back, forward]
    scenario.input(begin, scenario, [step, *shown], **private)
    step.input(show, [scenario, step], shown, **private)
    back.click(lambda number, at: move(number, at, -1), [scenario, step], [step, *shown], **private)
    forward.click(lambda number, at: move(number, at, 1), [scenario, step], [step, *shown], **private)


@lru_cache(maxsize=len(SCENARIOS))
def story_of(traces: Path, number: int):
    """The story of a scenario; None where its traces are not here."""
    scenario = SCENARIOS[number]
    folder = traces / scenario.name
    return scenario.story(folder) if folder.is_dir() else None


def headings_of(traces: Path, number: int) -> list[str]:
    """The steps of a story."""
    story = story_of(traces, number)
    return [section.heading for section in story.sections] if story else []


@lru_cache(maxsize=KEPT)
def step_html(traces: Path, number: int, at: int) -> str:
    """A step of a story: its text and its pictures, drawn now."""
    # Matplotlib takes a second to import.
    from eval.pages import png

    story = story_of(traces, number)
    if story is None:
        return f"<p>{MISSING}</p>"
    section = story.sections[at]
    opening = f"<p><strong>{escape(story.title)}</strong></p>{markdown_to_html(story.lead)}" if at == 0 else ""
    parts = [opening, f"<h3>{escape(section.heading)}</h3>", markdown_to_html(section.text)]
    for picture in section.pictures:
        data = base64.b64encode(png(picture.draw())).decode()
        parts.append(
            f'<figure><img alt="{escape(picture.shows)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(picture.shows)}</figcaption></figure>"
        )
    return f'<div class="tour">{"".join(parts)}</div>'
