"""Sentences from templates: slots filled from word lists, articles and capitals put right, no text twice in a test."""

import random
import re
from collections.abc import Iterator, Sequence
from string import Formatter

from data.edits import Edit
from data.sentiment_words import FILMS, PARTS, PLURAL_FILMS
from eval.probes.suite import Case

CASES = 50
"""Of a test."""

SHARED_SLOTS = {"film": FILMS, "films": PLURAL_FILMS, "part": PARTS}

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!one\b|one-|once\b|uni[^mn]|use|euro)", re.IGNORECASE)
_SENTENCE = re.compile(r"(^|[.!?] )([a-z])")


class Templates:
    """Makes the tests of one capability.

    A template is a sentence, or for INV and DIR a tuple of an original and its variants, in which the same slots have
    the same words. {film2} is another film than {film}; {part.name} asks a slot's word for one of its forms.
    """

    def __init__(self, capability: str, rng: random.Random):
        self.capability = capability
        self.rng = rng

    def mft(
        self, test: str, templates: Sequence[str], *, label: int | None, expect: str = "label", **slots: Sequence
    ) -> Iterator[Case]:
        """A minimum functionality test."""
        for texts in self.fill([(template,) for template in templates], **slots):
            yield Case(test, self.capability, "MFT", texts, label, expect)

    def inv(self, test: str, templates: Sequence[tuple[str, ...]], **slots: Sequence) -> Iterator[Case]:
        """An invariance test."""
        for texts in self.fill(templates, **slots):
            yield Case(test, self.capability, "INV", texts, None, "same")

    def edited(self, test: str, edit: Edit, templates: Sequence[str], **slots: Sequence) -> Iterator[Case]:
        """An invariance test whose variants are edits; the edit must apply to every template."""
        for (text,) in self.fill([(template,) for template in templates], **slots):
            variants = dict.fromkeys(edit(text, self.rng) for _ in range(2))
            yield Case(test, self.capability, "INV", (text, *variants), None, "same")

    def directional(
        self, test: str, templates: Sequence[tuple[str, ...]], *, expect: str, **slots: Sequence
    ) -> Iterator[Case]:
        """A directional expectation test."""
        for texts in self.fill(templates, **slots):
            yield Case(test, self.capability, "DIR", texts, None, expect)

    def fill(self, templates: Sequence[tuple[str, ...]], **slots: Sequence) -> list[tuple[str, ...]]:
        """Fill the templates in turn, CASES times, no original twice; ValueError where the words do not suffice."""
        slots = SHARED_SLOTS | slots
        fields = [_fields(template) for template in templates]
        filled: dict[str, tuple[str, ...]] = {}
        for attempt in range(50 * CASES):
            if len(filled) == CASES:
                return list(filled.values())
            index = attempt % len(templates)
            words = self._draw(fields[index], slots)
            texts = tuple(polish(text.format_map(words)) for text in templates[index])
            filled.setdefault(texts[0], texts)
        raise ValueError(f"{self.capability}: too few words for {CASES} texts from {templates[0]}")

    def _draw(self, fields: dict[str, str], slots: dict[str, Sequence]) -> dict:
        words: dict[str, object] = {}
        for field, slot in fields.items():
            word = self.rng.choice(slots[slot])
            while word in words.values():
                word = self.rng.choice(slots[slot])
            words[field] = word
        return words


def polish(text: str) -> str:
    """Put `a` or `an` before every word as it sounds, and a capital at the head of every sentence."""
    text = _ARTICLE.sub(r"\1n ", text)
    return _SENTENCE.sub(lambda match: match[1] + match[2].upper(), text)


def _fields(template: tuple[str, ...]) -> dict[str, str]:
    """The slot that every field of a template is drawn from: {"film2": "film"}."""
    names = [name.split(".")[0] for text in template for _, name, _, _ in Formatter().parse(text) if name]
    return {name: name.rstrip("0123456789") for name in names}
