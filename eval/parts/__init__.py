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

PART_NAMES = (
    *("metrics", "curves", "calibration", "errors", "probes", "bias", "wording", "reliability", "consistency"),
    *("out_of_domain", "checkpoints", "comparison"),
)


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the summary; of each kind the weightiest are shown."""

    kind: Literal["good", "bad", "do"]
    text: str
    weight: float
    """One scale for all parts, 0 to 1; the weightiest remark opens the report.

    What everybody asks for first weighs 0.8 or more: 1 a degenerate model; 0.95 an accuracy no better than one answer,
    and a model that is better or worse than the other; 0.9 the accuracy; 0.85 any other verdict on two models; 0.8 the
    user's own suite. A fault weighs `weigh` of the share of the rows or cases it names that goes wrong, a gap between
    probabilities standing for a share, and advice the same of what it would mend. Praise weighs PRAISE: less than any
    fault that is worth a line, so that it opens a report only where there is none.
    """


PRAISE = 0.03


def weigh(share: float) -> float:
    """The weight of a fault that concerns this share."""
    return 0.75 * min(1.0, share)


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def load_part(name: str) -> ModuleType:
    """The module of a part."""
    return import_module(f"eval.parts.{name}")
