"""Does the model know the words that judge a film, and those that do not?"""

import random
from collections.abc import Iterator

from data.sentiment_words import (
    CRAFTS,
    INTENSIFIERS,
    NEGATIVE_ADJECTIVES,
    NEGATIVE_ADVERBS,
    NEGATIVE_EFFECTS,
    NEGATIVE_NOUNS,
    NEGATIVE_OF_FILM,
    NEGATIVE_PHRASES,
    NEGATIVE_PLAIN,
    NEGATIVE_STRONG,
    NEGATIVE_VERBS,
    NEUTRAL_ADJECTIVES,
    NEUTRAL_VERBS,
    POSITIVE_ADJECTIVES,
    POSITIVE_ADVERBS,
    POSITIVE_EFFECTS,
    POSITIVE_NOUNS,
    POSITIVE_OF_FILM,
    POSITIVE_PHRASES,
    POSITIVE_PLAIN,
    POSITIVE_STRONG,
    POSITIVE_VERBS,
    REDUCERS,
    STRONG_INTENSIFIERS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "vocabulary"

DAYS = ("yesterday", "on Monday", "last week", "this morning", "in March", "two days ago", "on the train", "at home")


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    sides = (
        ("positive", 1, POSITIVE_ADJECTIVES, POSITIVE_PLAIN + POSITIVE_STRONG, POSITIVE_VERBS, POSITIVE_EFFECTS,
         POSITIVE_NOUNS, POSITIVE_ADVERBS, POSITIVE_PHRASES),
        ("negative", 0, NEGATIVE_ADJECTIVES, NEGATIVE_PLAIN + NEGATIVE_STRONG, NEGATIVE_VERBS, NEGATIVE_EFFECTS,
         NEGATIVE_NOUNS, NEGATIVE_ADVERBS, NEGATIVE_PHRASES),
    )  # fmt: skip
    for side, label, of_film, of_part, verbs, effects, nouns, adverbs, phrases in sides:
        yield from make.mft(
            f"{side} adjective",
            ["This is a {adjective} {film}.", "The {film} is {adjective}.", "I found this {film} {adjective}."],
            label=label,
            adjective=of_film,
        )
        yield from make.mft(
            f"{side} adjective for a part",
            ["The {part.name} {part.present} {adjective}.", "I thought the {part.name} {part.past} {adjective}."],
            label=label,
            adjective=of_part,
        )
        yield from make.mft(
            f"{side} verb",
            ["I {verb.past} this {film}.", "I {verb.base} every minute of this {film}.", "We all {verb.past} it."],
            label=label,
            verb=verbs,
        )
        yield from make.mft(
            f"{side} effect on the viewer",
            [
                "This {film} {effect.past} me.",
                "The {film} {effect.past} all of us.",
                "The {part.name} {effect.past} me.",
            ],
            label=label,
            effect=effects,
        )
        yield from make.mft(
            f"{side} noun",
            ["This {film} is a {noun}.", "What a {noun} this {film} is!", "The {film} is nothing less than a {noun}."],
            label=label,
            noun=nouns,
        )
        yield from make.mft(
            f"{side} adverb",
            ["This is a {adverb} {craft} {film}.", "The {film} is {adverb} {craft}."],
            label=label,
            adverb=adverbs,
            craft=CRAFTS,
        )
        yield from make.mft(
            f"{side} phrase",
            ["My verdict on this {film}: {phrase}.", "My view of the {film} in a few words: {phrase}."],
            label=label,
            phrase=phrases,
        )

    yield from make.mft(
        "neutral adjective",
        ["This is a {adjective} {film}.", "It is a {adjective} {film}.", "I watched a {adjective} {film} {day}."],
        label=None,
        adjective=NEUTRAL_ADJECTIVES,
        day=DAYS,
    )
    yield from make.mft(
        "neutral verb",
        ["I {verb.past} this {film} {day}.", "We {verb.past} the {film} {day}."],
        label=None,
        verb=NEUTRAL_VERBS,
        day=DAYS,
    )

    for side, gradable, strong, stronger, weaker in (
        ("praise", POSITIVE_PLAIN + POSITIVE_OF_FILM, POSITIVE_STRONG, "not_more_negative", "not_more_positive"),
        ("blame", NEGATIVE_PLAIN + NEGATIVE_OF_FILM, NEGATIVE_STRONG, "not_more_positive", "not_more_negative"),
    ):
        yield from make.directional(
            f"intensified {side}",
            [
                ("The {film} is {adjective}.", "The {film} is {intensifier} {adjective}."),
                ("This is a {adjective} {film}.", "This is a {intensifier} {adjective} {film}."),
            ],
            expect=stronger,
            adjective=gradable,
            intensifier=INTENSIFIERS,
        )
        yield from make.directional(
            f"intensified strong {side}",
            [("The {film} is {adjective}.", "The {film} is {intensifier} {adjective}.")],
            expect=stronger,
            adjective=strong,
            intensifier=STRONG_INTENSIFIERS,
        )
        yield from make.directional(
            f"reduced {side}",
            [
                ("The {film} is {adjective}.", "The {film} is {reducer} {adjective}."),
                ("I found this {film} {adjective}.", "I found this {film} {reducer} {adjective}."),
            ],
            expect=weaker,
            adjective=gradable,
            reducer=REDUCERS,
        )
    first_sentences = [
        "I went to the cinema {day}.",
        "The {part.name} {part.past} {positive}.",
        "The {part.name} {part.past} {negative}.",
    ]
    for test, added, expect in (
        ("praise added", "I {love.past} this {film}.", "not_more_negative"),
        ("blame added", "I {hate.past} this {film}.", "not_more_positive"),
    ):
        yield from make.directional(
            test,
            [(sentence, f"{sentence} {added}") for sentence in first_sentences],
            expect=expect,
            day=DAYS,
            positive=POSITIVE_PLAIN,
            negative=NEGATIVE_PLAIN,
            love=POSITIVE_VERBS,
            hate=NEGATIVE_VERBS,
        )
