"""The tabs of the app, one a file, in their order on the page.

A tab is a module with a TITLE and `build(clinic) -> Tab`, which lays out its components (inside a gr.Tab that is
open) and wires them. It computes nothing itself: eval/ does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

TAB_NAMES = ("predict", "attention", "probes", "compare", "training", "report", "studies", "scaling")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """What the page must know of a tab."""

    fields: dict = field(default_factory=dict)
    """Components that an address fills, by the key they have in it: ?tab=predict&text=…"""
    load: Callable | None = None
    """Called whenever the tab is opened, with `inputs`; returns the values of `outputs`."""
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)


def load_tab(name: str) -> ModuleType:
    """The module of a tab."""
    return import_module(f"space.tabs.{name}")
