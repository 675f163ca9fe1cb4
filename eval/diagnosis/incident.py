"""incident.md: what is wrong with a run, for a person with little time; the first lines are all that must be read."""

import re
from collections.abc import Mapping
from typing import Any

from eval.diagnosis.finding import Action, Cause, Diagnosis, Finding, Name
from eval.diagnosis.history import History
from eval.diagnosis.words import SYMPTOMS, figure, figures, in_a_row, judged_by, line, named, sentence, since, weight
from eval.markup import escape, image, table, text_table
from eval.treatment.sections import cause_line, experiment, mitigation_line

NO_INCIDENT = (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE)
AT_A_GLANCE = 3
"""Figures of the evidence among the first lines."""


def incident(
    diagnosis: Diagnosis,
    history: History,
    *,
    plots: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    treatment: Mapping[str, Any] | None = None,
) -> str | None:
    """The report as Markdown; None where the verdict is none to report.

    plots: {path of the PNG without its ending: what it shows}; commands: {what it does: the command}; treatment:
    treatment.json of this verdict, which then says the cause and the mitigation. Whatever comes from a run is escaped.
    """
    if diagnosis.verdict in NO_INCIDENT:
        return None
    finding, *further = diagnosis.findings
    sections = {
        "Experiment": experiment(treatment) if treatment else "",
        "Evidence": _evidence(finding, history, plots or {}),
        "Causes, the likeliest first": _causes(finding.causes),
        "Ruled out": text_table(
            ["not this", "because"], ([escape(named(other.name)), escape(other.why)] for other in finding.ruled_out)
        )
        if finding.ruled_out
        else "",
        "What to do": _to_do(finding),
        "What would confirm it": _list(finding.confirm_by),
        "Further findings": "\n".join(_further(other) for other in further),
        "What the log does not tell": _list(f"To tell more, log {what}." for what in diagnosis.insufficient),
        "Commands": _commands(commands or {}),
    }
    blocks = [_first_lines(finding, history, treatment)]
    blocks += [f"## {heading}\n\n{body}" for heading, body in sections.items() if body]
    return "\n\n".join(blocks) + "\n"


def _first_lines(finding: Finding, history: History, treatment: Mapping[str, Any] | None) -> str:
    cause = finding.causes[0] if finding.causes else Cause(cause="not told by this log")
    reason = f": {cause.for_[0]}" if cause.for_ else ""
    symptom = SYMPTOMS[finding.name].removesuffix(".") + (f",{since(finding)}" if since(finding) else "")
    step = finding.onset and finding.onset.step
    # The step of the onset is told already.
    numbers = {name: value for name, value in figures(finding).items() if step is None or value != figure(step)}
    numbers = f": {in_a_row(numbers, AT_A_GLANCE)}" if numbers else ""
    today = _action(finding.today[0]) if finding.today else "none is known"
    probable = f"- **Probable cause:** {escape(sentence(cause.cause + reason))}"
    mitigation = f"- **Immediate mitigation:** {today[:1].upper()}{today[1:]}."
    return "\n".join(
        [
            f"# {escape(named(finding.name)).capitalize()} in {escape(history.source)}",
            "",
            f"- **Symptom:** {escape(symptom + numbers)}.",
            cause_line(treatment) if treatment else probable,
            (treatment and mitigation_line(treatment)) or mitigation,
            f"- **Longer-term fix:** {escape(sentence('; '.join(finding.next_week) or 'none is known'))}",
            "",
            f"{sentence(weight(finding))}",
        ]
    )


def _evidence(finding: Finding, history: History, plots: Mapping[str, str]) -> str:
    blocks = [f"Judged by {judged_by(history)}."]
    if finding.evidence:
        rows = ([escape(name), escape(value)] for name, value in figures(finding).items())
        blocks.append(table(["figure", "value"], rows))
    blocks += [image(path, escape(shown)) for path, shown in plots.items()]
    if history.notes:
        blocks.append(f"What was strange in the log: {escape('; '.join(history.notes), 600)}.")
    return "\n\n".join(blocks)


def _causes(causes: list[Cause]) -> str:
    rows = (
        [escape(cause.cause), escape("; ".join(cause.for_)) or "–", escape("; ".join(cause.against)) or "–"]
        for cause in causes
    )
    return text_table(["cause", "for", "against"], rows) if causes else ""


def _to_do(finding: Finding) -> str:
    blocks = []
    if finding.today:
        blocks.append("Today, one at a time:\n\n" + "\n".join(f"- {_action(action)}" for action in finding.today))
    if finding.next_week:
        blocks.append("Next week:\n\n" + _list(finding.next_week))
    return "\n\n".join(blocks)


def _further(finding: Finding) -> str:
    cause = f" Likeliest cause: {escape(finding.causes[0].cause)}." if finding.causes else ""
    today = f" Today: {_action(finding.today[0])}." if finding.today else ""
    numbers = escape(sentence(in_a_row(figures(finding)))) if finding.evidence else ""
    words = f"{SYMPTOMS[finding.name]} {sentence(weight(finding))} {numbers}"
    return f"- **{escape(named(finding.name))}**{since(finding)}: {words}{cause}{today}"


def _action(action: Action) -> str:
    return escape(action.action) + (f": {_code(action.flags)}" if action.flags else "")


def _commands(commands: Mapping[str, str]) -> str:
    return "\n\n".join(f"{escape(words)}:\n\n    {line(command)}" for words, command in commands.items())


def _list(items) -> str:
    return "\n".join(f"- {escape(item)}" for item in items)


def _code(text: str) -> str:
    """A piece of code: fenced by more backticks than it holds in a row."""
    text = line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"
