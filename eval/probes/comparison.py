"""Does the model see which side of a comparison a film is on, and read a rating?"""

import random
from collections.abc import Iterator

from data.sentiment_words import NEGATIVE_OF_FILM, POSITIVE_OF_FILM
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "comparison"

# Those that form their comparative with "more".
POSITIVE = tuple(adjective for adjective in POSITIVE_OF_FILM if adjective not in ("funny", "witty"))
NEGATIVE = tuple(adjective for adjective in NEGATIVE_OF_FILM if adjective not in ("dull", "cliched", "shallow"))

OTHERS = (
    "the last one by the same director",
    "the book that it is based on",
    "the first part",
    "the play of the same name",
    "the version from the eighties",
    "the sequel",
    "the series that it grew out of",
    "the {film} we saw last week",
)
REACH = ("of the year", "of the decade", "I have ever seen", "I have seen this year", "in the whole festival")
HIGH = ("9 out of 10", "10 out of 10", "9/10", "10/10", "five stars out of five", "95 out of 100", "an A+")
LOW = ("1 out of 10", "2 out of 10", "1/10", "2/10", "one star out of five", "5 out of 100", "an F")


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    others = tuple(other.format(film="film") for other in OTHERS)
    for word, label, adjectives in (("better", 1, POSITIVE), ("worse", 0, NEGATIVE)):
        yield from make.mft(
            f"{word} than",
            [f"This {{film}} is {word} than {{other}}.", f"I think this {{film}} is far {word} than {{other}}."],
            label=label,
            other=others,
        )
        yield from make.mft(
            f"more {'positive' if label else 'negative'} than",
            ["This {film} is more {adjective} than {other}.", "I found this {film} more {adjective} than {other}."],
            label=label,
            other=others,
            adjective=adjectives,
        )
        yield from make.mft(
            f"less {'positive' if label else 'negative'} than",
            ["This {film} is less {adjective} than {other}.", "This {film} is not as {adjective} as {other}."],
            label=label,
            expect="not_label",
            other=others,
            adjective=adjectives,
        )
        superlative = "best" if label else "worst"
        yield from make.mft(
            f"the {superlative}",
            [f"This is the {superlative} {{film}} {{reach}}.", "This is the most {adjective} {film} {reach}."],
            label=label,
            reach=REACH,
            adjective=adjectives,
        )
        good = "good" if label else "bad"
        yield from make.mft(
            f"few are {word}",
            [
                f"I have rarely seen a {word} {{film}} than this one.",
                f"Few {{films}} are as {good} as this one.",
                f"No other {{film}} {{reach}} is {word} than this one.",
                f"Hardly any {{films}} are {word} than this one.",
                f"You will not find many {{films}} that are {word} than this one.",
            ],
            label=label,
            reach=(
                "of the year",
                "of the decade",
                "by this director",
                "in the festival",
                "of its kind",
                "on this list",
            ),
        )
        yield from make.mft(
            f"others are {word}",
            [
                f"Almost any other {{film}} is {word} than this one.",
                f"I have seen much {word} {{films}} than this one.",
                f"{{other}} is {word} than this {{film}}.",
                f"There are many {word} {{films}} than this one.",
            ],
            label=label,
            expect="not_label",
            other=others,
        )
        yield from make.directional(
            f"{word} becomes far {word}",
            [
                (f"This {{film}} is {word} than {{other}}.", f"This {{film}} is {{degree}} {word} than {{other}}."),
                (f"I found it {word} than {{other}}.", f"I found it {{degree}} {word} than {{other}}."),
                (f"To me it was {word} than {{other}}.", f"To me it was {{degree}} {word} than {{other}}."),
            ],
            expect="not_more_negative" if label else "not_more_positive",
            degree=("far", "much", "a great deal"),
            other=others,
        )
        yield from make.mft(
            f"{'high' if label else 'low'} rating",
            ["I give this {film} {rating}.", "My rating for the {film}: {rating}."],
            label=label,
            rating=HIGH if label else LOW,
        )
    yield from make.directional(
        "a higher rating",
        [
            ("I give this {film} {low}.", "I give this {film} {high}."),
            ("The {film} gets {low}.", "The {film} gets {high}."),
        ],
        expect="not_more_negative",
        low=LOW,
        high=HIGH,
    )
