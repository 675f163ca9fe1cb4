"""A diagnosis on the page: the verdict in one line, then what it rests on, why, and what to do."""

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from eval.diagnosis.finding import Cause, Finding, Name
from eval.diagnosis.telling import told
from eval.diagnosis.words import SYMPTOMS, figures, judged_by, line, named, since, weight
from space.documents import markdown_to_html
from space.judged import Judged

# Without a safe address (https, or this machine) a page has no clipboard; a click selects the text all the same.
COPY = "navigator.clipboard?.writeText(this.dataset.copy).then(() => { this.textContent = 'Copied' })"


def diagnosis_html(judged: Judged) -> str:
    """Verdict, findings and what to log; long parts are folded."""
    diagnosis, history = judged.diagnosis, judged.history
    # The very line that the command prints.
    verdict, name = told(diagnosis, history).partition("\n")[0], named(diagnosis.verdict)
    parts = [
        f'<p class="headline"><strong>{escape(name)}</strong>{escape(verdict.removeprefix(name))}</p>',
        f'<p class="basis">Judged by {escape(judged_by(history))}.</p>',
        *(f'<p class="basis">Note: {escape(line(note))}.</p>' for note in history.notes),
    ]
    alone = len(diagnosis.findings) == 1 and diagnosis.findings[0].name == diagnosis.verdict
    for number, finding in enumerate(diagnosis.findings, start=1):
        heading = f"<strong>{number}. {escape(named(finding.name))}</strong>{escape(since(finding))}, {weight(finding)}"
        parts.append(_body(finding) if alone else _folded(heading, _body(finding), opened=number == 1))
    if diagnosis.insufficient:
        wanted = _list(escape(what) for what in diagnosis.insufficient)
        parts.append(_folded("To know more, log", wanted, opened=diagnosis.verdict == Name.INSUFFICIENT_EVIDENCE))
    return f'<div class="diagnosis">{"".join(parts)}</div>'


def incident_html(report: str) -> str:
    """An incident report, with its Markdown to copy or to keep."""
    copy = _copy_button(report, "Copy as Markdown")
    address = f"data:text/markdown;charset=utf-8,{quote(report)}"
    return f'<p class="take">{copy} <a download="incident.md" href="{address}">Download incident.md</a></p>' + (
        markdown_to_html(report)
    )


def _body(finding: Finding) -> str:
    numbers = [f"<span>{escape(name)} <b>{escape(value)}</b></span>" for name, value in figures(finding).items()]
    rows = {
        "Numbers": f'<p class="numbers">{" ".join(numbers)}</p>' if numbers else "",
        "Why" if len(finding.causes) < 2 else "Why, the likeliest first": _list(map(_cause, finding.causes), "ol"),
        "Today": _list(
            escape(action.action) + (f"<br>{_code(action.flags)}" if action.flags else "") for action in finding.today
        ),
    }
    folded = {
        "Ruled out": _list(f"{escape(named(other.name))}: {escape(other.why)}" for other in finding.ruled_out),
        "Next week": _list(map(escape, finding.next_week)),
        "What would confirm it": _list(map(escape, finding.confirm_by)),
    }
    symptom = f"<p>{escape(SYMPTOMS[finding.name])}</p>"
    later = _rows(folded)
    heading = ", ".join(heading.lower() for heading, html in folded.items() if html)
    return symptom + _rows(rows) + (_folded(heading.capitalize(), later) if later else "")


def _cause(cause: Cause) -> str:
    sides = [("for", cause.for_), ("against", cause.against)]
    return escape(cause.cause) + "".join(
        f"<br><em>{side}:</em> {escape('; '.join(reasons))}" for side, reasons in sides if reasons
    )


def _rows(rows: dict[str, str]) -> str:
    shown = "".join(f"<dt>{heading}</dt><dd>{html}</dd>" for heading, html in rows.items() if html)
    return f"<dl>{shown}</dl>" if shown else ""


def _list(items: Iterable[str], tag: str = "ul") -> str:
    items = list(items)
    if len(items) == 1:
        return f"<p>{items[0]}</p>"
    return f"<{tag}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>" if items else ""


def _folded(heading: str, body: str, *, opened: bool = False) -> str:
    return f"<details{' open' if opened else ''}><summary>{heading}</summary>{body}</details>"


def _code(text: str) -> str:
    text = line(text)
    return f"<code>{escape(text)}</code> {_copy_button(text, 'Copy')}"


def _copy_button(text: str, words: str) -> str:
    return f'<button type="button" class="copy" data-copy="{escape(text)}" onclick="{escape(COPY)}">{words}</button>'
