"""A diagnosis as diagnosis.json holds it."""

from dataclasses import asdict
from math import isfinite
from typing import Any

from eval.diagnosis.finding import Diagnosis, Finding
from eval.run_directory import SCHEMA_VERSION, plain


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
