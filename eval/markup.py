"""Pieces of Markdown; whatever comes from a text or a model is escaped."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])|^(?:([#+>-])|(\d+)([.)]))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+")


def escape(text: object, limit: int = 300) -> str:
    """A text as it reads, on one line, cut at `limit` characters: no markup of its own, no control characters."""
    line = _CONTROL.sub(" ", str(text)).strip()
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    line = _SPECIAL.sub(lambda match: f"{match[3] or ''}\\{match[1] or match[2] or match[4]}", line)
    return line.replace("&", "&amp;").replace("<", "&lt;")


def estimate(figure: dict | None, digits: int = 3) -> str:
    """An estimate as `0.845 [0.822, 0.869]`; `undefined` where it has no value."""
    if figure is None or figure["value"] is None:
        return "undefined"
    value = f"{figure['value']:.{digits}f}"
    if figure.get("low") is None:
        return value
    return f"{value} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"


def percent(figure: dict | float | None, digits: int = 1) -> str:
    """A share, or an estimate of one, in per cent: `3.1% [1.2%, 7.0%]`."""
    if isinstance(figure, dict):
        if figure["value"] is None:
            return "undefined"
        interval = "" if figure.get("low") is None else f" [{figure['low']:.{digits}%}, {figure['high']:.{digits}%}]"
        return f"{figure['value']:.{digits}%}{interval}"
    return "undefined" if figure is None else f"{figure:.{digits}%}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are Markdown already; every column but the first is set to the right."""
    lines = ["| " + " | ".join(header) + " |", "|" + ":--|" + "--:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose columns are all set to the left, for sentences."""
    lines = ["| " + " | ".join(header) + " |", "|" + ":--|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def image(name: str, description: str) -> str:
    """The figure that a part's plots() calls `name`; the description is read where it cannot be seen."""
    return f"![{description}]({name}.png)"
