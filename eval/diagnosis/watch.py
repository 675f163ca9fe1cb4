"""Diagnosing a run that is under way: when to look, and when to believe what is seen."""

from eval.diagnosis.finding import Finding, Name
from eval.diagnosis.history import History
from eval.diagnosis.verdict import SURE, diagnose

LOOKS = 40
"""Looks at a run, spread evenly over its steps: each one more is one more chance of a false alarm."""
HOLDS = 0.1
"""The share of the planned steps for which a verdict must hold before it is said."""


class Watch:
    """Looks at a run again and again, and says each verdict once, when it has held for a while."""

    def __init__(self, max_step: float):
        """`max_step`: the steps that are planned."""
        self._max_step = max_step
        self._last_look = 0.0
        self._verdict: Name | None = None
        self._since = 0.0
        self._said: set[Name] = set()

    def is_due(self, step: float) -> bool:
        """Whether enough steps have passed since the last look."""
        return step >= self._last_look + max(1.0, self._max_step / LOOKS)

    def look(self, history: History) -> Finding | None:
        """Judge what a run has logged so far; its finding when there is something new to say."""
        self._last_look = now = history.last_step
        found = diagnose(history, under_way=True).findings
        finding = found[0] if found and found[0].confidence >= SURE else None
        name = finding and finding.name
        if name != self._verdict:
            self._verdict, self._since = name, now
        if finding is None or name in self._said:
            return None
        if now - self._since < HOLDS * self._max_step and not _is_for_good(finding):
            return None
        self._said.add(name)
        return finding


def _is_for_good(finding: Finding) -> bool:
    """Whether a single look suffices: losses that are no number stay that."""
    return finding.name == Name.DIVERGENCE and "points_that_are_no_number" in finding.evidence
