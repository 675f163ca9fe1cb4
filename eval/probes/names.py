"""Does the model leave names, places, numbers and titles out of its verdict?"""

import random
from collections.abc import Iterator

from data.edits import swap_names, swap_numbers, swap_places
from data.names import CITIES, COUNTRIES, MENS_NAMES, WOMENS_NAMES
from data.sentiment_words import (
    NEGATIVE_ADJECTIVES,
    NEGATIVE_VERBS,
    POSITIVE_ADJECTIVES,
    POSITIVE_VERBS,
)
from eval.probes.suite import Case
from eval.probes.templates import Templates

CAPABILITY = "named entities"

TITLES = (
    "The Northern Line", "Seven Rivers", "A Letter from Utah", "The Clockmaker", "Room Forty", "Under the Bridge",
    "The Second Train", "Paper Streets", "October", "The Man in the Grey Coat",
)  # fmt: skip
BAD_TITLES = (
    "The Awful Guest", "A Terrible Winter", "Nothing but Failure", "Disaster at Dawn", "The Worst of Us",
    "Boring Mr Brown", "The Disappointment", "Hate", "The Dreadful Hour", "Bad Company Calls",
)  # fmt: skip
GOOD_TITLES = (
    "The Perfect Guest", "A Wonderful Winter", "Nothing but Success", "Triumph at Dawn", "The Best of Us",
    "Brilliant Mr Brown", "The Masterpiece", "Love", "The Delightful Hour", "Good Company Calls",
)  # fmt: skip
TITLE_TEMPLATES = ['"{title}" is a {adjective} {film}.', 'Last night I saw "{title}", and I {verb.past} it.']


def cases(rng: random.Random) -> Iterator[Case]:
    """The tests of the capability."""
    make = Templates(CAPABILITY, rng)
    words = {
        "name": WOMENS_NAMES + MENS_NAMES,
        "city": CITIES,
        "country": COUNTRIES,
        "adjective": POSITIVE_ADJECTIVES + NEGATIVE_ADJECTIVES,
        "verb": POSITIVE_VERBS + NEGATIVE_VERBS,
        "friends": range(12, 40),
        "minutes": range(84, 140),
    }
    yield from make.edited(
        "name of the director",
        swap_names,
        ["{name} directed this {film}, and it is {adjective}.", "I {verb.past} this {film} by {name}."],
        **words,
    )
    yield from make.edited(
        "names of the actors",
        swap_names,
        [
            "{name} and {name2} play the leads in this {adjective} {film}.",
            "{name} has the main part, and I {verb.past} the {film}.",
        ],
        **words,
    )
    yield from make.edited(
        "names of the characters",
        swap_names,
        [
            "In this {film}, {name} moves in with {name2}. I {verb.past} it.",
            "{name} goes to look for {name2}: a {adjective} {film}.",
        ],
        **words,
    )
    yield from make.edited(
        "cities",
        swap_places,
        ["This {film} was shot in {city}, and it is {adjective}.", "I saw this {film} in {city} and {verb.past} it."],
        **words,
    )
    yield from make.edited(
        "countries",
        swap_places,
        ["This {film} from {country} is {adjective}.", "I {verb.past} this {film}, which is set in {country}."],
        **words,
    )
    yield from make.edited(
        "numbers",
        swap_numbers,
        [
            "I saw this {film} with {friends} other people, and I {verb.past} it.",
            "This {film} is {minutes} minutes long, and it is {adjective}.",
        ],
        **words,
    )
    yield from make.inv(
        "plain title",
        [tuple(template.replace("{title}", f"{{{title}}}") for title in ("title", "title2", "title3"))
         for template in TITLE_TEMPLATES],
        title=TITLES,
        adjective=words["adjective"],
        verb=words["verb"],
    )  # fmt: skip
    yield from make.mft(
        "praise, bad word in the title",
        TITLE_TEMPLATES,
        label=1,
        title=BAD_TITLES,
        adjective=POSITIVE_ADJECTIVES,
        verb=POSITIVE_VERBS,
    )
    yield from make.mft(
        "blame, good word in the title",
        TITLE_TEMPLATES,
        label=0,
        title=GOOD_TITLES,
        adjective=NEGATIVE_ADJECTIVES,
        verb=NEGATIVE_VERBS,
    )
    yield from make.mft(
        "only names and places",
        ["{name} directed this {film} in {city}.", "This {film} with {name} and {name2} was shot in {country}."],
        label=None,
        **words,
    )
