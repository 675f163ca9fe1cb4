"""The report of an evaluation: report.md, and report.html in one file that needs no network."""

import base64
import dataclasses
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup
from matplotlib.figure import Figure

from cli.errors import UserError
from eval.markup import escape
from eval.parts import PART_NAMES, Remark, load_part
from eval.run_directory import read_json, write_bytes, write_json, write_text

TEMPLATES = Path(__file__).parent / "templates"
HEADINGS = {"good": "Good at", "bad": "Fails at", "do": "What to do"}
SHOWN = 3
"""Remarks of a kind in the summary: ten lines with the first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """Ten lines: the first one, and of each kind those that weigh most."""

    headline: str
    remarks: dict[str, list[str]]

    def __str__(self) -> str:
        lines = [self.headline]
        for kind, remarks in self.remarks.items():
            lines += [f"  {HEADINGS[kind] if first else '':11}{text}" for first, text in _marked(remarks)]
        return "\n".join(lines)


def save_part(folder: Path, name: str, result: Any) -> None:
    """Write what a part measured as JSON, and its figures as PNG."""
    path = folder / f"{name}.json"
    write_json(path, dataclasses.asdict(result))
    for plot, figure in load_part(name).plots(read_json(path)).items():
        write_bytes(folder / f"{plot}.png", png(figure))


def finished_parts(folder: Path) -> dict[str, dict]:
    """The data of every part that lies in an evaluation's folder, in the order of the report."""
    paths = {name: folder / f"{name}.json" for name in PART_NAMES}
    return {name: read_json(path) for name, path in paths.items() if path.is_file()}


def summarise(parts: dict[str, dict]) -> Summary:
    """The summary of the parts that are there."""
    remarks = [remark for name, data in parts.items() for remark in load_part(name).remarks(data)]
    remarks.sort(key=lambda remark: -remark.weight)
    headline, rest = _headline(remarks)
    kinds = {kind: [remark.text for remark in rest if remark.kind == kind][:SHOWN] for kind in HEADINGS}
    return Summary(headline, {kind: texts for kind, texts in kinds.items() if texts})


def write_report(folder: Path, about: dict[str, Any]) -> Summary:
    """Write report.md and report.html from the parts that are finished, and return the summary.

    about: what was judged, {name: value}, in the order in which it is read. Nothing is computed here: every number
    stands in a JSON file of the folder.
    """
    parts = finished_parts(folder)
    if not parts:
        raise UserError(f"{folder} holds no finished part of an evaluation: run `python eval/run.py` first")
    summary = summarise(parts)
    sections = {name: (load_part(name).TITLE, load_part(name).section(data)) for name, data in parts.items()}
    title = f"Evaluation of {about['model']}"
    write_text(folder / "report.md", _markdown(title, about, summary, sections))
    write_text(folder / "report.html", _html(folder, title, about, summary, sections))
    return summary


def png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _headline(remarks: list[Remark]) -> tuple[str, list[Remark]]:
    """What opens the report: the weightiest remark of all, a good one where two weigh the same."""
    if not remarks:
        return "Nothing remarkable was found.", []
    first = max(remarks, key=lambda remark: (remark.weight, remark.kind == "good"))
    return first.text, [remark for remark in remarks if remark is not first]


def _marked(items: list[str]) -> list[tuple[bool, str]]:
    return [(index == 0, item) for index, item in enumerate(items)]


def _markdown(title: str, about: dict, summary: Summary, sections: dict[str, tuple[str, str]]) -> str:
    lines = [f"# {escape(title)}", "", f"**{escape(summary.headline)}**", ""]
    for kind, remarks in summary.remarks.items():
        lines += [f"{HEADINGS[kind]}:", "", *(f"- {escape(text)}" for text in remarks), ""]
    lines += [" · ".join(f"{key}: {escape(value)}" for key, value in about.items()), ""]
    for heading, body in sections.values():
        lines += [f"## {heading}", "", body.strip(), ""]
    return "\n".join(lines)


def _html(folder: Path, title: str, about: dict, summary: Summary, sections: dict[str, tuple[str, str]]) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())
    render = _renderer(folder)
    return environment.get_template("report.html").render(
        title=title,
        about=about,
        headline=summary.headline,
        remarks={HEADINGS[kind]: texts for kind, texts in summary.remarks.items()},
        sections=[(name, heading, Markup(render(body))) for name, (heading, body) in sections.items()],
    )


def _renderer(folder: Path):
    """A function from Markdown to HTML: wide tables scroll by themselves, images lie inside the page."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(self, tokens, index, options, env) -> str:
        token = tokens[index]
        content = base64.b64encode((folder / token.attrs["src"]).read_bytes()).decode()
        token.attrs["src"] = f"data:image/png;base64,{content}"
        return self.image(tokens, index, options, env)

    def open_table(self, tokens, index, options, env) -> str:
        return '<div class="wide"><table>'

    def close_table(self, tokens, index, options, env) -> str:
        return "</table></div>"

    markdown.validateLink = lambda url: url.endswith(".png") or url.startswith("data:image/png")
    markdown.add_render_rule("image", image)
    markdown.add_render_rule("table_open", open_table)
    markdown.add_render_rule("table_close", close_table)
    return markdown.render
