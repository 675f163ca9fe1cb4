"""Training rows from the templates: a sentence, its label if it has one, and a copy that must get the same answer."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from string import Formatter

from data.edits import EDITS
from data.wordings import lexicon, people
from data.wordings.templates import PHENOMENA

SURFACE_EDITS = ("typo", "drop_letter", "swap_letters", "contract", "expand_contractions", "strip_punctuation")
"""Edits after which a reader's verdict is the same, and which bring no word from the lists that score."""

TYPING_ERRORS = ("typo", "drop_letter", "swap_letters")
WORDS_BY_EDIT = 6
"""A text that is typed otherwise has at most an edit for so many words, or three where that is more."""

NEUTRAL_TURNS = 6
"""So many sentences without a verdict stand beside two of each other phenomenon."""

MOST_WORDINGS = 100_000
"""So many different sentences there are for sure."""

_SIDED = {
    "adj": lexicon.ADJECTIVES,
    "verb": lexicon.VERBS,
    "effect": lexicon.EFFECTS,
    "noun": lexicon.NOUNS,
    "adverb": lexicon.ADVERBS,
    "phrase": lexicon.PHRASES,
    "better": (("worse",), ("better",)),
    "best": (("worst",), ("best",)),
    "finer": lexicon.COMPARATIVES,
    "rating": lexicon.RATINGS,
    "story": lexicon.PREMISES,
    "title": lexicon.TITLES,
}
_FREE: dict[str, tuple | Callable[[random.Random], str]] = {
    "person": people.person,
    "name": people.name,
    "city": people.CITIES,
    "country": people.COUNTRIES,
    "film": lexicon.FILMS,
    "films": lexicon.PLURAL_FILMS,
    "part": lexicon.PARTS,
    "day": lexicon.DAYS,
    "once": lexicon.ONCE,
    "now": lexicon.NOW,
    "others": lexicon.OTHERS,
    "aside": lexicon.ASIDES,
    "unrelated": lexicon.UNRELATED_NOT,
    "surrounding": lexicon.SURROUNDINGS,
    "rival": lexicon.RIVALS,
    "reach": lexicon.REACHES,
    "degree": lexicon.DEGREES,
}
_REDRAWN = ("person", "name", "city", "country", "day", "others", "aside", "unrelated", "surrounding")
"""Slots whose words differ in a copy."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A row made from a template."""

    text: str
    label: int | None
    """None where the sentence holds no verdict."""
    twin: str
    """The same in what counts: other people and places, or typed otherwise."""
    phenomenon: str


def wordings(rows: int, seed: int, *, neutral: bool = True) -> list[Wording]:
    """`rows` different sentences, the phenomena in turn and the labels in equal parts; the same ones for the same seed.

    neutral: with sentences without a label too, of which only the copies tell how to answer. Raises ValueError where
    the words do not suffice for so many.
    """
    draw = random.Random(f"wordings:{seed}")
    found: dict[str, Wording] = {}
    turns = _turns(draw, neutral)
    for _ in range(20 * rows):
        if len(found) == rows:
            break
        wording = _make(*next(turns), draw)
        found.setdefault(wording.text, wording)
    if len(found) < rows:
        raise ValueError(f"the templates give {len(found):,} different sentences, not {rows:,}")
    return list(found.values())


def _turns(draw: random.Random, neutral: bool) -> Iterator[tuple[str, str, int | None]]:
    """Yield (phenomenon, template, label) for ever, each phenomenon's templates in a random order of its own."""
    decks: dict[tuple[str, int | None], list[str]] = {}
    while True:
        for name, phenomenon in PHENOMENA.items():
            for label in (None,) * NEUTRAL_TURNS if phenomenon.neutral else (0, 1):
                if label is None and not neutral:
                    continue
                deck = decks.setdefault((name, label), [])
                if not deck:
                    deck.extend(phenomenon.neutral if label is None else phenomenon.both)
                    draw.shuffle(deck)
                yield name, deck.pop(), label


def _make(phenomenon: str, template: str, label: int | None, draw: random.Random) -> Wording:
    fields = _fields(template)
    words: dict[str, object] = {}
    for field in fields:
        words[field] = _word(field, label, words, draw)
    text = polish(template.format_map(words))
    telling = _telling(words)
    redrawn = [field for field in fields if _slot(field) in _REDRAWN]
    other = dict(words)
    for field in redrawn:
        other[field] = _word(field, label, other, draw)
    twin = plain = polish(template.format_map(other))
    if draw.random() < 0.3:
        text = dressed(text, draw, telling)
    if not redrawn or draw.random() < 0.5:
        twin = dressed(plain, draw, telling)
    while twin == text:
        twin = dressed(plain, draw, telling)
    return Wording(text, label, twin, phenomenon)


def _telling(words: dict[str, object]) -> list[str]:
    """The words that judge, in all their forms."""
    told = [word for field, word in words.items() if _slot(field) not in _FREE]
    return [form for word in told for form in ([word] if isinstance(word, str) else word)]


def dressed(text: str, draw: random.Random, telling: Sequence[str] = ()) -> str:
    """The text typed otherwise, or with a link or a handle; always different. Most slips are in a telling word."""
    kind = draw.random()
    if kind < 0.1:
        return f"{text} {people.link(draw)}"
    if kind < 0.15:
        return f"{people.handle(draw)} {text}"
    if draw.random() < 0.65 and (slipped := _slipped(text, draw, telling)):
        return slipped
    before, most = text, max(3, len(text.split()) // WORDS_BY_EDIT)
    for name in draw.choices(SURFACE_EDITS, k=draw.randint(1, most)):
        text = EDITS[name](text, draw) or text
    return text if text != before else f"{text} {people.link(draw)}"


def _slipped(text: str, draw: random.Random, telling: Sequence[str]) -> str | None:
    """The text with a slip in one of the telling words that stand in it; None where none is long enough."""
    found = [word for word in telling if word in text]
    if not found:
        return None
    slip, word = EDITS[draw.choice(TYPING_ERRORS)], draw.choice(found)
    slipped = slip(word, draw)
    return text.replace(word, slipped, 1) if slipped else None


def _word(field: str, label: int | None, taken: dict[str, object], draw: random.Random) -> object:
    slot = _slot(field)
    source = _source(slot, label)
    for _ in range(100):
        word = source(draw) if callable(source) else draw.choice(source)
        if word not in taken.values():
            return word
    raise ValueError(f"too few words for {{{slot}}}")


def _source(slot: str, label: int | None) -> tuple | Callable[[random.Random], str]:
    if slot in _FREE:
        return _FREE[slot]
    if slot in _SIDED:
        return _SIDED[slot][label]
    return _SIDED[slot.removeprefix("anti") or "adj"][1 - label]


_ARTICLE = re.compile(r"\b([Aa])n? (?=\w)")
_VOWEL = re.compile(r"(?:[aeiou]|hour|honest|8|11|18)(?!ne\b|ne-)", re.IGNORECASE)
_CONSONANT = re.compile(r"uni[^mn]|use|eu|once|one\b|one-", re.IGNORECASE)
_SENTENCE = re.compile(r"(^|[.!?] )([a-z])")


def polish(text: str) -> str:
    """Put `a` or `an` before every word as it sounds, and a capital at the head of every sentence."""

    def article(found: re.Match) -> str:
        after = text[found.end() :]
        return f"{found[1]}n " if _VOWEL.match(after) and not _CONSONANT.match(after) else f"{found[1]} "

    text = _ARTICLE.sub(article, text)
    return _SENTENCE.sub(lambda match: match[1] + match[2].upper(), text)


def _fields(template: str) -> list[str]:
    """The fields of a template without the forms they ask for: `adj2`, `verb`."""
    return list(dict.fromkeys(name.split(".")[0] for _, name, _, _ in Formatter().parse(template) if name))


def _slot(field: str) -> str:
    return field.rstrip("0123456789")
