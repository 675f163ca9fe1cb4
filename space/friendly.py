"""A user's mistake as one friendly line, on the page and for programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import gradio as gr

from cli.errors import UserError


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Turn a UserError into Gradio's, which the page reads as HTML, so that a user's words in it are escaped."""
    try:
        yield
    except UserError as error:
        raise gr.Error(escape(str(error)), print_exception=False) from error


@contextmanager
def plain_errors() -> Iterator[None]:
    """The same for a function that only programs call, which read the line as it is."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error
