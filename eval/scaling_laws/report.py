"""An analysis as files: scaling.json, report.md, report.html and the pictures."""

from pathlib import Path
from typing import Any

from eval.markup import escape, image, table
from eval.pages import Page, png, write_page
from eval.plots.scaling import draw_scaling
from eval.run_directory import write_bytes, write_json
from eval.scaling_laws import telling
from eval.scaling_laws.telling import Rows

PICTURES = {
    "fit": "The law with its 95% band, and what it leaves of each run",
    "profiles": "How much worse the law fits with one constant held",
    "plane": "Parameters against tokens",
}


def write_scaling_report(folder: Path, data: dict[str, Any], name: str) -> Path:
    """Write the analysis of the table called `name` into a folder; returns the path of the page."""
    figures = draw_scaling(data)
    write_json(folder / "scaling.json", data)
    for picture, figure in figures.items():
        write_bytes(folder / f"{picture}.png", png(figure))
    sections = {"table": ("What the table can tell", _rows(telling.about_table(data)) or "N and D moved apart.")}
    pictures = {picture: image(picture, PICTURES[picture]) for picture in figures}
    law = [_rows(telling.about_law(data)), pictures["fit"], pictures.get("profiles", "")]
    sections["law"] = ("The law", "\n\n".join(law))
    sections["compared"] = ("Laws compared", _compared(data))
    if data["prediction"]:
        sections["prediction"] = ("The run that was asked for", _rows(telling.about_prediction(data)))
    if data["budget"]:
        sections["budget"] = ("The best use of the budget", _rows(telling.about_budget(data)))
    if "plane" in pictures:
        sections["plane"] = ("Parameters and tokens", pictures["plane"])
    page = Page(
        title=f"Scaling law of {name}",
        headline=telling.headline(data),
        remarks={},
        about={"runs": data["law"]["rows"], "law": data["law"]["formula"]},
        sections=sections,
    )
    write_page(folder, page)
    return folder / "report.html"


def _rows(rows: Rows) -> str:
    """Sentences as a list, those without a heading under the one before."""
    starts = (f"- **{escape(heading)}**: " if heading else "    - " for heading, _ in rows)
    return "\n".join(start + escape(text, 600) for start, (_, text) in zip(starts, rows, strict=True))


def _compared(data: dict[str, Any]) -> str:
    header, rows, notes = telling.compared(data)
    return table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows]) + "\n\n" + notes
