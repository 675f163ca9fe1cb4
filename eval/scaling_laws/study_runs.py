"""The table that `python train/study.py` leaves of language models, as a table of runs."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from cli.errors import UserError
from eval.scaling_laws.table import FEWEST, ScalingTable, make_table

COLUMNS = {
    "loss": "validation.loss",
    "parameters": "training.non_embedding_parameters",
    "tokens": "training.tokens",
    "compute": "training.flops",
}
"""What each kind is called in runs.csv."""


@dataclass(frozen=True, slots=True)
class StudyRuns:
    """How far a study is, and its complete runs as a table: None where they are too few to fit anything."""

    folder: Path
    complete: int
    planned: int
    table: ScalingTable | None

    @property
    def finished(self) -> bool:
        return 0 < self.planned <= self.complete

    def __str__(self) -> str:
        if not self.planned:
            return f"{self.folder / 'runs.csv'} is not there: nothing was measured yet."
        missing = self.planned - self.complete
        if missing:
            return f"Unfinished: {missing} of {self.planned} runs are missing. What follows rests on the others."
        table = self.table
        return (
            f"All {self.planned} runs are there: {len(set(table.parameters.tolist()))} sizes, "
            f"{table.tokens.max() / table.tokens.min():.0f}-fold tokens, {table.compute.sum():.3g} FLOP in all."
        )


def read_study_runs(folder: Path) -> StudyRuns:
    """Read runs.csv and study.yaml of a study whose design is a grid; a folder without them has no runs.

    Raises UserError for a table of another kind, with the column that it has not.
    """
    try:
        study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        text = (folder / "runs.csv").read_text(encoding="utf-8")
    except FileNotFoundError:
        return StudyRuns(folder, 0, 0, None)
    rows = [row for row in csv.DictReader(text.splitlines()) if row["status"] == "complete"]
    planned = len(study["seeds"]) * math.prod(len(levels) for levels in study["factors"].values())
    if len(rows) < FEWEST:
        return StudyRuns(folder, len(rows), planned, None)
    if absent := [column for column in COLUMNS.values() if column not in rows[0]]:
        raise UserError(f"{folder / 'runs.csv'} has no column {absent[0]}: give the study of a language model")
    columns = {kind: [float(row[name]) for row in rows] for kind, name in COLUMNS.items()}
    return StudyRuns(folder, len(rows), planned, make_table(**columns))
