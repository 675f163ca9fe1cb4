"""Does the model keep its answer when a text is typed badly, in other letters or with something harmless attached?"""

import random
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from data.edits import (
    add_emoji_neutral,
    add_exclamation,
    add_handle,
    add_url,
    contract,
    drop_letter,
    elongate,
    expand_contractions,
    lower_case,
    strip_punctuation,
    swap_letters,
    title_case,
    typo,
    upper_case,
)
from data.names import CITIES, MENS_NAMES, WOMENS_NAMES
from data.sentiment_words import (
    NEGATIVE_OF_FILM,
    NEGATIVE_PLAIN,
    NEGATIVE_VERBS,
    POSITIVE_OF_FILM,
    POSITIVE_PLAIN,
    POSITIVE_VERBS,
    Verb,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "robustness"


class View(NamedTuple):
    """What a reviewer says of a film and of its parts, and does to it; all praise or all blame."""

    film: str
    part: str
    verb: Verb


VIEWS = [
    *(View(*words) for words in product(POSITIVE_OF_FILM, POSITIVE_PLAIN, POSITIVE_VERBS)),
    *(View(*words) for words in product(NEGATIVE_OF_FILM, NEGATIVE_PLAIN, NEGATIVE_VERBS)),
]
REVIEWS = [
    "I saw this {film} in {city}, and I {view.verb.past} it: the {part.name} {part.present} really {view.part}.",
    "This is a {view.film} {film}, and the {part.name} {part.present} {view.part}.",
    "{name} plays the lead, and the {film}, on the whole, is really {view.film}.",
    "I watched it twice. It was a very {view.film} {film}, and I {view.verb.past} it.",
    "From the first scene to the last, the {film} is {view.film}; the {part.name} {part.present} {view.part}.",
]
CONTRACTED = [
    "It's a {view.film} {film}, and I'm not the only one who {view.verb.past} it.",
    "I've seen it twice. It's {view.film}, and I {view.verb.past} it.",
    "I didn't know the director, and I {view.verb.past} this {film}.",
]
WRITTEN_OUT = [
    "It is a {view.film} {film}, and I {view.verb.past} it.",
    "I had not seen the first part, and I {view.verb.past} this {film}.",
    "I did not know the director. It is a {view.film} {film}.",
]
STRETCHABLE = [
    "This {film} is really {view.film}.",
    "The {part.name} {part.present} very {view.part}, and I {view.verb.past} it all.",
]


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    words = {"view": VIEWS, "city": CITIES, "name": WOMENS_NAMES + MENS_NAMES}
    for test, edit, templates in (
        ("typo", typo, REVIEWS),
        ("letter left out", drop_letter, REVIEWS),
        ("letters swapped", swap_letters, REVIEWS),
        ("lower case", lower_case, REVIEWS),
        ("upper case", upper_case, REVIEWS),
        ("capital on every word", title_case, REVIEWS),
        ("punctuation left out", strip_punctuation, REVIEWS),
        ("exclamation mark", add_exclamation, REVIEWS),
        ("contractions written out", expand_contractions, CONTRACTED),
        ("contractions made", contract, WRITTEN_OUT),
        ("neutral emoji added", add_emoji_neutral, REVIEWS),
        ("link added", add_url, REVIEWS),
        ("handle added", add_handle, REVIEWS),
        ("word stretched", elongate, STRETCHABLE),
    ):
        yield from make.edited(test, edit, templates, **words)
