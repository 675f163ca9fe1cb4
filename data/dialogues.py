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


@dataclass(frozen=True, slots=True)
class Frames:
    """Sentences with places for {film}, {part}, {be}, {word} and, where a mind changes, {old}."""

    again: tuple[str, ...]
    """The same claim in other words."""
    changed: tuple[str, ...]
    """The speaker now holds the opposite."""


KNOWN = Frames(
    again=(
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
    ),
    changed=(
        "I used to call the {part} of {film} {old}. Now I find that it is {word}.",
        "I have changed my mind about {film}: the {part} {be} not {old} but {word}.",
        "On second thoughts, the {part} of {film} {be} {word}.",
        "I no longer think that the {part} of {film} {be} {old}. It is {word}.",
    ),
)
"""What the rules of eval/memory.py were made on."""
UNSEEN = Frames(
    again=(
        "Like I said, the {part} in {film} {be} {word}.",
        "{film}: {word} {part}, full stop.",
        "I'd call the {part} in {film} {word}, and I'd say so to anyone who asked.",
        "{word}, that's my word for the {part} of {film}.",
        "If you ask me how the {part} in {film} {be}, my answer is one word: {word}.",
        "What do I make of the {part} in {film}? Absolutely {word}.",
        "As far as {film} goes, I consider the {part} {word}.",
        "I told my sister over breakfast this morning that the {part} in {film} {be} {word}.",
        "Hang on, let me get my coffee. Right, so: {film}, the {part}, just {word}.",
        "tbh the {part} in {film} {be} {word}",
        "It remains my considered opinion that the {part} of {film} {be} {word}.",
        "Having watched {film} at the Odeon on Tuesday with two colleagues, I found the {part} {word}.",
        "You know that film we were on about, {film}? The {part} {be} {word}, I'm telling you.",
        "Put me down as someone who thinks the {part} {be} {word} in {film}.",
        "Mate, {film}... the {part}... {word}!",
        "When it comes to the {part}, {film} gets one word from me, and that word is {word}.",
        "We caught {film} on the late train back from Leeds, and I have to say how {word} the {part} {be}.",
        "Everybody listening? The {part} of {film} {be} {word}. I'll say it as many times as you need.",
        "How {word} the {part} in {film} {be}!",
        "Just to repeat myself for the record, {film} is a film whose {part} {be} {word}.",
        "My brother phoned from Lisbon and asked about {film}, so I told him what I told "
        "you, namely that I find the {part} {word}.",
        "{word} {be} the {part} of {film}, and I mean every letter of that.",
        "There's only one way to describe the {part} you get in {film}, and it's {word}.",
        "Tom, Priya, since you both missed it on Saturday: {film} came on around nine, "
        "and the {part} {be} really, truly {word}.",
    ),
    changed=(
        "I saw {film} again yesterday, and the {part} {be} actually {word}.",
        "Scrap what I said about {film}. The {part} {be} {word}.",
        "I take it back, I shouldn't have called the {part} in {film} {old}. I'd go with {word} now.",
        "Correction: for {film}, under {part}, please change {old} to {word}.",
        "Having slept on it, I've come round to thinking the {part} of {film} {be} {word}.",
        "You know how I had the {part} in {film} down as {old}? I was wrong. Try {word}.",
        "Funny thing, on a second viewing of {film} the {part} turned out to be {word}.",
        "Hmm, {old} isn't the right word for the {part} in {film} after all; {word} is.",
        "My flatmate talked me round about {film} last night, so these days I'm in the "
        "camp that finds the {part} {word}.",
        "Wait, no, I was mixing up two films. In {film} the {part} {be} {word}.",
        "I used to go around saying the {part} in {film} {be} {old}, but that was before "
        "I sat through the whole film, and now I say {word}.",
        "ok ignore my earlier message about {film}, must've been half asleep. {word} "
        "{part}, that's where I stand today",
    ),
)
"""Written without sight of those rules, which were not changed after they had been asked of these."""


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


def dialogues(count: int, seed: int = 0, frames: Frames = UNSEEN) -> list[Dialogue]:
    """So many dialogues, half of them about praise, every third one with a change of mind; the same for a seed."""
    draw = random.Random(f"dialogues:{seed}")
    return [Dialogue(tuple(_turns(draw, frames, number % 2, number % 3 == 2))) for number in range(count)]


def _turns(draw: random.Random, frames: Frames, label: int, changes: bool) -> Iterator[Turn]:
    film, other_film = draw.sample(FILMS, 2)
    part, other_part = draw.sample(PARTS, 2)
    word = draw.choice(STRONG[label])
    yield Turn(_said(STATEMENT, film, part, word), label, "claim")
    for number, template in enumerate(draw.sample(frames.again, RESTATEMENTS)):
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
        yield Turn(_said(draw.choice(frames.changed), film, part, new, old=word), 1 - label, "change")


def _said(template: str, film: str, part: Part, word: str, **words: str) -> str:
    text = template.format(film=film, part=part.name, be=part.present, word=word, **words)
    if part.present == "are":
        text = text.replace(". I call it", ". I call them").replace("That it is", "That they are")
        text = text.replace("I find that it is", "I find that they are").replace(". It is", ". They are")
    return text[0].upper() + text[1:]
