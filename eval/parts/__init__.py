"""The parts of an evaluation, one a file, in the order of the report.

A part is a module with a TITLE and the same four functions:

measure(subject, options)  runs the model and the statistics; returns a dataclass, or None where it has nothing to do
remarks(data)              what a reader with ten lines of time must know
section(data)              the section of the report, in Markdown
plots(data)                {file name without ending: matplotlib figure}

`data` is the dataclass as it stands in evaluation/<part>.json. Only `measure` may compute: whatever the report says can
be read in the file, and the report of finished parts can be written again without the model.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal

PART_NAMES = ("metrics", "curves", "calibration", "errors", "probes", "bias", "wording", "checkpoints", "comparison")


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the summary; of each kind the weightiest are shown."""

    kind: Literal["good", "bad", "do"]
    text: str
    weight: float
    """0 to 1; a model that is degenerate weighs 1, and its remark opens the report."""


def load_part(name: str) -> ModuleType:
    """The module of a part."""
    return import_module(f"eval.parts.{name}")
