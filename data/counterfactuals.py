"""Counterfactual copies of rows: the same sentence about somebody else.

After Kaushik et al., Learning the difference that makes a difference with counterfactually-augmented data, 2020, and
Zmigrod et al., Counterfactual data augmentation for mitigating gender stereotypes, 2019; here by word lists.
"""

import random
import re
from collections.abc import Callable

from datasets import Dataset, concatenate_datasets

from data import names
from data.wordings import people

_ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)


def _lower(*lists: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for words in lists for word in words)


# What is found may be any name; what is put in its place comes from the training lists alone.
_KINDS: tuple[tuple[frozenset[str], Callable[[random.Random], str]], ...] = (
    (_lower(people.ALL_NAMES, names.WOMENS_NAMES, names.MENS_NAMES), people.name),
    (_lower(people.CITIES, names.CITIES), lambda draw: draw.choice(people.CITIES)),
    (_lower(people.COUNTRIES, names.COUNTRIES), lambda draw: draw.choice(people.COUNTRIES)),
    *(
        (_lower(words), lambda draw, words=words: draw.choice(words))
        for dimension, words in people.DESCRIBED.items()
        if dimension in ("religion", "nationality", "orientation")
    ),
)
_OTHER_GENDER = {one: other for pair in people.GENDERED for one, other in (pair, pair[::-1])}
_TERMS = _OTHER_GENDER.keys() | frozenset().union(*(terms for terms, _ in _KINDS))
# These are common words too, most of all in texts without capitals.
_AMBIGUOUS = frozenset(("polish", "orthodox", "devout", "danish", "cork", "perth", "milan", "lima", "qian", "ama"))
_TERM = re.compile(
    rf"(?<![\w'’@-])(?:{'|'.join(map(re.escape, sorted(_TERMS - _AMBIGUOUS, key=lambda word: (-len(word), word))))})"
    r"(?![\w-])",
    re.IGNORECASE,
)


def swapped(text: str, draw: random.Random) -> str | None:
    """The text with another name, place or group in the place of each that it has; None where it has none.

    What is said twice is swapped for the same word twice. Words that differ in gender alone change all together or not
    at all, one time in two where there is something else to swap. Case and article follow.
    """
    found = list(_TERM.finditer(text))
    gendered = [match for match in found if match[0].lower() in _OTHER_GENDER]
    if gendered and len(gendered) < len(found) and draw.random() < 0.5:
        found = [match for match in found if match not in gendered]
    chosen: dict[str, str] = {}
    for match in found:
        old = match[0].lower()
        if old not in chosen:
            chosen[old] = _OTHER_GENDER.get(old) or _another(old, {*chosen, *map(str.lower, chosen.values())}, draw)
    for match in reversed(found):
        text = _replaced(text, match, chosen[match[0].lower()])
    return text if found else None


def swap_terms(rows: Dataset, share: float, seed: int) -> Dataset:
    """The rows, and after them swapped copies of a share of those that name a person, a place or a group.

    `share` is the copies by such row: 0.5 copies every other one, drawn at random, 2 every one twice, with the label of
    the row. The same seed gives the same copies.
    """
    draw = random.Random(f"swap_terms:{seed}")
    texts = rows["text"][:]
    able = [index for index, text in enumerate(texts) if _TERM.search(text)]
    sources = able * int(share) + sorted(draw.sample(able, round((share - int(share)) * len(able))))
    copies = rows.select(sources).remove_columns("text")
    copies = copies.add_column("text", [swapped(texts[index], draw) for index in sources])
    return concatenate_datasets([rows, copies.select_columns(rows.column_names).cast(rows.features)])


def _another(old: str, taken: set[str], draw: random.Random) -> str:
    word = next(replacement for terms, replacement in _KINDS if old in terms)
    while (new := word(draw)).lower() in taken or new.lower() == old:
        pass
    return new


def _replaced(text: str, match: re.Match, new: str) -> str:
    old, before = match[0], text[: match.start()]
    if old.isupper():
        new = new.upper()
    elif old.islower():
        new = new.lower()
    elif old[0].isupper():
        new = new[0].upper() + new[1:]
    if article := _ARTICLE.search(before):
        written = article[1][0] + ("n" if new[0].lower() in "aeiou" and not new.lower().startswith("u") else "")
        before = before[: article.start()] + written + article[2]
    return before + new + text[match.end() :]
