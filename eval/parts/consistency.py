"""Whether the same meaning gets the same answer: restated, in another order, and turns later in a dialogue."""

from dataclasses import dataclass

from eval.markup import escape, image, percent, table, text_table
from eval.metrics import Estimate, only_class
from eval.parts import PRAISE, Remark, counted, weigh
from eval.plots.consistency import draw_consistency
from eval.reliability import Asked, asked
from eval.reliability.consistency import (
    Contradiction,
    Conversations,
    doubly_negated,
    flip_rate,
    hold,
    reordered,
    restatements,
)
from eval.subject import Options, Subject

TITLE = "Consistency"
MANY = 0.05
"""A share of answers that differ which is worth a fault; under it, praise."""
EXAMPLES = 3
KINDS = {
    "restated": "a test row in another frame (“In short: …”)",
    "sentence order": "two like-minded test rows, in either order",
    "double negation": "a plain sentence and its double negation",
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """The scripted dialogues with or without a memory of earlier judgements."""

    contradictions: Estimate
    errors: Estimate
    changes_missed: Estimate
    remembered: Estimate


@dataclass(frozen=True, slots=True)
class Consistency:
    """How often answers differ where the meaning does not."""

    flips: dict[str, Estimate]
    """The share of pairs that get two classes, by kind."""
    other_flips: dict[str, Estimate] | None
    """The same of the model it is compared with."""
    dialogues: dict[str, Spoken]
    """"alone": each turn by itself; "with memory": a claim is answered as it was before."""
    other_dialogues: dict[str, Spoken] | None
    contradictions: list[Contradiction]
    """Without a memory, those furthest apart."""
    degenerate: str | None
    """The class that every test row gets; None where both occur."""


def measure(subject: Subject, options: Options) -> Consistency:
    """Ask for both texts of every pair and for every turn, of the other model too where there is one."""
    this = asked(subject, seed=options.seed)
    other = asked(subject.other, seed=options.seed) if subject.other else None
    flips, spoken = _flips(this, options), _conversations(this)
    return Consistency(
        flips=flips,
        other_flips=_flips(other, options) if other else None,
        dialogues=_told(spoken),
        other_dialogues=_told(_conversations(other)) if other else None,
        contradictions=list(spoken["alone"].examples[:EXAMPLES]),
        degenerate=only_class(subject.test.probabilities[:, 1]),
    )


def _flips(this: Asked, options: Options) -> dict[str, Estimate]:
    pairs = dict(zip(KINDS, (restatements(this), reordered(this), doubly_negated()), strict=True))
    shown = options.progress(pairs.items(), "consistency", len(pairs))
    return {kind: flip_rate(this, own) for kind, own in shown}


def _conversations(this: Asked) -> dict[str, Conversations]:
    return {"alone": hold(this, remember=False), "with memory": hold(this, remember=True)}


def _told(spoken: dict[str, Conversations]) -> dict[str, Spoken]:
    return {
        name: Spoken(found.contradictions, found.errors, found.changes_missed, found.remembered)
        for name, found in spoken.items()
    }


def remarks(data: dict) -> list[Remark]:
    """Answers that hang on the frame or the order, and contradictions in dialogues."""
    if data["degenerate"]:
        text = f"Consistency cannot be judged: {data['degenerate']} is the answer to every test row"
        return [Remark("bad", text, PRAISE)]
    found = []
    # How a double negation is taken stands under wording.
    kinds = {kind: figure for kind, figure in data["flips"].items() if kind != "double negation" and figure["n"]}
    if kinds:
        kind, worst = max(kinds.items(), key=lambda item: item[1]["value"])
        said = {"restated": "when they are put in another frame", "sentence order": "with the order of two sentences"}
        if worst["value"] > MANY:
            text = f"{percent(worst)} of answers change {said[kind]}"
            found.append(Remark("bad", text, weigh(worst["value"])))
        else:
            text = f"At most {worst['value']:.0%} of answers change with the frame or the order of sentences"
            found.append(Remark("good", text, PRAISE))
    spoken = [data["dialogues"][name] for name in ("alone", "with memory")]
    alone, memory = (figures["contradictions"]["value"] for figures in spoken)
    missed, missed_with_memory = (figures["changes_missed"]["value"] for figures in spoken)
    if alone > MANY:
        text = f"{alone:.0%} of scripted dialogues get two answers to one claim; with a memory {memory:.0%}"
        found.append(Remark("bad", text, weigh(alone)))
        # It may hold on to what was taken back.
        if memory < alone and missed_with_memory <= missed:
            found.append(Remark("do", "Remember the judgements of a dialogue (eval/memory.py)", weigh(alone - memory)))
    return found


def section(data: dict) -> str:
    """Flips by kind, the dialogues with and without a memory, and the worst contradictions."""
    alone, memory = data["dialogues"]["alone"], data["dialogues"]["with memory"]
    opening = (
        f"**{percent(data['flips']['restated'])} of test rows get another class when the same is said in another "
        f"frame, and {percent(alone['contradictions'])} of {counted(alone['contradictions']['n'], 'dialogue')} two "
        f"classes for one claim** ({percent(memory['contradictions'])} with a memory)."
    )
    if data["degenerate"]:
        opening = f"**Every test row is called {data['degenerate']}: little can be seen here.** {opening}"
    other = data["other_flips"]
    rows = [
        [KINDS[kind], f"{figure['n']:,}", percent(figure), *([percent(other[kind])] if other else [])]
        for kind, figure in data["flips"].items()
    ]
    parts = [
        opening,
        image("consistency", "Shares of answers that differ, and what a memory does to dialogues"),
        table(["the same meaning twice", "pairs", "two classes", *(["the other model"] if other else [])], rows),
        "### Dialogues",
        "Somebody says what they hold of a film, talks of other things, says it again three times in other words, and "
        "in every third dialogue changes their mind. Alone, each turn is judged by itself; a memory answers a claim "
        "that it knows again as before (eval/memory.py).",
        _dialogue_table(data),
    ]
    if data["contradictions"]:
        shown = [
            [escape(example["claim"]), escape(example["again"]), f"{example['before']:.2f} → {example['after']:.2f}"]
            for example in data["contradictions"]
        ]
        parts += ["### Contradictions", text_table(["claim", "said again", "P(positive)"], shown)]
    return "\n\n".join([*parts, "95% Wilson intervals."])


def _dialogue_table(data: dict) -> str:
    columns = {**data["dialogues"]}
    if data["other_dialogues"]:
        columns |= {f"the other model, {name}": spoken for name, spoken in data["other_dialogues"].items()}
    rows = [
        [spoken, f"{data['dialogues']['alone'][key]['n']:,}", *(percent(column[key]) for column in columns.values())]
        for spoken, key in (
            ("dialogues with a contradiction", "contradictions"),
            ("turns judged wrongly", "errors"),
            ("changes of mind missed", "changes_missed"),
            ("restatements known again", "remembered"),
        )
    ]
    return table(["", "n", *columns], rows)


def plots(data: dict) -> dict:
    """Flips by kind, and the dialogues with and without a memory."""
    return {"consistency": draw_consistency(data["flips"], data["dialogues"])}
