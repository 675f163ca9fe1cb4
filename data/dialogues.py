"""Scripted dialogues: somebody says what they hold of a film, talks of other things, and says it again in other words.

In some of them the speaker changes their mind at the end, so that sticking to the first answer is no way out.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from data.names import NEUTRAL_SENTENCES
from data.sentiment_words import NEGATIVE_STRONG, PARTS, POSITIVE_STRONG, Part

FILMS = (
    "Harbour Lights", "The Ninth Ferry", "Salt and Chalk", "A House in Trondheim", "Platform Eleven",
    "The Cartographer", "Winter Timetable", "Three Gardens", "The Glass Orchard", "Seventeen Steps",
    "Copper Valley", "The Lamplighter",
)  # fmt: skip
"""Made-up titles without praise or blame in them."""
STRONG = (NEGATIVE_STRONG, POSITIVE_STRONG)
"""By label; any of a list says as much as another."""
RESTATEMENTS = 3

STATEMENT = "The {part} of {film} {be} {word}."
AGAIN = (
    "As I said, the {part} of {film} {be} {word}.",
    "I told a friend that the {part} of {film} {be} {word}.",
    "In {film}, the {part} {be} {word}.",
    "{word} is the word for the {part} of {film}.",
    "To come back to {film}: the {part} {be} {word}, I find.",
    "You asked about the {part} of {film}. I call it {word}.",
    "Nobody will talk me out of it: the {part} of {film} {be} {word}.",
    "My view has not changed: the {part} of {film} {be} {word}.",
    "Let me say it again. The {part} of {film} {be} really {word}.",
    "What did I say about the {part} of {film}? That it is {word}.",
    "My colleagues keep hearing from me that the {part} of {film} {be} {word}.",
    "Whoever stays to the credits of {film} will see how {word} the {part} {be}.",
)
"""The same claim in other words."""
CHANGED = (
    "I used to call the {part} of {film} {old}. Now I find that it is {word}.",
    "I have changed my mind about {film}: the {part} {be} not {old} but {word}.",
    "On second thoughts, the {part} of {film} {be} {word}.",
    "I no longer think that the {part} of {film} {be} {old}. It is {word}.",
)
"""The speaker now holds the opposite."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that the speaker says."""

    text: str
    label: int | None
    """What they hold now of what they speak of, 0 or 1; None for small talk."""
    role: str
    """claim, restatement, change, other claim or small talk."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The turns of one speaker, in order: a claim, at least two restatements of it, and things between."""

    turns: tuple[Turn, ...]

    @property
    def changes(self) -> bool:
        """Whether the speaker changes their mind, which is then the last turn."""
        return self.turns[-1].role == "change"


def dialogues(count: int, seed: int = 0) -> list[Dialogue]:
    """So many dialogues, half of them about praise, every third one with a change of mind; the same for a seed."""
    draw = random.Random(f"dialogues:{seed}")
    return [Dialogue(tuple(_turns(draw, number % 2, number % 3 == 2))) for number in range(count)]


def _turns(draw: random.Random, label: int, changes: bool) -> Iterator[Turn]:
    film, other_film = draw.sample(FILMS, 2)
    part, other_part = draw.sample(PARTS, 2)
    word = draw.choice(STRONG[label])
    yield Turn(_said(STATEMENT, film, part, word), label, "claim")
    for number, template in enumerate(draw.sample(AGAIN, RESTATEMENTS)):
        if number % 2:
            yield Turn(f"{draw.choice(NEUTRAL_SENTENCES)}.", None, "small talk")
        else:
            other = draw.choice(STRONG[1 - label])
            yield Turn(_said(STATEMENT, other_film, other_part, other), 1 - label, "other claim")
        # The last time by another word that says as much.
        again = draw.choice(STRONG[label]) if number == RESTATEMENTS - 1 else word
        yield Turn(_said(template, film, part, again), label, "restatement")
    if changes:
        new = draw.choice(STRONG[1 - label])
        yield Turn(_said(draw.choice(CHANGED), film, part, new, old=word), 1 - label, "change")


def _said(template: str, film: str, part: Part, word: str, **words: str) -> str:
    text = template.format(film=film, part=part.name, be=part.present, word=word, **words)
    if part.present == "are":
        text = text.replace(". I call it", ". I call them").replace("That it is", "That they are")
        text = text.replace("I find that it is", "I find that they are").replace(". It is", ". They are")
    return text[0].upper() + text[1:]
