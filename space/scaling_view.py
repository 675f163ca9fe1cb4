"""An analysis of a scaling law in words, as HTML: what the command prints, in the same order."""

from typing import Any

from eval.scaling_laws import telling
from space.texts import text_html

ASK = "Type a budget, or parameters N and tokens D, and ask: the answer comes with what it rests on."


def answer_html(data: dict[str, Any], name: str) -> str:
    """The sentence that matters, what the table can tell apart, and the answers."""
    parts = [
        f'<p class="headline"><strong>{text_html(telling.headline(data))}</strong></p>',
        f"<p><small>{text_html(name)}: {data['law']['rows']:,} runs</small></p>",
        _rows(telling.about_table(data)),
    ]
    if data["prediction"]:
        parts += ["<h4>The run that was asked for</h4>", _rows(telling.about_prediction(data))]
    if data["budget"]:
        parts += ["<h4>The best use of the budget</h4>", _rows(telling.about_budget(data))]
    if not (data["prediction"] or data["budget"]):
        parts.append(f"<p>{ASK}</p>")
    return f'<div class="scaling">{"".join(parts)}</div>'


def law_html(data: dict[str, Any]) -> str:
    """The constants with their intervals, and the laws that were compared."""
    header, rows, notes = telling.compared(data)
    head = "".join(f"<th>{text_html(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{text_html(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scaling"><h4>The law</h4>{_rows(telling.about_law(data))}<h4>Laws compared</h4>'
        f'<div class="wide"><table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p><small>{text_html(notes)}</small></p></div>"
    )


def _rows(rows: telling.Rows) -> str:
    """Sentences beside their headings, those without one under the one before."""
    if not rows:
        return ""
    told = (
        f"{f'<dt>{text_html(heading)}</dt>' if heading else ''}<dd>{text_html(text)}</dd>" for heading, text in rows
    )
    return f"<dl>{''.join(told)}</dl>"
