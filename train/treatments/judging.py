"""What the runs of a treatment come to: their outcomes, the cause, the cure, and the report."""

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cli.errors import UserError
from eval.diagnosis.document import TREATMENT as OF_RUN
from eval.diagnosis.document import commands_of, write
from eval.diagnosis.finding import Diagnosis, Name
from eval.diagnosis.incident import NO_INCIDENT
from eval.diagnosis.pictures import draw
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import SURE, diagnose
from eval.diagnosis.words import figure, line, named
from eval.pages import png
from eval.plots.treatment import draw_arms, draw_before_after, draw_interaction
from eval.run_directory import (
    RunDirectory,
    read_json,
    read_metrics,
    read_test_predictions,
    write_bytes,
    write_json,
    write_text,
)
from eval.study_report import read_runs
from eval.treatment.arms import ArmsVerdict, judge_arms
from eval.treatment.causes import CauseVerdict, cause_of_arms, factor_effects, judge_factorial, swing_shows
from eval.treatment.cure import Cure, judge_cure
from eval.treatment.document import document
from eval.treatment.outcomes import outcomes
from eval.treatment.sections import in_words
from train.studies.designs import FACTORIAL, FRACTIONAL
from train.studies.plan import Study
from train.treatments.budget import cut_of
from train.treatments.plan import CONTROL, REMEDY, Case, Treatment, flags_of

TREATMENT, CURE = "treatment.json", "cure"
CELLS = "cells.csv"
"""Beside runs.csv: the outcomes of each run."""
PAST = 1.05
"""Times its lowest validation loss, from which on the model that a run keeps is past its best."""


def cells_of(folder: Path, study: Study, treatment: Treatment) -> pd.DataFrame:
    """The runs of a study with their outcomes, a row each; `cell` is the name of the arm.

    Also written as cells.csv. A run that broke off has the outcomes that its journal tells; that it did so is told by
    `diverged` and not by a status. Raises UserError where no run of the control left anything to judge by.
    """
    runs = read_runs(folder / "runs.csv", list(study.factors), "seconds")
    runs = runs[runs["seed"].isin([str(seed) for seed in study.seeds])]
    control = next(iter(treatment.arms))
    rows = []
    for row in runs.to_dict("records"):
        name = row.get(REMEDY, row["cell"])
        levels = {factor: row[factor] for factor in study.factors if factor != REMEDY}
        figures = figures_of(RunDirectory(folder / row["run"]), treatment.finding, continued=treatment.is_continued)
        cell = control if name == CONTROL else name
        rows.append(
            {
                "cell": cell,
                **levels,
                "seed": row["seed"],
                "ended": row["status"],
                "seconds": row["seconds"],
                **figures,
                "run": row["run"],
            }
        )
    cells = pd.DataFrame(rows)
    if cells.empty or not (cells.loc[cells["cell"] == control, "read"]).any():
        reasons = [reason for reason in runs["reason"] if reason]
        raise UserError(f"{folder}: no run can be judged" + (f"; the first one's reason: {reasons[0]}" * bool(reasons)))
    cells = cells.drop(columns="read")
    write_text(folder / CELLS, cells.to_csv(index=False))
    return cells


def figures_of(run: RunDirectory, finding: Name, *, continued: bool = False) -> dict[str, object]:
    """The outcomes of a run and `symptom`, whether the detector finds it there; `read` is whether there was a log.

    `continued`: the run began from a checkpoint. The detector of overfitting wants to see the fall before the rise, and
    such a run has none: there the symptom is a model kept that is PAST its best.
    """
    try:
        history = read_history(run.path)
    except UserError:
        return {"read": False}
    metrics = read_metrics(run.metrics) if run.metrics.exists() else None
    predictions = None
    if metrics is not None and run.test_predictions.exists():
        labels, probabilities = read_test_predictions(run.test_predictions)
        predictions = probabilities, labels
    figures: dict[str, object] = dict(outcomes(history, metrics, predictions))
    found = diagnose(history).findings
    figures["symptom"] = any(one.name == finding and one.confidence >= SURE for one in found)
    # Of the model that a run leaves, on rows that chose nothing: the best one where it kept that.
    figures["test_loss"] = _loss(metrics, "test")
    if continued and finding == Name.OVERFITTING:
        figures["symptom"] = _loss(metrics, "validation") > PAST * figures["best_validation_loss"]
    return figures | {"read": True}


def _loss(metrics: Mapping | None, split: str) -> float:
    """That of the model that a run kept; NaN where there is none."""
    figures = (metrics or {}).get(split, {})
    loss = figures.get("log_loss") or figures.get("loss")
    return np.nan if not loss or loss["value"] is None else loss["value"]


def judged(treatment: Treatment, tables: Sequence[pd.DataFrame]) -> tuple[CauseVerdict, list[ArmsVerdict]]:
    """The cause that the experiment tells, and its arms by further outcomes. `tables`: the cells of each study."""
    control = next(iter(treatment.arms))
    factors = treatment.study.levels
    # The control stands in both where there are two.
    cells = pd.concat(tables, ignore_index=True).drop_duplicates(["cell", "seed"])
    if treatment.finding == Name.OSCILLATION:
        cause = judge_factorial(cells, factors, **treatment.times)
    else:
        comparison = judge_arms(cells, treatment.outcome, control=control)
        effects = None
        if treatment.study.design in (FACTORIAL, FRACTIONAL):
            higher, margin = comparison.higher_is_better, comparison.margin
            effects = factor_effects(tables[0], factors, treatment.outcome, higher=higher, margin=margin)
        cause = cause_of_arms(comparison, treatment.hypotheses, effects=effects)
    also = [judge_arms(cells, outcome, control=control) for outcome in treatment.also if cells[outcome].notna().any()]
    return cause, also


def judged_cure(treatment: Treatment, cells: pd.DataFrame, remedy: str) -> Cure:
    """Whether the remedy cures, on the fresh seeds."""
    if treatment.finding == Name.OSCILLATION:
        # As the judgement of the cause has it.
        cells = cells.assign(symptom=swing_shows(cells))
    return judge_cure(cells, treatment.outcome, control=next(iter(treatment.arms)), remedy=remedy)


def report(
    treatment: Treatment,
    case: Case,
    folder: Path,
    diagnosis: Diagnosis,
    cause: CauseVerdict,
    rankings: Sequence[ArmsVerdict],
    cure: Cure | None,
    tables: Sequence[pd.DataFrame | None],
    command: str,
) -> None:
    """Write the plots, treatment.json and the run's incident report with the experiment in it.

    `tables`: the cells of the studies, those of the cure last, None where there was none.
    """
    run, size = case.run, treatment.size
    content = document(
        finding=str(treatment.finding),
        question=treatment.question,
        cause=cause,
        cure=cure,
        rankings=rankings,
        words={name: arm.words for name, arm in treatment.arms.items()},
        flags={name: flags_of(arm.flags) for name, arm in treatment.arms.items()},
        budget={
            "seconds": round(sum(float(table["seconds"].sum()) for table in tables if table is not None), 1),
            "seeds": size.seeds,
            "cure_seeds": size.cure_seeds,
            "steps": size.steps,
            "start": treatment.start,
            "cut": [*cut_of(size), *treatment.cut],
        },
        command=command,
    )
    for name, (drawn, shown) in _plots(folder, content, tables[-1]).items():
        write_bytes(folder / f"{name}.png", png(drawn))
        content["plots"][os.path.relpath(folder / name, run.path)] = shown
    write_json(folder / TREATMENT, content)
    pictures = {} if diagnosis.verdict in NO_INCIDENT else draw(case.history, diagnosis.findings)
    write(run.path, diagnosis, case.history, commands=commands_of(run.path, run, diagnosis), pictures=pictures)


def _plots(folder: Path, content: Mapping, cured: pd.DataFrame | None) -> dict[str, tuple[Figure, str]]:
    """The plots of a treatment.json, {name: the plot and what it shows}. `cured`: the cells of the cure."""
    plots = {"arms": (draw_arms(content["arms"], content["words"]), "Each arm against the run as it was")}
    if interaction := draw_interaction(content["cause"]):
        plots["interaction"] = (interaction, "The outcome by both factors")
    if cured is not None and content["cure"]["outcome"] == "swing":
        remedy = content["cure"]["remedy"]
        before, after = (
            [read_history(folder / CURE / path).validation for path in cured.loc[chosen, "run"]]
            for chosen in (cured["cell"] != remedy, cured["cell"] == remedy)
        )
        plots["swing"] = (
            draw_before_after(before, after, content["words"][remedy]),
            "The validation loss before and after",
        )
    return plots


def summary(run: RunDirectory, folder: Path, treated: Mapping) -> str:
    """The end of a treatment on a terminal: the verdict first, then the figures and where to read on."""
    cause, cure = treated["cause"], treated["cure"]
    remedy = cause["remedy"]
    headline = f"{named(treated['finding'])}: {cause['words']}"
    why = in_words(" ".join(cause["why"]), treated["words"])
    rows = [("confirmed" if cause["confirmed"] else "not confirmed", why)]
    rows += [(other["status"], f"{named(other['cause'])}: {other['why']}") for other in cause["others"]]
    if remedy:
        flags = treated["flags"].get(remedy, "")
        rows.append(("remedy", treated["words"].get(remedy, remedy) + (f": {flags}" if flags else "")))
    if cure:
        rows.append((cure["verdict"], _before_after(cure)))
    elif not remedy:
        rows.append(("cure", "none was tried: no arm helped"))
    rows.append(("report", str(run.incident if _is_told(run, folder, treated) else folder / TREATMENT)))
    return "\n".join([f"{headline[:1].upper()}{headline[1:]}", *_folded(rows)])


def _is_told(run: RunDirectory, folder: Path, treated: Mapping) -> bool:
    """Whether the incident report has the treatment in it: one in the run's own folder, of what the diagnosis says."""
    if not (run.incident.is_file() and run.diagnosis.is_file()):
        return False
    own = (run.path / OF_RUN).resolve() == (folder / TREATMENT).resolve()
    return own and read_json(run.diagnosis).get("verdict") == treated["finding"]


def _before_after(cure: Mapping) -> str:
    """`swing 0.21 -> 0.02, × 0.1 [0.07, 0.13] over 4 fresh seeds; the symptom in 4 of 4 runs before, 0 of 4 after`."""
    before, after, effect = cure["before"], cure["after"], cure["effect"]
    if effect["value"] is None:
        told = f"{named(cure['outcome'])} cannot be compared"
    else:
        sign, form = ("× ", ".3g") if cure["logarithmic"] else ("", "+.3g")
        ends = "" if effect["low"] is None else f" [{effect['low']:{form}}, {effect['high']:{form}}]"
        told = f"{named(cure['outcome'])} {figure(before['value'])} -> {figure(after['value'])}, "
        told += f"{sign}{effect['value']:{form}}{ends} over {effect['n']} fresh seeds"
    shown = [cure["symptom_before"], cure["symptom_after"]]
    if all(shown):
        counts = [f"{round(one['value'] * one['n'])} of {one['n']}" if one["n"] else "none" for one in shown]
        told += f"; the symptom in {counts[0]} runs before, {counts[1]} after"
    return told


def _folded(rows: Sequence[tuple[str, str]]) -> list[str]:
    lines, room = [], 2 + max(len(heading) for heading, _ in rows)
    for heading, text in rows:
        folded = textwrap.wrap(line(text), 100, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {heading if index == 0 else '':{room}}{part}" for index, part in enumerate(folded)]
    return lines
