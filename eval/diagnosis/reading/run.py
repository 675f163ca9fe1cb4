"""The log of a run directory: its journal with the gradients by layer, its settings, its classes."""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cli.errors import UserError
from eval.diagnosis.history import Gradients, History
from eval.diagnosis.reading.curves import history
from eval.diagnosis.reading.table import table_of_rows
from eval.run_directory import RunDirectory, is_being_trained, read_journal, read_settings


def read_run(run: RunDirectory) -> History:
    """What the journal of a run says, whether it is finished, was killed or is still being trained."""
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        records = read_journal(run.journal)
    if caught:
        notes.append(f"{len(caught)} broken lines of the journal are left out")
    if is_being_trained(run):
        notes.append("the run is still being trained")
    elif not run.metrics.exists():
        notes.append("the run was not finished")
    settings = settings_of_run(run.path)
    return history_of_records(records, str(run.path), settings, classes_of(run.path), tuple(notes))


def history_of_records(
    records: Sequence[Mapping[str, Any]],
    source: str,
    settings: Mapping[str, object] | None = None,
    classes: int | None = None,
    notes: tuple[str, ...] = (),
) -> History:
    """What the lines of a journal say, as read_journal returns them."""
    rows = []
    for record in records:
        if record["kind"] in ("train", "eval"):
            prefix = "eval_" if record["kind"] == "eval" else "train_"
            places = {"step": record["step"], "epoch": record["epoch"]}
            same = {name: record[name] for name in ("learning_rate", "grad_norm") if name in record}
            figures = {prefix + name: value for name, value in record.items() if name not in {"kind", *places, *same}}
            rows.append(places | same | figures)
    events = [record for record in records if record["kind"] == "event"]
    planned = [e["max_steps"] for e in events if isinstance(e.get("max_steps"), int) and e["max_steps"] > 0]
    norms = [record for record in records if record["kind"] == "grad_norms"]
    if norms and not any("grad_norm" in row for row in rows):
        rows += [{"step": r["step"], "epoch": r["epoch"], "grad_norm": r["total"]} for r in norms]
    return history(
        table_of_rows(rows),
        source,
        settings=settings,
        max_step=float(planned[-1]) if planned else None,
        classes=classes,
        gradients=_gradients(norms),
        restarts=tuple(float(event["step"]) for event in events if event["event"] == "resume"),
        notes=notes,
    )


def settings_of_run(folder: Path) -> dict[str, object]:
    """The settings of a run, {} where there are none to be read."""
    with suppress(UserError):
        return {name: value for name, value in read_settings(folder / "config.yaml").items() if value is not None}
    return {}


def classes_of(folder: Path) -> int | None:
    """Of how many classes (of a language model: tokens) a saved model tells; None where no model says so."""
    for path in (folder / "config.json", *(c / "config.json" for c in reversed(RunDirectory(folder).checkpoints))):
        with suppress(OSError, ValueError):
            config = json.loads(path.read_bytes())
            architecture = str((config.get("architectures") or [""])[0])
            if "Classification" in architecture:
                # The library leaves out what is as always: two classes.
                classes = len(config.get("id2label") or "01")
                return classes if classes > 1 else None
            if architecture.endswith(("ForCausalLM", "LMHeadModel", "ForMaskedLM")):
                return config.get("vocab_size")
    return None


def _gradients(records: Sequence[Mapping[str, Any]]) -> Gradients | None:
    """(recordings, layers) arrays of what "grad_norms" lines hold, those of a step said twice from the later one."""
    records = [record for _, record in sorted({record["step"]: record for record in records}.items())]
    layers = list(dict.fromkeys(layer for record in records for layer in record["layers"]))
    if not layers:
        return None
    names = dict.fromkeys(name for record in records for layer in record["layers"].values() for name in layer)
    figures = {
        name: np.array(
            [[record["layers"].get(layer, {}).get(name, math.nan) for layer in layers] for record in records],
            dtype=np.float64,
        )
        for name in names
    }
    step = np.array([record["step"] for record in records], dtype=float)
    # They are recorded before clipping.
    return Gradients(layers, step, figures, np.zeros(len(step), dtype=bool))
