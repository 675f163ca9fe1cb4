"""Risk: the same meaning gets different answers: restated, in another order, twice negated, turns later."""

import random
from dataclasses import dataclass

import numpy as np

from data.dialogues import Dialogue, dialogues
from data.edits import edited
from eval.memory import converse
from eval.metrics import Estimate, share
from eval.reliability import Asked
from eval.wording import negation_cases

TITLE = "Consistency"
ROWS = 200
PAIRS = 150
DIALOGUES = 90


@dataclass(frozen=True, slots=True)
class Restatement:
    """A text and the same in other words."""

    text: str
    again: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A dialogue's claim and the first restatement that gets the other class, with their probabilities of POSITIVE."""

    claim: str
    before: float
    again: str
    after: float


@dataclass(frozen=True, slots=True)
class Conversations:
    """What became of the scripted dialogues."""

    contradictions: Estimate
    """Dialogues in which a restatement gets another class than the claim did."""
    errors: Estimate
    """Turns with a verdict that get the wrong class."""
    changes_missed: Estimate
    """Dialogues whose speaker changes their mind and the last answer is not what they hold now."""
    remembered: Estimate
    """Restatements that are known for what they are."""
    examples: tuple[Contradiction, ...]


def measure(asked: Asked) -> dict[str, Estimate]:
    """How often the answer differs where the meaning does not."""
    spoken = hold(asked, remember=asked.remember)
    return {
        "restatement_flips": flip_rate(asked, restatements(asked)),
        "sentence_order_flips": flip_rate(asked, reordered(asked)),
        "double_negation_flips": flip_rate(asked, doubly_negated()),
        "dialogue_contradictions": spoken.contradictions,
        "dialogue_errors": spoken.errors,
        "dialogue_changes_missed": spoken.changes_missed,
    }


def flip_rate(asked: Asked, pairs: list[Restatement]) -> Estimate:
    """The share of pairs whose texts get two classes."""
    if not pairs:
        return share(np.zeros(0, dtype=bool))
    answers = asked.answer([text for pair in pairs for text in (pair.text, pair.again)])
    first, second = (answers[:, 1] > 0.5).reshape(-1, 2).T
    return share(first != second)


def restatements(asked: Asked) -> list[Restatement]:
    """Test rows, each with the same in another frame (data/edits.py: paraphrase)."""
    texts = asked.subject.corpus.test["text"][:]
    found = ((texts[row], edited("paraphrase", texts[row], asked.seed + int(row))) for row in asked.rows(ROWS))
    return [Restatement(text, again) for text, again in found if again]


def reordered(asked: Asked) -> list[Restatement]:
    """Two test rows of one label as one text, one row first and then the other; all rows differ."""
    test = asked.subject.corpus.test.select(asked.rows(2 * PAIRS))
    texts, labels = [_whole(text) for text in test["text"][:]], test["label"][:]
    pairs = []
    for label in (0, 1):
        own = [text for text, given in zip(texts, labels, strict=True) if given == label]
        pairs += list(zip(own[::2], own[1::2], strict=False))
    return [Restatement(f"{first} {second}", f"{second} {first}") for first, second in pairs if first != second]


def doubly_negated() -> list[Restatement]:
    """Plain sentences from templates, each with one of its double negations."""
    draw = random.Random(0)
    return [Restatement(case.text, draw.choice(case.doubled)) for case in negation_cases()]


def hold(asked: Asked, *, remember: bool) -> Conversations:
    """Have the scripted dialogues, with or without a memory of what was judged in them."""
    script = dialogues(DIALOGUES, asked.seed)
    answers = asked.answer([turn.text for dialogue in script for turn in dialogue.turns])
    ends = np.cumsum([len(dialogue.turns) for dialogue in script])[:-1]
    contradicted, right, followed, remembered, examples = [], [], [], [], []
    for dialogue, rows in zip(script, np.split(answers, ends), strict=True):
        known = [False] * len(rows)
        if remember:
            judged = converse([turn.text for turn in dialogue.turns], lambda _, rows=rows: rows)
            rows = np.stack([judgement.probabilities for judgement in judged])
            known = [judgement.remembered for judgement in judged]
        positive = rows[:, 1]
        against = _against(dialogue, positive)
        contradicted.append(bool(against))
        examples += [
            Contradiction(dialogue.turns[0].text, float(positive[0]), dialogue.turns[i].text, float(positive[i]))
            for i in against[:1]
        ]
        told = [i for i, turn in enumerate(dialogue.turns) if turn.label is not None]
        right += [(positive[i] > 0.5) == (dialogue.turns[i].label == 1) for i in told]
        remembered += [known[i] for i, turn in enumerate(dialogue.turns) if turn.role == "restatement"]
        if dialogue.changes:
            followed.append(right[-1])
    examples.sort(key=lambda example: -abs(example.before - example.after))
    return Conversations(
        share(np.array(contradicted)),
        share(~np.array(right)),
        share(~np.array(followed)),
        share(np.array(remembered)),
        tuple(examples),
    )


def _against(dialogue: Dialogue, positive: np.ndarray) -> list[int]:
    """The restatements that get another class than the claim, which is the first turn."""
    return [
        i
        for i, turn in enumerate(dialogue.turns)
        if turn.role == "restatement" and (positive[i] > 0.5) != (positive[0] > 0.5)
    ]


def _whole(text: str) -> str:
    """The text as a sentence that another may follow."""
    text = text.strip()
    return text if text[-1:] in ".!?…" else f"{text} ."
