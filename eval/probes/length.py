"""Does the model find the verdict in one word and in a long text?"""

import random
from collections.abc import Iterator

from data.names import NEUTRAL_SENTENCES
from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_EFFECTS,
    NEGATIVE_PLAIN,
    NEGATIVE_STRONG,
    NEGATIVE_VERBS,
    POSITIVE_ADJECTIVES,
    POSITIVE_EFFECTS,
    POSITIVE_PLAIN,
    POSITIVE_STRONG,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "length"

BEFORE = "{neutral}. {neutral2}. {neutral3}."
AFTER = "{neutral4}. {neutral5}. {neutral6}."


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    sides = (
        ("praise", 1, POSITIVE_ADJECTIVES, POSITIVE_PLAIN + POSITIVE_STRONG, POSITIVE_VERBS, POSITIVE_EFFECTS),
        ("blame", 0, NEGATIVE_ADJECTIVES, NEGATIVE_PLAIN + NEGATIVE_STRONG, NEGATIVE_VERBS, NEGATIVE_EFFECTS),
    )
    for side, label, adjectives, part_adjectives, verbs, effects in sides:
        words = {"adjective": adjectives, "quality": part_adjectives, "verb": verbs, "effect": effects}
        yield from make.mft(f"{side} in one word", ["{adjective}.", "{adjective}!"], label=label, **words)
        for place, template in (
            ("at the start of", f"The {{film}} is {{adjective}}. {BEFORE} {AFTER}"),
            ("in the middle of", f"{BEFORE} The {{film}} is {{adjective}}. {AFTER}"),
            ("at the end of", f"{BEFORE} {AFTER} The {{film}} is {{adjective}}."),
        ):
            yield from make.mft(
                f"{side} {place} a long text", [template], label=label, neutral=NEUTRAL_SENTENCES, **words
            )
        yield from make.mft(
            f"{side} throughout a long text",
            [
                "The {part.name} {part.past} {quality}. I also found the {part2.name} {quality2}. The {film} "
                "{effect.past} me from the start, and I {verb.past} every scene. In all, this is a {adjective} {film}.",
            ],
            label=label,
            **words,
        )
    both = POSITIVE_ADJECTIVES + NEGATIVE_ADJECTIVES
    yield from make.inv(
        "six neutral sentences added",
        [
            ("This {film} is {adjective}.", f"This {{film}} is {{adjective}}. {BEFORE} {AFTER}"),
            ("This is a {adjective} {film}.", f"{BEFORE} {AFTER} This is a {{adjective}} {{film}}."),
        ],
        neutral=NEUTRAL_SENTENCES,
        adjective=both,
    )
    for side, expect, adjectives, verbs in (
        ("praise", "not_more_negative", POSITIVE_ADJECTIVES, POSITIVE_VERBS),
        ("blame", "not_more_positive", NEGATIVE_ADJECTIVES, NEGATIVE_VERBS),
    ):
        yield from make.directional(
            f"more {side} added",
            [
                ("This {film} is {adjective}.", "This {film} is {adjective}. I {verb.past} it."),
                ("I {verb.past} this {film}.", "I {verb.past} this {film}. It is {adjective}."),
            ],
            expect=expect,
            adjective=adjectives,
            verb=verbs,
        )
