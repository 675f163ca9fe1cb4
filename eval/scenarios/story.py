"""What a scenario's story is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot of a story."""

    name: str
    """Of its file, without the ending."""
    shows: str
    """What is to be seen, one plain sentence."""
    draw: Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Section:
    """A step of a story: text in Markdown, then its pictures."""

    heading: str
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """A scenario from its symptom to its cure."""

    title: str
    lead: str
    """What it comes to, in one or two sentences."""
    sections: tuple[Section, ...]
