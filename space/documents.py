"""Documents of a run, shown so that nothing in them runs or asks for anything."""

import re
from functools import cache
from html import escape

from markdown_it import MarkdownIt

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def markdown_to_html(text: str) -> str:
    """Markdown as HTML: tags in it read as text, images as their description, only web addresses are links."""
    return _markdown().render(COMMENT.sub("", FRONT_MATTER.sub("", text.replace("\r\n", "\n"))))


def framed(page: str, title: str) -> str:
    """A whole HTML page in a frame of its own: no scripts, nothing from outside, its links stay inside it."""
    head = f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{POLICY}"><base href="about:srcdoc">'
    return f'<iframe class="document" sandbox title="{escape(title)}" srcdoc="{escape(head + page)}"></iframe>'


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    # A picture from elsewhere would tell somebody who reads this.
    markdown.add_render_rule("image", lambda self, tokens, index, options, env: f"[{escape(tokens[index].content)}]")
    markdown.add_render_rule("table_open", lambda *_: '<div class="wide"><table>')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>")
    markdown.add_render_rule("link_open", _open_link)
    markdown.validateLink = lambda url: url.startswith(("https://", "http://", "data:image/"))
    return markdown


def _open_link(self, tokens, index, options, env) -> str:
    tokens[index].attrs |= {"target": "_blank", "rel": "noopener noreferrer"}
    return self.renderToken(tokens, index, options, env)
