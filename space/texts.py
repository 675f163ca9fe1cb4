"""Texts of users on the page: nothing in them is markup, nor turns round what stands beside them."""

import re
from html import escape

from cli.errors import UserError

LONGEST = 5_000
"""Characters of a text that is probed: each is read by the network some thirty times over."""

# Control characters but tab and line feed, and the marks that turn the direction of writing.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def text_html(text: str) -> str:
    """A text as HTML; what has no shape of its own is written out, as \\u202e."""
    return escape(_HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def checked(text: str | None) -> str:
    """The text; UserError where there is none, or too much of it."""
    if text is not None and not isinstance(text, str):
        raise UserError("the text must be a string")
    if not (text or "").strip():
        raise UserError("type a sentence first")
    if len(text) > LONGEST:
        raise UserError(f"the text has {len(text):,} characters: cut it to {LONGEST:,}")
    return text
