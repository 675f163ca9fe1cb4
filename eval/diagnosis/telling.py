"""A diagnosis as it is printed."""

import textwrap
from collections.abc import Iterable

from eval.diagnosis.finding import Cause, Diagnosis, Finding, Name
from eval.diagnosis.history import History
from eval.diagnosis.words import SYMPTOMS, figures, in_a_row, judged_by, line, named, since, weight

MOST_CAUSES = 3


def told(diagnosis: Diagnosis, history: History) -> str:
    """The verdict in one line, what it rests on, the findings, and what to log."""
    findings = diagnosis.findings
    if diagnosis.verdict == Name.HEALTHY:
        lines = ["healthy: " + ("nothing was found to be wrong" if not findings else "nothing is surely wrong")]
    elif diagnosis.verdict == Name.INSUFFICIENT_EVIDENCE:
        lines = ["insufficient evidence: the log cannot tell"]
    else:
        lines = [f"{named(findings[0].name)}{since(findings[0])}, {weight(findings[0])}"]
    lines += _rows([("judged by", judged_by(history)), *(("note", note) for note in history.notes)])
    for number, finding in enumerate(findings, start=1):
        alone = len(findings) == 1 and finding.name == diagnosis.verdict
        heading = f"{number}. {named(finding.name)}{since(finding)}, {weight(finding)}"
        lines += ["", *([] if alone else [heading]), *_told_of(finding)]
    if diagnosis.insufficient:
        lines += ["", "To know more, log", *_rows(("", what) for what in diagnosis.insufficient)]
    return "\n".join(lines)


def _told_of(finding: Finding) -> list[str]:
    rows = [("symptom", SYMPTOMS[finding.name]), ("numbers", in_a_row(figures(finding)))]
    rows += [("causes", f"{rank}. {_cause(cause)}") for rank, cause in enumerate(finding.causes[:MOST_CAUSES], start=1)]
    rows += [("not", f"{named(other.name)}: {other.why}") for other in finding.ruled_out]
    rows += [("today", action.action + (f": {action.flags}" if action.flags else "")) for action in finding.today]
    rows += [("next week", later) for later in finding.next_week]
    rows += [("confirm by", what) for what in finding.confirm_by]
    return _rows(rows)


def _cause(cause: Cause) -> str:
    """With what speaks for it and against it."""
    reasons = [f"{word}: {'; '.join(said)}" for word, said in (("for", cause.for_), ("against", cause.against)) if said]
    return cause.cause + (f" ({'. '.join(reasons)})" if reasons else "")


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Texts beside their headings, wrapped; a heading that comes again is left out."""
    lines, last = [], None
    for heading, text in rows:
        shown = "" if heading == last else heading
        folded = textwrap.wrap(line(text), 100, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {shown if index == 0 else '':12}{part}" for index, part in enumerate(folded)]
        last = heading
    return lines
