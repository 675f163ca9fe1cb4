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
from eval.diagnosis.history import History
from eval.diagnosis.reading.curves import history
from eval.diagnosis.reading.journal import Lines, lines_of_large, lines_of_records
from eval.diagnosis.reading.table import Table, number, table_of_rows
from eval.run_directory import RunDirectory, is_being_trained, read_journal, read_settings


def read_run(run: RunDirectory) -> History:
    """What the journal of a run says, whether it is finished, was killed or is still being trained."""
    notes = []
    if (lines := lines_of_large(run.journal)) is None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lines = lines_of_records(read_journal(run.journal))
        if len(caught) == 1:
            notes.append("a broken line of the journal is left out")
        elif caught:
            notes.append(f"{len(caught)} broken lines of the journal are left out")
    if is_being_trained(run):
        notes.append("the run is still being trained")
    elif not run.metrics.exists():
        notes.append("the run was not finished")
    return _history(lines, str(run.path), settings_of_run(run.path), classes_of(run.path), tuple(notes))


def history_of_records(
    records: Sequence[Mapping[str, Any]],
    source: str,
    settings: Mapping[str, object] | None = None,
    classes: int | None = None,
    notes: tuple[str, ...] = (),
) -> History:
    """What the lines of a journal say, as read_journal returns them."""
    return _history(lines_of_records(records), source, settings, classes, notes)


def _history(
    lines: Lines,
    source: str,
    settings: Mapping[str, object] | None,
    classes: int | None,
    notes: tuple[str, ...],
) -> History:
    figures, events = lines.figures, lines.events
    if "grad_norm" not in figures.values:
        figures = figures.followed_by(lines.totals)
    figures, said = _with_stop(figures, events)
    planned = [e["max_steps"] for e in events if isinstance(e.get("max_steps"), int) and e["max_steps"] > 0]
    return history(
        figures,
        source,
        settings=settings,
        max_step=float(planned[-1]) if planned else None,
        classes=classes,
        gradients=lines.gradients,
        restarts=tuple(float(event["step"]) for event in events if event["event"] == "resume"),
        notes=(*notes, *said),
    )


def _with_stop(figures: Table, events: Sequence[Mapping[str, Any]]) -> tuple[Table, list[str]]:
    """The loss as lost where the run was stopped for a loss, gradient or weight that is no number, and what to say.

    The Trainer logs no loss of a step that is never taken. A run that went on tells by its later losses.
    """
    stop = next((event for event in reversed(events) if event["event"] == "non_finite"), None)
    training = figures.words.get("kind", np.empty(figures.rows)) == "train"
    training &= figures.logged.get("loss", np.zeros(figures.rows, dtype=bool))
    steps = figures.values["step"][training] if training.any() else np.empty(0)
    if stop is None or (steps > stop["step"]).any():
        return figures, []
    value = number(stop.get("value"))
    value = math.inf if value is not None and math.isfinite(value) else math.nan if value is None else value
    quantity, layer = stop.get("quantity"), stop.get("layer")
    norm = {"grad_norm": value} if quantity == "gradient" else {}
    where = f"the {quantity}" + (f" of {layer}" if layer else "") if quantity else "something"
    said = f"the run was stopped at step {stop['step']:g}: {where} was {'NaN' if math.isnan(value) else 'infinite'}"
    if (steps == stop["step"]).any():
        here = training & (figures.values["step"] == stop["step"])
        loss = figures.values["loss"]
        figures.values["loss"] = np.where(here & np.isfinite(loss), value, loss)
    else:
        figures = figures.followed_by(table_of_rows([{"kind": "train", "step": stop["step"], "loss": value} | norm]))
    return figures, [said]


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
