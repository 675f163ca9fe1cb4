"""A story as Markdown with its pictures."""

from dataclasses import replace
from pathlib import Path

from eval.diagnosis.incident import incident
from eval.markup import image
from eval.pages import png
from eval.run_directory import write_bytes, write_text
from eval.scenarios.story import Section, Story
from eval.scenarios.traces import Traces

REPORT = "The incident report"
LINES = 10
"""Of the incident report, at most."""


def with_report(story: Story, traces: Traces) -> Story:
    """The story with the incident report at its end, in at most LINES lines. Raises ValueError where there is none."""
    text = incident(traces.diagnosis, traces.history, treatment=traces.treatment)
    if text is None:
        raise ValueError(f"{traces.path}: the run is healthy, so there is no incident to report")
    title, *lines = text.partition("\n## ")[0].strip().splitlines()
    if len(lines) >= LINES:
        raise ValueError(f"the incident report has {len(lines) + 1} lines instead of at most {LINES}")
    report = Section(REPORT, "\n".join([f"**{title.removeprefix('# ')}**", *lines]))
    return replace(story, sections=(*story.sections, report))


def write_document(story: Story, traces: Traces) -> Path:
    """Write the document beside the folder of the traces, its pictures into it; returns its path."""
    folder = traces.path
    blocks = [f"# {story.title}", story.lead, _about(traces)]
    for section in story.sections:
        blocks += [f"## {section.heading}", section.text.strip()]
        for picture in section.pictures:
            write_bytes(folder / f"{picture.name}.png", png(picture.draw()))
            blocks += [image(f"{folder.name}/{picture.name}", picture.shows), f"*{picture.shows}*"]
    path = folder.with_suffix(".md")
    write_text(path, "\n\n".join(blocks) + "\n")
    return path


def _about(traces: Traces) -> str:
    about = traces.about
    minutes = sum(about["seconds"].values()) / 60
    return (
        f"`{about['command']}` runs all of this in {minutes:.0f} minutes on {about['cores']} cores and writes this "
        f"page; its traces are in [{traces.path.name}]({traces.path.name})."
    )
