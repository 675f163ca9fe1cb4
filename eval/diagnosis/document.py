"""A diagnosis as it is written down: diagnosis.json, and incident.md with its plots where there is something."""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from eval.diagnosis.finding import Diagnosis, Finding
from eval.diagnosis.history import History
from eval.diagnosis.incident import NO_INCIDENT, incident
from eval.run_directory import SCHEMA_VERSION, RunDirectory, plain, remove, write_bytes, write_json, write_text
from eval.treatment.sections import read_treatment

PLOTS = "diagnosis"
"""The folder of the plots, beside incident.md."""
TREATMENT = Path("treatment") / "treatment.json"
"""What train/treat.py found out about a run, inside it."""
SHOWN = {
    "loss": "Training and evaluation loss with the onsets",
    "metrics": "Evaluation metrics with the onsets",
    "gradients": "Gradient norms by layer and step",
    "layers": "Gradient norms by layer at the start, halfway and at the end",
}
"""The plots and what they show."""


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """What diagnosis.json holds: Python's own types only, whole steps as whole numbers.

    A figure of the evidence that is NaN or infinite is left out: JSON has no such number.
    """
    content = {
        "schema": SCHEMA_VERSION,
        "verdict": str(diagnosis.verdict),
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "insufficient": list(diagnosis.insufficient),
    }
    return plain(content)


def write(
    folder: Path,
    diagnosis: Diagnosis,
    history: History,
    *,
    commands: Mapping[str, str],
    pictures: Mapping[str, bytes] | None = None,
) -> Path | None:
    """Write a diagnosis into a folder; returns the path of its incident.md, if it has one.

    pictures: {name of SHOWN: PNG}, for the incident. What an earlier diagnosis left there goes. diagnosis.json comes
    last: whoever sees it finds what it is about.
    """
    files, pictures = RunDirectory(folder), pictures or {}
    for name, picture in pictures.items():
        write_bytes(folder / PLOTS / f"{name}.png", picture)
    shown = {f"{PLOTS}/{name}": SHOWN[name] for name in pictures}
    treatment = read_treatment(folder / TREATMENT, str(diagnosis.verdict))
    report = incident(diagnosis, history, plots=shown, commands=commands, treatment=treatment)
    if report is None:
        remove(files.incident)
    else:
        write_text(files.incident, report)
    for name in SHOWN.keys() - pictures.keys():
        remove(folder / PLOTS / f"{name}.png")
    with suppress(OSError):
        # Only an empty one goes.
        (folder / PLOTS).rmdir()
    write_json(files.diagnosis, document(diagnosis))
    return None if diagnosis.verdict in NO_INCIDENT else files.incident


def commands_of(log: Path, run: RunDirectory, diagnosis: Diagnosis, order: str | None = None) -> dict[str, str]:
    """What an incident says can be typed next, {what it does: the command}; `order` as eval/diagnose.py was told."""
    flag = f" --order {order}" if order else ""
    commands = {"The diagnosis again, with its plots": f"python eval/diagnose.py {shlex.quote(str(log))}{flag}"}
    remedies = [action.flags for finding in diagnosis.findings[:1] for action in finding.today]
    if run.config.is_file() and remedies and remedies[0].startswith("--"):
        path = run.path if run.path.name not in ("", "..") else run.path.resolve()
        settings, mended = shlex.quote(str(run.config)), shlex.quote(f"{path}-mended")
        commands["The run with the first remedy"] = (
            f"accelerate launch train/run.py --config {settings} --output_dir {mended} {remedies[0]}"
        )
    return commands


def _finding(finding: Finding) -> dict[str, Any]:
    onset = finding.onset
    return {
        "name": str(finding.name),
        "severity": finding.severity,
        "confidence": finding.confidence,
        "onset": {"step": _whole(onset and onset.step), "epoch": onset and onset.epoch},
        "evidence": {name: value for name, value in finding.evidence.items() if isfinite(value)},
        "causes": [
            {"cause": cause.cause, "for": list(cause.for_), "against": list(cause.against)} for cause in finding.causes
        ],
        "ruled_out": [asdict(other) for other in finding.ruled_out],
        "today": [asdict(action) for action in finding.today],
        "next_week": list(finding.next_week),
        "confirm_by": list(finding.confirm_by),
    }


def _whole(step: float | None) -> float | int | None:
    return int(step) if step is not None and float(step).is_integer() else step
