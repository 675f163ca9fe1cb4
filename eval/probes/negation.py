"""Does the model see what a negation turns round, and what it leaves alone?"""

import random
from collections.abc import Iterator

from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_VERBS,
    NEUTRAL_ADJECTIVES,
    POSITIVE_ADJECTIVES,
    POSITIVE_OF_FILM,
    POSITIVE_PLAIN,
    POSITIVE_STRONG,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "negation"

# "Not good" is a reproach, "not superb" need not be one; "I did not like it" is one, "I did not adore it" need not be.
REPROACHED = POSITIVE_PLAIN + POSITIVE_OF_FILM
MISSED = tuple(verb for verb in POSITIVE_VERBS if verb.base in ("like", "enjoy", "admire", "appreciate"))

PLAIN = ["This is not a {adjective} {film}.", "The {film} is not {adjective}.", "This {film} isn't {adjective}."]
VERB = [
    "I did not {verb.base} this {film}.",
    "I didn't {verb.base} the {film}.",
    "I can't say that I {verb.past} this {film}.",
]
DISTANT = [
    "I don't think, {aside}, that this {film} is {adjective}.",
    "I wouldn't say, {aside}, that the {film} is {adjective}.",
]
OTHER_WORDS = [
    "At no point is this {film} {adjective}.",
    "Nobody could call this {film} {adjective}.",
    "There is nothing {adjective} about this {film}.",
    "This {film} is never {adjective}.",
    "This {film} is anything but {adjective}.",
    "The {film} is by no means {adjective}.",
]
ASIDES = (
    "given all that I had heard about it",
    "now that I have seen it twice",
    "having read the book that it is based on",
    "after a long evening at the cinema",
    "with everything that was written about it last year",
)
UNRELATED = (
    "I did not know the director",
    "I had never heard of the book",
    "I could not get a seat in the front row",
    "I had not seen the first part",
    "nobody told me how long it is",
    "I do not often go to the cinema",
)


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    yield from make.mft("not + positive adjective", PLAIN, label=0, adjective=REPROACHED)
    yield from make.mft(
        "not + strong positive adjective", PLAIN, label=1, expect="not_label", adjective=POSITIVE_STRONG
    )
    yield from make.mft("not + negative adjective", PLAIN, label=0, expect="not_label", adjective=NEGATIVE_ADJECTIVES)
    yield from make.mft("not + neutral adjective", PLAIN[:2], label=None, adjective=NEUTRAL_ADJECTIVES)
    yield from make.mft("not + positive verb", VERB, label=0, verb=MISSED)
    yield from make.mft("not + negative verb", VERB, label=0, expect="not_label", verb=NEGATIVE_VERBS)
    yield from make.mft("not, far from a positive word", DISTANT, label=0, adjective=REPROACHED, aside=ASIDES)
    yield from make.mft(
        "not, far from a negative word",
        DISTANT,
        label=0,
        expect="not_label",
        adjective=NEGATIVE_ADJECTIVES,
        aside=ASIDES,
    )
    yield from make.mft("never, nobody, anything but: positive", OTHER_WORDS, label=0, adjective=REPROACHED)
    yield from make.mft(
        "never, nobody, anything but: negative", OTHER_WORDS, label=0, expect="not_label", adjective=NEGATIVE_ADJECTIVES
    )
    yield from make.mft(
        "hope not fulfilled",
        [
            "I thought this {film} would be {adjective}, but it wasn't.",
            "I had hoped that the {film} would be {adjective}. It was not.",
            "Everyone told me that this {film} was {adjective}, but it is not.",
        ],
        label=0,
        adjective=REPROACHED,
    )
    yield from make.mft(
        "fear not fulfilled",
        [
            "I thought this {film} would be {adjective}, but it wasn't.",
            "I was afraid that the {film} would be {adjective}. It was not.",
            "Everyone told me that this {film} was {adjective}, but it is not.",
        ],
        label=0,
        expect="not_label",
        adjective=NEGATIVE_ADJECTIVES,
    )
    yield from make.mft(
        "double negation of praise",
        [
            "Nobody can say that this {film} isn't {adjective}.",
            "It would be wrong to say that this {film} is not {adjective}.",
            "I have yet to meet anyone who doesn't find this {film} {adjective}.",
        ],
        label=0,
        expect="not_label",
        adjective=POSITIVE_ADJECTIVES,
    )
    for test, label, adjectives in (
        ("praise beside an unrelated not", 1, POSITIVE_ADJECTIVES),
        ("blame beside an unrelated not", 0, NEGATIVE_ADJECTIVES),
    ):
        yield from make.mft(
            test,
            ["{aside}, and the {film} is {adjective}.", "The {film} is {adjective}; {aside}."],
            label=label,
            adjective=adjectives,
            aside=UNRELATED,
        )
    yield from make.directional(
        "not put before praise",
        [
            ("This {film} is {adjective}.", "This {film} is not {adjective}."),
            ("I think the {film} is {adjective}.", "I don't think the {film} is {adjective}."),
        ],
        expect="not_more_positive",
        adjective=POSITIVE_ADJECTIVES,
    )
