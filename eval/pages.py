"""A report as two files: Markdown, and one HTML page that needs no network."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markupsafe import Markup
from matplotlib.figure import Figure

from eval.markup import escape
from eval.run_directory import write_text

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """What a report says, in the order in which it is read; all but the bodies of the sections is plain text."""

    title: str
    headline: str
    remarks: dict[str, list[str]]
    """Sentences under the headline: {heading: sentences}."""
    about: dict[str, Any]
    """What was judged: {name: value}."""
    sections: dict[str, tuple[str, str]]
    """{anchor: (heading, body in Markdown)}; images are PNG files in the folder of the report."""


def write_page(folder: Path, page: Page) -> None:
    """Write report.md and report.html into the folder where the images lie."""
    write_text(folder / "report.md", _markdown(page))
    write_text(folder / "report.html", _html(folder, page))


def png(figure: Figure) -> bytes:
    """A matplotlib figure as a PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _markdown(page: Page) -> str:
    lines = [f"# {escape(page.title)}", "", f"**{escape(page.headline)}**", ""]
    for heading, remarks in page.remarks.items():
        lines += [f"{heading}:", "", *(f"- {escape(text)}" for text in remarks), ""]
    lines += [" · ".join(f"{key}: {escape(value)}" for key, value in page.about.items()), ""]
    for heading, body in page.sections.values():
        lines += [f"## {heading}", "", body.strip(), ""]
    return "\n".join(lines)


def _html(folder: Path, page: Page) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())
    render = _renderer(folder)
    return environment.get_template("report.html").render(
        title=page.title,
        about=page.about,
        headline=page.headline,
        remarks=page.remarks,
        sections=[(name, heading, Markup(render(body))) for name, (heading, body) in page.sections.items()],
    )


def _renderer(folder: Path) -> Callable[[str], str]:
    """A function from Markdown to HTML: wide tables scroll by themselves, images lie inside the page."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(self, tokens, index, options, env) -> str:
        token = tokens[index]
        path = folder / token.attrs["src"]
        if not path.is_file():
            return f"<em>{escapeHtml(token.content)} ({escapeHtml(path.name)} is missing)</em>"
        content = base64.b64encode(path.read_bytes()).decode()
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
