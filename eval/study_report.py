"""The report of a study or a search, from its runs.csv and effects.json alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cli.errors import UserError
from eval import search_sections, study_sections
from eval.effects import SCHEMA_VERSION, Protocol, analyse
from eval.pages import Page, png, write_page
from eval.plots.effects import draw_effects
from eval.plots.guards import draw_guards
from eval.plots.half_normal import draw_half_normal
from eval.plots.interactions import draw_interactions
from eval.plots.search import draw_factors, draw_search
from eval.run_directory import read_json, write_bytes, write_json
from eval.search import CONFIRM, SEARCH, analyse_search
from eval.units import Unit, unit_of

NOT_NUMBERS = ("cell", "seed", "status", "reason", "run")


def judge_study(
    folder: Path,
    factors: Mapping[str, Sequence[str]],
    metric: str,
    *,
    margin: float | None = None,
    correct: Mapping[str, np.ndarray] | None = None,
    planned: int | None = None,
    protocol: Protocol | None = None,
) -> str:
    """Analyse the runs.csv of a study, write effects.json and the report, and return its first sentence.

    The arguments are those of eval.effects.analyse. Raises UserError where the table does not fit them.
    """
    path = folder / "runs.csv"
    runs = read_runs(path, list(factors), metric)
    try:
        effects = analyse(runs, factors, metric, margin=margin, correct=correct, planned=planned, protocol=protocol)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    write_json(folder / "effects.json", asdict(effects))
    return write_study_report(folder)


def judge_search(
    folder: Path,
    factors: Sequence[str],
    metric: str,
    *,
    margin: float | None = None,
    log: Collection[str] = (),
    planned: int | None = None,
) -> str:
    """Analyse the runs.csv of a search, write effects.json and the report, and return its first sentence.

    The arguments are those of eval.search.analyse_search. Raises UserError where the table does not fit them.
    """
    path = folder / "runs.csv"
    runs = read_runs(path, [*factors, "sampler"], metric)
    try:
        found = analyse_search(runs, factors, metric, margin=margin, log=log, planned=planned)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    write_json(folder / "effects.json", asdict(found))
    return write_study_report(folder)


def write_study_report(folder: Path) -> str:
    """Write report.md, report.html and the plots of a study or a search, and return its first sentence.

    Raises UserError that names the file where runs.csv or effects.json is missing or of another version.
    """
    data = read_json(folder / "effects.json")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA_VERSION:
        raise UserError(f"{folder / 'effects.json'} is not of schema {SCHEMA_VERSION}: run the study's command again")
    unit = unit_of(data["metric"], data["resolution"]["detectable"] or data["margin"])
    names = [factor["name"] for factor in data["factors"]]
    searched = data["design"] == SEARCH
    runs = read_runs(folder / "runs.csv", [*names, "sampler"] if searched else names, data["metric"])
    words = search_sections if searched else study_sections
    figures = _search_plots(data, runs, unit) if searched else _plots(data, unit)
    for name, figure in figures.items():
        write_bytes(folder / f"{name}.png", png(figure))
    page = Page(
        title=f"{'Search' if searched else 'Study'} {folder.resolve().name}",
        headline=search_sections.headline(data, unit) if searched else study_sections.headline(data),
        remarks=words.remarks(data, unit),
        about=words.about(data),
        sections=words.sections(data, runs, unit),
    )
    write_page(folder, page)
    return page.headline


def read_runs(path: Path, factors: list[str], metric: str) -> pd.DataFrame:
    """Read a study's runs.csv: levels, seeds and reasons as text, all else as numbers, NaN where there is none.

    Raises UserError where it cannot be read or lacks a column, the metric's too.
    """
    try:
        # As text first: a level named "none", "1e-4" or "on" shall stay what it is.
        runs = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}): run the study's command again") from error
    if missing := [name for name in (*factors, "cell", "seed", "status") if name not in runs]:
        raise UserError(f"{path} has no column {missing[0]!r}: run the study's command again")
    if metric not in runs:
        there = ", ".join(column for column in runs if "." in column and column not in factors)
        raise UserError(f"{path} has no metric {metric!r}: name one of {there or 'those that a run measures'}")
    for column in runs.columns.difference([*NOT_NUMBERS, *factors]):
        runs[column] = pd.to_numeric(runs[column], errors="coerce")
    return runs


def _plots(data: dict, unit: Unit) -> dict[str, Figure]:
    figures = {}
    if data["effects"]:
        figures["effects"] = draw_effects(data, unit)
    if data.get("guards"):
        figures["guards"] = draw_guards(data["guards"])
    if data["interactions"]:
        figures["interactions"] = draw_interactions(data)
    if data["half_normal"]:
        figures["half_normal"] = draw_half_normal(data, unit)
    return figures


def _search_plots(data: dict, runs: pd.DataFrame, unit: Unit) -> dict[str, Figure]:
    figures = {"search": draw_search(data)}
    if data["effects"]:
        shown = search_sections.shown_effects(data)
        figures["effects"] = draw_effects(shown, unit, "What was found, on fresh seeds", "the first minus the second")
    trials = runs[(runs["sampler"] != CONFIRM) & (runs["status"] == "complete") & runs[data["metric"]].notna()]
    if len(trials):
        figures["factors"] = draw_factors(data, trials)
    return figures
