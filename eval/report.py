"""The report of an evaluation: report.md, and report.html in one file that needs no network."""

import dataclasses
from pathlib import Path
from typing import Any

from cli.errors import UserError
from eval.pages import Page, png, write_page
from eval.parts import PART_NAMES, Remark, load_part
from eval.run_directory import plain, read_json, write_bytes, write_json

HEADINGS = {"good": "Good at", "bad": "Fails at", "do": "What to do"}
SHOWN = 3
"""Remarks of a kind in the summary: ten lines with the first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """Ten lines: the first one, and of each kind those that weigh most."""

    headline: str
    remarks: dict[str, list[str]]

    def __str__(self) -> str:
        lines = [self.headline]
        for kind, remarks in self.remarks.items():
            lines += [f"  {HEADINGS[kind] if first else '':11}{text}" for first, text in _marked(remarks)]
        return "\n".join(lines)


def save_part(folder: Path, name: str, result: Any) -> None:
    """Write what a part measured as JSON, and its figures as PNG."""
    data = plain(dataclasses.asdict(result))
    for plot, figure in load_part(name).plots(data).items():
        write_bytes(folder / f"{plot}.png", png(figure))
    # Last: a part is finished when its JSON is there.
    write_json(folder / f"{name}.json", data)


def finished_parts(folder: Path) -> dict[str, dict]:
    """The data of every part that lies in an evaluation's folder, in the order of the report."""
    paths = {name: folder / f"{name}.json" for name in PART_NAMES}
    return {name: read_json(path) for name, path in paths.items() if path.is_file()}


def summarise(parts: dict[str, dict]) -> Summary:
    """The summary of the parts that are there."""
    remarks = [remark for name, data in parts.items() for remark in load_part(name).remarks(data)]
    remarks.sort(key=lambda remark: -remark.weight)
    headline, rest = _headline(remarks)
    kinds = {kind: [remark.text for remark in rest if remark.kind == kind][:SHOWN] for kind in HEADINGS}
    return Summary(headline, {kind: texts for kind, texts in kinds.items() if texts})


def write_report(folder: Path, about: dict[str, Any]) -> Summary:
    """Write report.md and report.html from the parts that are finished, and return the summary.

    about: what was judged, {name: value}, in the order in which it is read. Nothing is computed here: every number
    stands in a JSON file of the folder. Raises UserError where no part is finished, or one has another shape.
    """
    parts = finished_parts(folder)
    if not parts:
        raise UserError(f"{folder} holds no finished part of an evaluation: run `python eval/run.py` first")
    sections = {}
    for name, data in parts.items():
        part = load_part(name)
        try:
            part.remarks(data)
            sections[name] = (part.TITLE, part.section(data))
        except (KeyError, TypeError, IndexError) as error:
            path = folder / f"{name}.json"
            raise UserError(f"{path} is of another version: delete it, or measure again with --only {name}") from error
    summary = summarise(parts)
    if about.get("overlap"):
        headline = f"{about['overlap']} of the rows judged on were trained on: the figures flatter. {summary.headline}"
        summary = dataclasses.replace(summary, headline=headline)
    remarks = {HEADINGS[kind]: texts for kind, texts in summary.remarks.items()}
    shown = {key: value for key, value in about.items() if key not in ("weights", "rows", "overlap")}
    write_page(folder, Page(f"Evaluation of {about['model']}", summary.headline, remarks, shown, sections))
    return summary


def _headline(remarks: list[Remark]) -> tuple[str, list[Remark]]:
    """What opens the report: the weightiest remark of all, a good one where two weigh the same."""
    if not remarks:
        return "Nothing remarkable was found.", []
    first = max(remarks, key=lambda remark: (remark.weight, remark.kind == "good"))
    return first.text, [remark for remark in remarks if remark is not first]


def _marked(items: list[str]) -> list[tuple[bool, str]]:
    return [(index == 0, item) for index, item in enumerate(items)]
