"""Printing, where the reader may have gone."""

import os
import sys


def say(text: str) -> None:
    """Print; where the reader has gone, as after `| head`, the work goes on in silence."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
