"""Does the model keep its head when something is said again?"""

import random
from collections.abc import Iterator

from data.names import NEUTRAL_SENTENCES
from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_OF_FILM,
    NEGATIVE_PLAIN,
    POSITIVE_ADJECTIVES,
    POSITIVE_OF_FILM,
    POSITIVE_PLAIN,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "repetition"

SENTENCE = "This {film} is {adjective}."


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    adjectives = POSITIVE_ADJECTIVES + NEGATIVE_ADJECTIVES
    yield from make.inv(
        "sentence said three times",
        [
            (SENTENCE, " ".join([SENTENCE] * 3)),
            ("I found it {adjective}.", " ".join(["I found it {adjective}."] * 3)),
        ],
        adjective=adjectives,
    )
    yield from make.inv(
        "neutral sentence said three times",
        [(f"{{neutral}}. {SENTENCE}", f"{{neutral}}. {{neutral}}. {{neutral}}. {SENTENCE}")],
        adjective=adjectives,
        neutral=NEUTRAL_SENTENCES,
    )
    yield from make.inv(
        "word typed twice",
        [
            (
                f"I think {SENTENCE.lower()}",
                "I think this this {film} is {adjective}.",
                "I think this {film} is is {adjective}.",
            )
        ],
        adjective=adjectives,
    )
    for side, expect, gradable in (
        ("praise", "not_more_negative", POSITIVE_PLAIN + POSITIVE_OF_FILM),
        ("blame", "not_more_positive", NEGATIVE_PLAIN + NEGATIVE_OF_FILM),
    ):
        yield from make.directional(
            f"very, very: {side}",
            [
                (
                    "This {film} is very {adjective}.",
                    "This {film} is very, very {adjective}.",
                    "This {film} is very, very, very, very {adjective}.",
                )
            ],
            expect=expect,
            adjective=gradable,
        )
        yield from make.directional(
            f"adjective said three times: {side}",
            [(SENTENCE, "This {film} is {adjective}, {adjective}, {adjective}.")],
            expect=expect,
            adjective=gradable,
        )
    yield from make.directional(
        "many exclamation marks",
        [("This {film} is {adjective}!", "This {film} is {adjective}!!!", "This {film} is {adjective}!!!!!!!!")],
        expect="not_less_confident",
        adjective=adjectives,
    )
