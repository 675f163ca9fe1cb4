"""What a diagnosis consists of; the shapes are those of diagnosis.json."""

from dataclasses import dataclass, field
from enum import StrEnum


class Name(StrEnum):
    """Every verdict that can be."""

    HEALTHY = "healthy"
    UNDERTRAINED = "undertrained"
    UNDERFITTING = "underfitting"
    PLATEAU = "plateau"
    OVERFITTING = "overfitting"
    OSCILLATION = "oscillation"
    DIVERGENCE = "divergence"
    VANISHING_GRADIENTS = "vanishing_gradients"
    EXPLODING_GRADIENTS = "exploding_gradients"
    DEAD_UNITS = "dead_units"
    DEGENERATE_MODEL = "degenerate_model"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


@dataclass(frozen=True, slots=True)
class Onset:
    """Where it begins; the epoch is None where the log has none."""

    step: float | None
    epoch: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause with what speaks for it and against it."""

    cause: str
    for_: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RuledOut:
    """Another explanation and why it is not the one."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, with the flags of train/run.py that do it."""

    action: str
    flags: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a run; severity and confidence from 0 to 1, causes the likeliest first."""

    name: Name
    severity: float
    confidence: float
    onset: Onset | None
    evidence: dict[str, float]
    causes: list[Cause]
    ruled_out: list[RuledOut] = field(default_factory=list)
    today: list[Action] = field(default_factory=list)
    next_week: list[str] = field(default_factory=list)
    confirm_by: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The verdict, the one to act on first, every finding in that order, and what a log lacks to tell more."""

    verdict: Name
    findings: list[Finding]
    insufficient: list[str]
