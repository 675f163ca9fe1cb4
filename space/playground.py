"""What small edits of one text do to the answer."""

from dataclasses import dataclass
from os.path import commonprefix

from data.checks import LABEL_NAMES
from data.edits import EDITS, MEANING_PRESERVING, edited
from eval.calibration import apply_temperature
from space.texts import checked, text_html

TURNING = ("negate",)
"""The edits after which the answer should turn; a double negation comes back to where it was."""
CONTEXT = 100
"""Characters shown on either side of a change."""
LONGEST_CHANGE = 300


@dataclass(frozen=True, slots=True)
class Edited:
    """The text after one edit, and what the model says to it."""

    edit: str
    text: str
    positive: float
    """Probability of POSITIVE, calibrated where the model was evaluated."""
    swing: float
    """How far that probability moved from the original's."""
    flips: bool

    @property
    def label(self) -> str:
        """NEGATIVE or POSITIVE."""
        return LABEL_NAMES[self.positive > 0.5]

    @property
    def faulty(self) -> bool:
        """Whether the answer turned where it should not, or stayed where it should turn."""
        return self.flips != (self.edit in TURNING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A text under every edit."""

    text: str
    positive: float
    preserving: list[Edited]
    """The edits that leave the meaning alone, the worst first: flips, then by swing."""
    changing: list[Edited]
    """Those that do not, the faulty first."""
    inapplicable: list[str]
    calibrated: bool
    """Whether there was an evaluation to calibrate the probabilities by; else they are raw."""

    @property
    def kind(self) -> str:
        """What the probabilities are, in a word."""
        return "calibrated" if self.calibrated else "raw"


def perturb(clinic, text: str | None) -> Outcome:
    """Ask the served model about every edit of a text, each drawn once and always alike; UserError for a bad text."""
    text = checked(text)
    drawn = {name: edited(name, text, 0) for name in EDITS}
    found = {name: changed for name, changed in drawn.items() if changed is not None}
    probabilities = clinic.predictor().predict([text, *found.values()]).probabilities
    calibration = clinic.calibration()
    original, *after = apply_temperature(probabilities, calibration.temperature)[:, 1].tolist()
    rows = [
        Edited(name, changed, positive, positive - original, (positive > 0.5) != (original > 0.5))
        for (name, changed), positive in zip(found.items(), after, strict=True)
    ]
    rows.sort(key=lambda row: (row.faulty, abs(row.swing)), reverse=True)
    return Outcome(
        text,
        original,
        [row for row in rows if row.edit in MEANING_PRESERVING],
        [row for row in rows if row.edit not in MEANING_PRESERVING],
        [name for name, changed in drawn.items() if changed is None],
        calibration.fitted,
    )


def outcome_html(outcome: Outcome) -> str:
    """The whole outcome: a sentence, a table of either kind of edits, and those that do not apply."""
    label = LABEL_NAMES[outcome.positive > 0.5]
    parts = [
        f"<p>The original is <strong>{label}</strong>, {outcome.kind} P(POSITIVE) = {outcome.positive:.3f}. "
        f"{_told(outcome)}</p>"
    ]
    if outcome.preserving:
        parts += ["<h4>Edits that keep the meaning: the answer should stay</h4>", _table(outcome, outcome.preserving)]
    if outcome.changing:
        parts += ["<h4>Negations: the answer should turn, and turn back</h4>", _table(outcome, outcome.changing)]
    if outcome.inapplicable:
        parts.append(f"<p>Not applicable to this text: {', '.join(map(_words, outcome.inapplicable))}.</p>")
    parts.append(
        f"<p><small>Swing: how far the {outcome.kind} probability of POSITIVE moved. What changed is marked."
        "</small></p>"
    )
    return "".join(parts)


def _told(outcome: Outcome) -> str:
    rows = outcome.preserving
    if not rows:
        return "No edit that keeps the meaning applies."
    flips = [_words(row.edit) for row in rows if row.flips]
    edits = "1 edit that keeps" if len(rows) == 1 else f"{len(rows)} edits that keep"
    if flips:
        flip = "1 flips" if len(flips) == 1 else f"{len(flips)} flip"
        return f"Of {edits} the meaning, <strong>{flip} the answer</strong>: {', '.join(flips)}."
    widest = max(rows, key=lambda row: abs(row.swing))
    return f"Of {edits} the meaning, none flips the answer; widest swing {widest.swing:+.3f} ({_words(widest.edit)})."


def _table(outcome: Outcome, rows: list[Edited]) -> str:
    body = "".join(
        f"<tr{' class=fault' if row.faulty else ''}><td>{_words(row.edit)}<br><small>{_verdict(row)}</small></td>"
        f"<td>{row.positive:.3f}<br><small>{row.swing:+.3f}</small></td><td>{_marked(outcome.text, row.text)}</td></tr>"
        for row in rows
    )
    kind = outcome.kind.capitalize()
    head = f"<tr><th>Edit and answer</th><th>{kind}<br>P(POSITIVE)<br>and swing</th><th>Edited text</th></tr>"
    return (
        f'<div class="wide edits" tabindex="0" role="region" aria-label="Edits"><table class="probes">'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _verdict(row: Edited) -> str:
    if row.edit in TURNING:
        return (
            f"flips to {row.label}, as it should"
            if row.flips
            else f"stays {row.label}: <strong>it should flip</strong>"
        )
    return f"<strong>flips to {row.label}</strong>" if row.flips else f"stays {row.label}"


def _marked(before: str, after: str) -> str:
    """The edited text with what changed marked; of a long text, what stands about it."""
    start = len(commonprefix([before, after]))
    same = len(commonprefix([before[start:][::-1], after[start:][::-1]]))
    head, change, tail = after[:start], after[start : len(after) - same], after[len(after) - same :]
    head = head if len(head) <= CONTEXT else "…" + head[-CONTEXT:]
    tail = tail if len(tail) <= CONTEXT else tail[:CONTEXT] + "…"
    change = change if len(change) <= LONGEST_CHANGE else change[:LONGEST_CHANGE] + "…"
    mark = f"<mark>{text_html(change)}</mark>" if change else ""
    return f"<bdi>{text_html(head)}{mark}{text_html(tail)}</bdi>"


def _words(edit: str) -> str:
    return edit.replace("_", " ")
