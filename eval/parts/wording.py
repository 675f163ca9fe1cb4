"""Wording sensitivity: whether answers hold when a text says the same in other words."""

from dataclasses import dataclass

import numpy as np

from eval.chunked import predict_chunked
from eval.markup import escape, image, percent, table, text_table
from eval.metrics import only_class
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.wording_swings import draw_wording_swings
from eval.subject import Options, Subject
from eval.wording import (
    EditEffect,
    Harm,
    Negation,
    UnderEdits,
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
"""An edit that applies to fewer rows is spoken of only where there is no other."""
SLIPS = {"typo": "a wrong letter", "drop_letter": "a dropped letter", "swap_letters": "swapped letters"}
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Wording:
    """What harmless edits and negations do to the answers."""

    rows: int
    texts: int
    edits: list[EditEffect]
    worst_case: UnderEdits
    harms: list[Harm]
    negation: Negation
    degenerate: str | None
    """The class that every text gets; None where both occur."""


def measure(subject: Subject, options: Options) -> Wording:
    """Ask the model about every edit of a sample of the test rows, and about negated sentences."""
    chosen = sample_rows(len(subject.test.texts), seed=options.seed)
    texts = [subject.test.texts[row] for row in chosen]
    labels, original = subject.test.labels[chosen], subject.test.probabilities[chosen, 1]
    found = variants(texts, seed=options.seed)
    cases = negation_cases()
    asked = [variant.text for variant in found]
    asked += [text for case in cases for text in (case.text, case.negated, *case.doubled)]
    positive = predict_chunked(subject.predict, asked, options.progress, "wording")[:, 1]
    after, of_cases = positive[: len(found)], positive[len(found) :].reshape(len(cases), -1)

    rows = np.array([variant.row for variant in found], dtype=int)
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
        degenerate=only_class(np.concatenate([original, positive])),
    )


def remarks(data: dict) -> list[Remark]:
    """The edit that flips most, what all edits cost together, and negation."""
    if data["degenerate"]:
        text = f"Wording cannot be judged: {data['degenerate']} is the answer to every sentence and every edit of it"
        return [Remark("bad", text, PRAISE)]
    return _edit_remarks(data) + _negation_remarks(data["negation"])


def _edit_remarks(data: dict) -> list[Remark]:
    told = _told(data)
    if not told:
        return []
    found = []
    worst = max(told, key=lambda effect: effect["flips"]["low"])
    flips, slip = worst["flips"]["value"], SLIPS.get(worst["edit"])
    if flips > MANY_FLIPS:
        under = f"a slip such as {slip}" if slip else f"an edit that keeps the meaning: {_name(worst['edit'])}"
        found.append(Remark("bad", f"{flips:.0%} of answers flip under {under}", weigh(flips)))
        advice = "spelling slips" if slip else f"the edit {_name(worst['edit'])}"
        found.append(Remark("do", f"Augment training with {advice} (data/edits.py)", weigh(flips)))
    elif all(effect["flips"]["value"] <= MANY_FLIPS for effect in told):
        found.append(Remark("good", f"No harmless edit flips more than {MANY_FLIPS:.0%} of answers", PRAISE))
    drop = data["worst_case"]["drop"]["value"]
    text = f"{drop:.0%} of test rows are right as written but wrong under some harmless edit"
    found.append(Remark("bad", text, weigh(drop)) if drop > MANY_FLIPS else Remark("good", text, PRAISE))
    return found


def _negation_remarks(negation: dict) -> list[Remark]:
    """The figure that falls shortest, or praise where all four sentences are right."""
    # "Not dull" is fainter praise than "not good" is blame, so less is asked of it.
    judged = (
        ("flips_positive", 0.9, "Negated, only {:.0%} of plain positive sentences change class"),
        ("flips_negative", 0.6, "Negated, only {:.0%} of plain negative sentences change class"),
        ("agreement", 0.8, "Negated twice, only {:.0%} of plain sentences keep their class"),
    )
    short = [
        (negation[key]["value"], text)
        for key, enough, text in judged
        if negation[key]["value"] is not None and negation[key]["value"] < enough
    ]
    if short:
        share, text = min(short, key=lambda pair: pair[0])
        return [Remark("bad", text.format(share), weigh(1 - share))]
    sound = negation["sound"]["value"]
    if sound < 0.8:
        return []
    return [Remark("good", f"{sound:.0%} of plain sentences survive negation and double negation", PRAISE)]


def section(data: dict) -> str:
    """The worst case, the edits by flips, the most harmful ones, and negation."""
    return "\n\n".join([*_edits_section(data), *_negation_section(data["negation"])])


def _edits_section(data: dict) -> list[str]:
    told = _told(data)
    if not told:
        return [f"**No edit applies to any of {counted(data['rows'], 'test row')}:** they hold no word to change."]
    worst = data["worst_case"]
    opening = (
        f"**{percent(worst['drop'])} of the rows are right as written but wrong under some edit that leaves the "
        f"meaning alone**: accuracy {percent(worst['accuracy'])} as written, {percent(worst['worst'])} over all edits "
        f"of a row (n = {counted(data['rows'], 'test row')}, {data['texts']:,} texts)."
    )
    if data["degenerate"]:
        opening = f"**Every text is called {data['degenerate']}: little can be seen here.** {opening}"
    parts = [
        opening,
        image("wording_swings", "The share of answers that flip under each edit"),
        _effects_table(data),
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
    return parts


def _effects_table(data: dict) -> str:
    """The edits that flip most answers, and synonyms, of which everybody thinks first."""
    effects = sorted(_told(data), key=lambda effect: -effect["flips"]["value"])
    asked_for = [effect for effect in data["edits"] if effect["edit"] == "synonym" and effect not in effects[:SHOWN]]
    shown = effects[: SHOWN - len(asked_for)] + asked_for
    rows = [
        [_name(effect["edit"]), f"{effect['flips']['n']:,}", percent(effect["flips"]), _swing(effect["swing"])]
        for effect in shown
    ]
    more = len(data["edits"]) - len(shown)
    left_out = f"\n\n{more} more {'is' if more == 1 else 'are'} in wording.json." if more else ""
    return table(["edit", "rows", "answers that flip", "mean swing of P"], rows) + left_out


def _negation_section(negation: dict) -> list[str]:
    return [
        "### Negation",
        f"Of {negation['plain']['n']} plain sentences from templates, each with a negation and three double negations, "
        f"{percent(negation['sound'])} come out right all four times: the class turns, and turns back.",
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


def plots(data: dict) -> dict:
    """Flips by edit, where any applies."""
    return {"wording_swings": draw_wording_swings(_told(data))} if data["edits"] else {}


def _told(data: dict) -> list[dict]:
    enough = [effect for effect in data["edits"] if effect["flips"]["n"] >= FEW_ROWS]
    return enough or data["edits"]


def _name(edit: str) -> str:
    return edit.replace("_", " ")


def _swing(figure: dict) -> str:
    interval = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f}{interval}"
