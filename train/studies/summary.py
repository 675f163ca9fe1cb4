"""The end of a study on a terminal: a verdict a line, so that nobody needs a browser for it."""

import textwrap
from pathlib import Path

from cli.table import table
from eval.guards import OPEN
from eval.run_directory import read_json
from eval.search import SEARCH
from eval.search_sections import VERDICTS, setting_name
from eval.study_sections import guard_unit, rounded, verdict_text
from eval.units import Unit, plain_name, unit_of
from eval.verdicts import UNRESOLVED

WIDTH = 100
"""Columns of a terminal."""
SHOWN = 20


def closing(folder: Path, headline: str) -> str:
    """The last lines of a study: its first sentence, the verdicts, and where to read on."""
    tables = [verdict_table(folder), guard_table(folder)]
    parts = [textwrap.fill(headline, WIDTH), *tables, f"{folder / 'report.html'} says how it was found."]
    return "\n" + "\n\n".join(part for part in parts if part)


def verdict_table(folder: Path, width: int = WIDTH) -> str:
    """The verdict, the difference and its 95% interval of each level of a study, or comparison of a search.

    From the effects.json in `folder`, in lines of at most `width` columns; empty where nothing was judged. Raises
    UserError where the file cannot be read.
    """
    data = read_json(folder / "effects.json")
    if not data["effects"]:
        return ""
    unit = unit_of(data["metric"], data["resolution"]["detectable"] or data["margin"])
    searched = data["design"] == SEARCH
    rows = []
    for effect in data["effects"][:SHOWN]:
        names = [effect["level"], effect["baseline"]]
        what = list(map(setting_name, names)) if searched else [effect["factor"], *names]
        rows.append([*what, unit.interval(effect["estimate"]), *_verdict(effect, unit, searched=searched)])
    difference = f"difference [95%]{', ' * bool(unit.name)}{unit.name}"
    header = [*(["setting"] if searched else ["factor", "level"]), "against", difference, "verdict", "seeds needed"]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    _fit(header, rows, range(header.index(difference)), width)
    more = len(data["effects"]) - len(rows)
    return table(header, rows) + (f"\n{more} more are in {folder / 'effects.json'}" if more else "")


def guard_table(folder: Path, width: int = WIDTH) -> str:
    """Each guard of a study with each arm: its difference and interval, what may be lost, the verdict; else empty.

    From the effects.json in `folder`, in lines of at most `width` columns.
    """
    guards = read_json(folder / "effects.json").get("guards", [])
    if not guards:
        return ""
    rows = []
    for guard in guards[:SHOWN]:
        unit = guard_unit(guard["figure"], guard["margin"])
        needed = rounded(guard["seeds_needed"]) if guard["seeds_needed"] else "-" * (guard["verdict"] == OPEN)
        names = [plain_name(guard["figure"]), guard["factor"], guard["level"]]
        figures = [unit.interval(guard["estimate"]), unit.size(guard["margin"])]
        rows.append([*names, *figures, guard["verdict"], needed])
    header = ["guard", "factor", "level", "difference [95%]", "may lose", "verdict", "seeds needed"]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    _fit(header, rows, range(3), width)
    more = len(guards) - len(rows)
    return table(header, rows) + (f"\n{more} more are in {folder / 'effects.json'}" if more else "")


def _fit(header: list[str], rows: list[list[str]], names: range, width: int) -> None:
    """Cut the columns of names until a table is no wider: the figures and what they come to do not give way."""
    for column, least in zip(names, (12, 8, 8), strict=False):
        over = max(map(len, table(header, rows).split("\n"))) - width
        if over > 0:
            room = max(least, max(len(row[column]) for row in rows) - over)
            for row in rows:
                row[column] = _cut(row[column], room)


def _verdict(effect: dict, unit: Unit, *, searched: bool) -> tuple[str, str]:
    """A verdict in words and, where it cannot be told, the seeds that would tell."""
    if effect["verdict"] == UNRESOLVED:
        return "not resolvable", rounded(effect["seeds_needed"]) if effect["seeds_needed"] else "-"
    return searched and VERDICTS.get(effect["verdict"]) or verdict_text(effect, unit), ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
