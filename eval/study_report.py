"""The report of a study, from its runs.csv and effects.json alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cli.errors import UserError
from eval.effects import SCHEMA_VERSION, analyse
from eval.pages import Page, png, write_page
from eval.plots.effects import draw_effects
from eval.plots.half_normal import draw_half_normal
from eval.plots.interactions import draw_interactions
from eval.run_directory import read_json, write_bytes, write_json
from eval.study_sections import about, headline, remarks, sections
from eval.units import Unit, unit_of

NOT_NUMBERS = ("cell", "seed", "status", "reason", "run")


def judge_study(
    folder: Path,
    factors: Mapping[str, Sequence[str]],
    metric: str,
    *,
    margin: float | None = None,
    correct: Mapping[str, np.ndarray] | None = None,
) -> str:
    """Analyse the runs.csv of a study, write effects.json and the report, and return its first sentence.

    The arguments are those of eval.effects.analyse. Raises UserError where the table does not fit them.
    """
    path = folder / "runs.csv"
    runs = read_runs(path, list(factors), metric)
    try:
        effects = analyse(runs, factors, metric, margin=margin, correct=correct)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    write_json(folder / "effects.json", asdict(effects))
    return write_study_report(folder)


def write_study_report(folder: Path) -> str:
    """Write report.md, report.html and the plots of a study, and return its first sentence.

    Raises UserError that names the file where runs.csv or effects.json is missing or of another version.
    """
    data = read_json(folder / "effects.json")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA_VERSION:
        raise UserError(f"{folder / 'effects.json'} is not of schema {SCHEMA_VERSION}: run the study's command again")
    runs = read_runs(folder / "runs.csv", [factor["name"] for factor in data["factors"]], data["metric"])
    unit = unit_of(data["metric"], data["resolution"]["detectable"] or data["margin"])
    for name, figure in _plots(data, unit).items():
        write_bytes(folder / f"{name}.png", png(figure))
    page = Page(
        title=f"Study {folder.resolve().name}",
        headline=headline(data),
        remarks=remarks(data, unit),
        about=about(data),
        sections=sections(data, runs, unit),
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
    if data["interactions"]:
        figures["interactions"] = draw_interactions(data)
    if data["half_normal"]:
        figures["half_normal"] = draw_half_normal(data, unit)
    return figures
