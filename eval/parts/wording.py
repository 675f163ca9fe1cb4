"""Wording sensitivity: whether answers hold when a text says the same in other words."""

from dataclasses import dataclass

import numpy as np

from eval.markup import escape, image, percent, table, text_table
from eval.parts import Remark
from eval.plots.wording_swings import draw_wording_swings
from eval.subject import Options, Subject
from eval.wording import (
    EditEffect,
    Harm,
    Negation,
    WorstCase,
    edit_effects,
    harms,
    negation_cases,
    negation_effects,
    sample_rows,
    variants,
    worst_case,
)

TITLE = "Wording sensitivity"
MANY_FLIPS = 0.05
FEW_ROWS = 30
"""An edit that applies to fewer rows is not spoken of outside the file."""
SLIPS = ("typo", "drop_letter", "swap_letters")


@dataclass(frozen=True, slots=True)
class Wording:
    """What harmless edits and negations do to the answers."""

    rows: int
    texts: int
    edits: list[EditEffect]
    worst_case: WorstCase
    harms: list[Harm]
    negation: Negation


def measure(subject: Subject, options: Options) -> Wording:
    """Ask the model about every edit of a sample of the test rows, and about negated sentences."""
    chosen = sample_rows(len(subject.test.texts), seed=options.seed)
    texts = [subject.test.texts[row] for row in chosen]
    labels, original = subject.test.labels[chosen], subject.test.probabilities[chosen, 1]
    found = variants(texts, seed=options.seed)
    cases = negation_cases()
    asked = [variant.text for variant in found]
    asked += [text for case in cases for text in (case.text, case.negated, *case.doubled)]
    positive = subject.predict(asked).probabilities[:, 1]
    after, of_cases = positive[: len(found)], positive[len(found) :].reshape(len(cases), -1)

    rows = np.array([variant.row for variant in found])
    before = original[rows]
    return Wording(
        rows=len(texts),
        texts=len(asked),
        edits=edit_effects([variant.edit for variant in found], before, after),
        worst_case=worst_case((original > 0.5) == (labels == 1), rows, (after > 0.5) == (labels[rows] == 1)),
        harms=harms(texts, labels, found, before, after),
        negation=negation_effects(
            np.array([case.label for case in cases]), of_cases[:, 0], of_cases[:, 1], of_cases[:, 2:]
        ),
    )


def remarks(data: dict) -> list[Remark]:
    """The edit that flips most, what all edits cost together, and negation."""
    found = []
    worst = max(_told(data), key=lambda effect: effect["flips"]["low"])
    flips = worst["flips"]["value"]
    if flips > MANY_FLIPS:
        text = f"{flips:.0%} of answers flip under an edit that changes nothing: {_name(worst['edit'])}"
        found.append(Remark("bad", text, min(0.9, 0.3 + 3 * flips)))
        advice = "spelling slips" if worst["edit"] in SLIPS else f"the edit {_name(worst['edit'])}"
        found.append(Remark("do", f"Augment training with {advice} (data/edits.py)", min(0.8, 0.2 + 3 * flips)))
    elif all(effect["flips"]["value"] <= MANY_FLIPS for effect in _told(data)):
        found.append(Remark("good", f"No harmless edit flips more than {MANY_FLIPS:.0%} of answers", 0.5))
    drop = data["worst_case"]["drop"]["value"]
    text = f"{drop:.0%} of test rows are right as written but wrong under some harmless edit"
    found.append(Remark("bad", text, min(0.8, 0.1 + 2 * drop)) if drop > MANY_FLIPS else Remark("good", text, 0.3))
    negation = data["negation"]
    # "Not dull" is fainter praise than "not good" is blame, so less is asked of it.
    for name, key, enough in (("positive", "flips_positive", 0.9), ("negative", "flips_negative", 0.6)):
        share = negation[key]["value"]
        if share is not None and share < enough:
            text = f"Only {share:.0%} of plain {name} sentences change class when negated"
            found.append(Remark("bad", text, 0.9 - 0.5 * share))
    sound = negation["sound"]["value"]
    if sound >= 0.8:
        found.append(Remark("good", f"{sound:.0%} of plain sentences survive negation and double negation", 0.5))
    else:
        text = f"{1 - sound:.0%} of plain sentences are misread when negated once or twice"
        found.append(Remark("bad", text, min(0.6, 0.6 * (1 - sound))))
    return found


def section(data: dict) -> str:
    """The worst case, the edits by flips, the most harmful ones, and negation."""
    worst, negation = data["worst_case"], data["negation"]
    opening = (
        f"**{percent(worst['drop'])} of the rows are right as written but wrong under some edit that leaves the "
        f"meaning alone**: accuracy {percent(worst['accuracy'])} as written, {percent(worst['worst'])} over all edits "
        f"of a row (n = {data['rows']:,} test rows, {data['texts']:,} texts). Edits that apply to under {FEW_ROWS} "
        "rows are left out below."
    )
    effects = sorted(_told(data), key=lambda effect: -effect["flips"]["value"])[:12]
    rows = [
        [_name(effect["edit"]), f"{effect['flips']['n']:,}", percent(effect["flips"]), _swing(effect["swing"])]
        for effect in effects
    ]
    parts = [
        opening,
        image("wording_swings", "The share of answers that flip under each edit"),
        table(["edit", "rows", "answers that flip", "mean swing of P"], rows),
    ]
    if data["harms"]:
        worst_rows = [
            [
                escape(_name(harm["edit"])),
                escape(harm["original"], 160),
                escape(harm["edited"], 160),
                f"{harm['before']:.2f} → {harm['after']:.2f}",
            ]
            for harm in data["harms"][:3]
        ]
        parts += [
            "### Most harmful edits",
            text_table(["edit", "as written", "edited", "P(true class)"], worst_rows),
        ]
    parts += [
        "### Negation",
        f"Of plain sentences from templates (n = {negation['plain']['n']}), {percent(negation['sound'])} turn their "
        "class when negated and take it back when negated twice.",
        table(
            ["sentences", "n", "as it should be"],
            [
                [name, str(negation[key]["n"]), percent(negation[key])]
                for name, key in (
                    ("plain", "plain"),
                    ("positive, negated once: called negative", "flips_positive"),
                    ("negative, negated once: called positive", "flips_negative"),
                    ("negated twice: class of the plain sentence", "agreement"),
                )
            ],
        ),
    ]
    return "\n\n".join(parts)


def plots(data: dict) -> dict:
    """Flips by edit."""
    return {"wording_swings": draw_wording_swings(_told(data))}


def _told(data: dict) -> list[dict]:
    enough = [effect for effect in data["edits"] if effect["flips"]["n"] >= FEW_ROWS]
    return enough or data["edits"]


def _name(edit: str) -> str:
    return edit.replace("_", " ")


def _swing(figure: dict) -> str:
    interval = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f}{interval}"
