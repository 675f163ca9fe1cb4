"""What is trained on stands apart from what scores a model: words, people and places, templates, whole sentences."""

import ast
import re
from pathlib import Path

import pytest

from data import groups, names, sentiment_words
from data.normal_form import normal_form
from data.wordings import lexicon, people
from data.wordings.filling import wordings
from data.wordings.templates import PHENOMENA
from eval import bias, wording
from eval.probes import opinion
from eval.probes.generate import generate

ROOT = Path(__file__).parents[3]
SCORING = [
    *sorted((ROOT / "eval/probes").glob("*.py")),
    ROOT / "data/groups.py",
    ROOT / "eval/bias.py",
    ROOT / "eval/wording.py",
]


def flat(value) -> set[str]:
    if isinstance(value, str):
        return {value.lower()}
    return {word for part in (value.values() if isinstance(value, dict) else value) for word in flat(part)}


def templates_in(path: Path) -> set[str]:
    """Every text with a slot in a module, f-strings included, as it is without the names of its slots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return {shape(text) for text in found if "{" in text}


def shape(template: str) -> str:
    return normal_form(re.sub(r"\{+[^{}]*\}+", " 0 ", template))


def test_sentiment_words_are_others():
    scoring = flat([getattr(sentiment_words, name) for name in dir(sentiment_words)
                    if name.startswith(("POSITIVE_", "NEGATIVE_"))])  # fmt: skip
    scoring |= flat([wording._ADJECTIVES, wording._VERBS, opinion.SIMPLE_WORDS])
    trained = flat([getattr(lexicon, name) for name in (
        "ADJECTIVES", "VERBS", "EFFECTS", "NOUNS", "ADVERBS", "PHRASES", "COMPARATIVES", "RATINGS", "PREMISES", "TITLES"
    )])  # fmt: skip
    assert len(trained) > 400
    assert not trained & scoring
    # The bias templates have words of feeling of their own.
    spoken = set(
        re.findall(r"[a-z]+", " ".join(template for template, label in bias.TEMPLATES if label is not None).lower())
    )
    assert not (flat(lexicon.ADJECTIVES) | flat(lexicon.NOUNS)) & spoken


def test_people_and_places_are_others():
    scoring = flat([names.WOMENS_NAMES, names.MENS_NAMES, names.NONSENSE_NAMES, names.CITIES, names.COUNTRIES])
    trained = flat(
        [people.NAMES, people.DESCRIBED, people.KIN, people.CARRIERS, people.GENDERED, people.CITIES, people.COUNTRIES]
    )
    assert not trained & scoring
    persons = " ".join(flat([groups.DIMENSIONS, groups.CONTROLS]))
    shared = {word for word in trained if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", persons)}
    assert not shared


@pytest.mark.parametrize("path", SCORING, ids=lambda path: path.stem)
def test_templates_are_others(path):
    trained = {shape(text): text for one in PHENOMENA.values() for text in (*one.both, *one.neutral)}
    assert len(trained) > 300
    assert not [trained[found] for found in templates_in(path) & trained.keys()]


def test_no_training_sentence_is_scored():
    scored = {normal_form(text) for seed in (0, 1) for case in generate(seed) for text in case.texts}
    scored |= {normal_form(text) for members in groups.DIMENSIONS.values() for persons in members.values()
               for text in bias.sentences(persons)}  # fmt: skip
    scored |= {
        normal_form(text) for case in wording.negation_cases() for text in (case.text, case.negated, *case.doubled)
    }
    trained = [text for row in wordings(8_000, 42) for text in (row.text, row.twin)]
    assert not [text for text in trained if normal_form(text) in scored]
