"""Does the model tell what somebody thought once from what they think now?"""

import random
from collections.abc import Iterator

from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_VERBS,
    POSITIVE_ADJECTIVES,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "temporal"

YEARS = ("2003", "2008", "2011", "2014", "2016", "2019", "2021")
AGES = ("ten", "twelve", "fourteen", "sixteen", "eighteen", "twenty")


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    sides = (
        ("praise", 1, POSITIVE_VERBS, NEGATIVE_VERBS, POSITIVE_ADJECTIVES, NEGATIVE_ADJECTIVES),
        ("blame", 0, NEGATIVE_VERBS, POSITIVE_VERBS, NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES),
    )
    for side, label, verbs, old_verbs, adjectives, old_adjectives in sides:
        words = {"verb": verbs, "old_verb": old_verbs, "adjective": adjectives, "old": old_adjectives}
        yield from make.mft(
            f"used to, but now {side}",
            [
                "I used to {old_verb.base} this {film}, but now I {verb.base} it.",
                "I used to think that this {film} was {old}, but now I think it is {adjective}.",
                "I used to find this {film} {old}. Now I find it {adjective}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"now {side}, although I used to",
            [
                "I {verb.base} this {film} now, although I used to {old_verb.base} it.",
                "I think this {film} is {adjective}, although I used to think it was {old}.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"years ago, but today {side}",
            [
                "In {year} I {old_verb.past} this {film}; today I {verb.base} it.",
                "When I was {age}, I thought this {film} was {old}. Today I think it is {adjective}.",
            ],
            label=label,
            year=YEARS,
            age=AGES,
            **words,
        )
        yield from make.mft(
            f"before and after seeing it, {side} after",
            [
                "Before I saw this {film} I thought it would be {old}. Having seen it, I think it is {adjective}.",
                "Before the first scene I was sure I would {old_verb.base} this {film}. By the end I {verb.past} it.",
            ],
            label=label,
            **words,
        )
    yield from make.mft(
        "no longer + positive verb",
        ["I no longer {verb.base} this {film}.", "I don't {verb.base} this {film} any more."],
        label=1,
        expect="not_label",
        verb=POSITIVE_VERBS,
    )
    yield from make.mft(
        "no longer + negative verb",
        ["I no longer {verb.base} this {film}.", "I don't {verb.base} this {film} any more."],
        label=0,
        expect="not_label",
        verb=NEGATIVE_VERBS,
    )
    for test, expect, verbs, adjectives in (
        ("used to put before praise", "not_more_positive", POSITIVE_VERBS, POSITIVE_ADJECTIVES),
        ("used to put before blame", "not_more_negative", NEGATIVE_VERBS, NEGATIVE_ADJECTIVES),
    ):
        yield from make.directional(
            test,
            [
                ("I {verb.base} this {film}.", "I used to {verb.base} this {film}."),
                ("I think this {film} is {adjective}.", "I used to think this {film} was {adjective}."),
            ],
            expect=expect,
            verb=verbs,
            adjective=adjectives,
        )
    yield from make.inv(
        "the year does not matter",
        [tuple(f"I saw this {{film}} in {{{year}}}, and I {{verb.past}} it." for year in ("year", "year2", "year3"))],
        year=YEARS,
        verb=POSITIVE_VERBS + NEGATIVE_VERBS,
    )
