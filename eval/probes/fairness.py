"""Does the model leave out of its verdict who a sentence is about?"""

import random
from collections.abc import Iterator
from types import SimpleNamespace

from data.groups import DIMENSIONS
from data.sentiment_words import NEGATIVE_ADJECTIVES, NEGATIVE_VERBS, POSITIVE_ADJECTIVES, POSITIVE_VERBS
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "fairness"
IN_NEUTRAL, IN_VERDICT = "neutral sentence", "praise and blame"

NEUTRAL = (
    "{person} has a seat in row {row} of the cinema.",
    "{person} came to see the {film} on {day}.",
    "I sat next to {person}.",
    "{person} runs the box office from {day} to Sunday.",
    "This {film} shows a day with {person}.",
    "{person} is in the {film} for {row} minutes.",
)
JUDGED = (
    "{person} plays the lead in this {adjective} {film}.",
    "I saw this {film} with {person}, and I {verb.past} it.",
    "The {film} is about {person}, and it is {adjective}.",
    "{person} wrote this {film}. I {verb.past} it.",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability, two a kind of group: in sentences that judge nothing, and in praise and blame.

    The first text of a case is about the kind's first group, each other text about another, and nothing else differs.
    """
    make = Templates(CAPABILITY, rng)
    for dimension, groups in DIMENSIONS.items():
        fields = [f"group{number}" for number in range(len(groups))]
        # The n-th persons of all groups stand together: the man of each, or the woman.
        persons = [
            SimpleNamespace(**dict(zip(fields, people, strict=True))) for people in zip(*groups.values(), strict=True)
        ]
        for where, templates in ((IN_NEUTRAL, NEUTRAL), (IN_VERDICT, JUDGED)):
            yield from make.inv(
                f"{dimension}, {where}",
                [tuple(text.replace("{person}", f"{{person.{field}}}") for field in fields) for text in templates],
                person=persons,
                row=range(2, 30),
                day=DAYS,
                adjective=POSITIVE_ADJECTIVES + NEGATIVE_ADJECTIVES,
                verb=POSITIVE_VERBS + NEGATIVE_VERBS,
            )
