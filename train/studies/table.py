"""The table of a study, runs.csv, and its judgement."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cli.errors import UserError
from eval.run_directory import RunDirectory, read_test_predictions, write_text
from eval.verdicts import RELIABILITY
from train.studies.plan import Study
from train.studies.storage import Row

TABLE = "runs.csv"


def figures_of(metrics: dict, *, seconds: float, training_seconds: float, steps: int) -> dict:
    """What is kept of a run: its cost, and each value of metrics.json under `group.figure`."""
    figures = {"seconds": round(seconds, 2), "training_seconds": round(training_seconds, 2), "steps": steps}
    for group in ("validation", "test", RELIABILITY):
        for name, estimate in metrics.get(group, {}).items():
            figures[f"{group}.{name}"] = estimate["value"]
    return figures | {f"training.{name}": value for name, value in metrics.get("training", {}).items()}


def write_table(folder: Path, study: Study, rows: Iterable[Row]) -> None:
    """Write runs.csv: a row for each cell that is finished."""
    finished = [row for row in rows if row.is_finished]
    columns = ["cell", *(["sampler"] if study.is_search else []), *study.factors, *study.ranges, "seed", "status"]
    columns += ["reason", "run"]
    figures = list(dict.fromkeys(name for row in finished for name in row.figures))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, *figures], lineterminator="\n")
    writer.writeheader()
    for row in finished:
        cell = row.cell
        known = {"cell": cell.name, "sampler": cell.sampler, **cell.levels}
        known |= {"seed": cell.seed, "status": row.status, "reason": row.reason, "run": f"runs/{cell.key}"}
        writer.writerow({name: value for name, value in (known | row.figures).items() if name in (*columns, *figures)})
    write_text(folder / TABLE, text.getvalue())


def right_answers(folder: Path, rows: Iterable[Row]) -> dict[str, np.ndarray] | None:
    """Which test rows each run gets right, {its `run` in runs.csv: (rows,) of bool}; None where rows do not pair."""
    found = {}
    for row in rows:
        path = RunDirectory(folder / "runs" / row.cell.key).test_predictions
        if row.status == "complete" and path.exists():
            try:
                labels, probabilities = read_test_predictions(path)
            except UserError:
                continue
            found[f"runs/{row.cell.key}"] = probabilities.argmax(axis=1) == labels
    return found if len({len(right) for right in found.values()}) == 1 else None
