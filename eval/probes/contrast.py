"""Does the model see which half of a mixed sentence carries the verdict?"""

import random
from collections.abc import Iterator

from data.sentiment_words import (
    NEGATIVE_PLAIN,
    NEGATIVE_STRONG,
    NEGATIVE_VERBS,
    POSITIVE_PLAIN,
    POSITIVE_STRONG,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "contrast"


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability: a part is conceded in mild words, the film is judged in strong ones."""
    make = Templates(CAPABILITY, rng)
    sides = (
        ("praise", 1, POSITIVE_STRONG, NEGATIVE_PLAIN, POSITIVE_VERBS, NEGATIVE_VERBS),
        ("blame", 0, NEGATIVE_STRONG, POSITIVE_PLAIN, NEGATIVE_VERBS, POSITIVE_VERBS),
    )
    for side, label, verdicts, conceded, verbs, expected_verbs in sides:
        words = {"adjective": verdicts, "conceded": conceded, "verb": verbs, "expected": expected_verbs}
        yield from make.mft(
            f"but, {side} last",
            [
                "The {part.name} {part.present} {conceded}, but the {film} as a whole is {adjective}.",
                "The {part.name} {part.past} {conceded}, but I {verb.past} this {film}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"although, {side} last",
            [
                "Although the {part.name} {part.present} {conceded}, this is a {adjective} {film}.",
                "Although the {part.name} {part.past} {conceded}, I {verb.past} the {film}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"even though, {side} first",
            [
                "This is a {adjective} {film}, even though the {part.name} {part.present} {conceded}.",
                "I {verb.past} the {film}, even though the {part.name} {part.past} {conceded}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"despite, {side} last",
            [
                "Despite the {conceded} {part.name}, this is a {adjective} {film}.",
                "In spite of the {conceded} {part.name}, I {verb.past} this {film}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"however, {side} last",
            [
                "The {part.name} {part.present} {conceded}. However, the {film} as a whole is {adjective}.",
                "I thought the {part.name} {part.past} {conceded}. Still, I {verb.past} this {film}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"expectation, then {side}",
            [
                "I expected to {expected.base} this {film}, but it is {adjective}.",
                "I was ready to {expected.base} this {film}, but I {verb.past} it.",
            ],
            label=label,
            **words,
        )
        yield from make.directional(
            f"{side} of the film added with but",
            [
                (
                    "The {part.name} {part.present} {conceded}.",
                    "The {part.name} {part.present} {conceded}, but the {film} is {adjective}.",
                )
            ],
            expect="not_more_negative" if label else "not_more_positive",
            **words,
        )
