"""Does the model see whose opinion counts and what it is about: the author's, of the film?"""

import random
from collections.abc import Iterator

from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_EFFECTS,
    NEGATIVE_VERBS,
    POSITIVE_ADJECTIVES,
    POSITIVE_EFFECTS,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "semantic roles"

PEOPLE = ("many critics", "some people", "my friends", "most reviewers", "my neighbours", "the students in my class")
DARK_STORIES = (
    "a cruel murderer",
    "a lonely widow",
    "a war that nobody could win",
    "a family torn apart by grief",
    "a brutal crime",
    "a doctor who fails her patients",
    "a terrible illness",
    "two brothers who hate each other",
)
BRIGHT_STORIES = (
    "a happy family",
    "a brilliant young pianist",
    "two friends who love each other",
    "a kind teacher",
    "a lucky winner of the lottery",
    "a wonderful summer by the sea",
    "a hero who saves his village",
    "a beautiful friendship",
)
CHARACTERS = ("a nurse", "a baker", "a lawyer", "a farmer", "a painter", "a soldier", "a teacher", "a fisherman")
# Words that fit seats, popcorn and a drive as well as a film.
SIMPLE_WORDS = (
    ("bad", "awful", "terrible", "dreadful", "horrible", "dismal", "lousy", "appalling", "abysmal", "atrocious"),
    (
        "good",
        "excellent",
        "wonderful",
        "fantastic",
        "superb",
        "pleasant",
        "amazing",
        "terrific",
        "splendid",
        "fabulous",
    ),
)


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    sides = (
        ("praise", 1, POSITIVE_ADJECTIVES, NEGATIVE_ADJECTIVES, POSITIVE_VERBS, NEGATIVE_VERBS, POSITIVE_EFFECTS),
        ("blame", 0, NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES, NEGATIVE_VERBS, POSITIVE_VERBS, NEGATIVE_EFFECTS),
    )
    for side, label, mine, theirs, verbs, their_verbs, effects in sides:
        words = {"mine": mine, "theirs": theirs, "verb": verbs, "their_verb": their_verbs, "people": PEOPLE}
        yield from make.mft(
            f"others disagree, my {side} last",
            [
                "{people} think this {film} is {theirs}, but I think it is {mine}.",
                "{people} {their_verb.past} this {film}, but I {verb.past} it.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"others disagree, my {side} first",
            [
                "I think this {film} is {mine}, although {people} think it is {theirs}.",
                "I {verb.past} this {film}, although {people} {their_verb.past} it.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"question of {side}, answered yes",
            [
                "Do I think this {film} is {mine}? Yes.",
                "Is this a {mine} {film}? Yes, it is.",
                "Did I {verb.base} this {film}? Yes, I did.",
            ],
            label=label,
            **words,
        )
        yield from make.mft(
            f"passive {side}",
            ["I was {effect.participle} by this {film}.", "All of us were {effect.participle} by the {part.name}."],
            label=label,
            effect=effects,
        )
        yield from make.mft(
            f"{side} of the film, not of the evening",
            [
                "The seats in the cinema were {theirs}. The {film} was {mine}.",
                "The popcorn was {theirs}, but the {film} was {mine}.",
                "The {film} was {mine}. The drive home was {theirs}.",
            ],
            label=label,
            mine=SIMPLE_WORDS[label],
            theirs=SIMPLE_WORDS[1 - label],
        )
    yield from make.mft(
        "question of praise, answered no",
        [
            "Do I think this {film} is {adjective}? No.",
            "Is this a {adjective} {film}? No, it is not.",
            "Did I {verb.base} this {film}? No, I did not.",
        ],
        label=1,
        expect="not_label",
        adjective=POSITIVE_ADJECTIVES,
        verb=POSITIVE_VERBS,
    )
    yield from make.mft(
        "question of blame, answered no",
        [
            "Do I think this {film} is {adjective}? No.",
            "Is this a {adjective} {film}? No, it is not.",
            "Did I {verb.base} this {film}? No, I did not.",
        ],
        label=0,
        expect="not_label",
        adjective=NEGATIVE_ADJECTIVES,
        verb=NEGATIVE_VERBS,
    )
    story = [
        "This {film} tells the story of {story}, and it is {adjective}.",
        "It is a {film} about {story}, and I {verb.past} it.",
    ]
    yield from make.mft(
        "dark story praised", story, label=1, story=DARK_STORIES, adjective=POSITIVE_ADJECTIVES, verb=POSITIVE_VERBS
    )
    yield from make.mft(
        "bright story blamed", story, label=0, story=BRIGHT_STORIES, adjective=NEGATIVE_ADJECTIVES, verb=NEGATIVE_VERBS
    )
    yield from make.mft(
        "feelings of the characters",
        [
            "In this {film}, {character} {verb.third} {character2}.",
            "The {film} is about {character} who {verb.third} {character2}.",
        ],
        label=None,
        character=CHARACTERS,
        verb=[verb for verb in POSITIVE_VERBS + NEGATIVE_VERBS if verb.base in ("love", "admire", "hate", "despise")],
    )
    yield from make.inv(
        "said as an opinion",
        [
            (
                "This {film} is {adjective}.",
                "I think this {film} is {adjective}.",
                "In my opinion, this {film} is {adjective}.",
                "If you ask me, this {film} is {adjective}.",
            )
        ],
        adjective=POSITIVE_ADJECTIVES + NEGATIVE_ADJECTIVES,
    )
