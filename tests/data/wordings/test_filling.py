import random
import re
from collections import Counter

import pytest

from data.wordings import filling, lexicon
from data.wordings.filling import dressed, polish, wordings
from data.wordings.templates import PHENOMENA, Phenomenon


@pytest.fixture(scope="module")
def rows():
    return wordings(3_000, seed=0)


def test_rows_are_different_balanced_and_of_all_phenomena(rows):
    assert len(rows) == len({row.text for row in rows}) == 3_000
    counts = Counter(row.label for row in rows)
    assert counts[0] == pytest.approx(counts[1], abs=60)
    assert 0.08 < counts[None] / len(rows) < 0.2
    by_phenomenon = Counter(row.phenomenon for row in rows)
    assert by_phenomenon.keys() == PHENOMENA.keys()
    assert min(by_phenomenon.values()) > 0.5 * max(by_phenomenon.values()) / 2


def test_a_twin_is_another_text(rows):
    assert all(row.twin != row.text for row in rows)


def test_most_slips_are_in_the_words_that_judge():
    draw, text = random.Random(0), "Nobody expected anything memorable from Kwame."
    changed = [dressed(text, draw, ["memorable", "joyless"]) for _ in range(400)]
    assert text not in changed
    typed = [one for one in changed if "http" not in one and "@" not in one]
    telling = sum("memorable" not in one for one in typed) / len(typed)
    # Of its five long words it is one, where none is said to judge.
    by_chance = sum("memorable" not in dressed(text, draw) for _ in typed) / len(typed)
    assert 0.1 < by_chance < 0.35 and 0.65 < telling < 0.9


def test_longer_texts_are_typed_worse():
    draw = random.Random(0)

    def most(text: str) -> int:
        pairs = [(text.split(), dressed(text, draw).split()) for _ in range(300)]
        return max(sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs if len(pair[0]) == len(pair[1]))

    assert most("Somebody brought another umbrella yesterday morning") <= 3
    assert most(" ".join(["Somebody brought another umbrella yesterday morning"] * 6)) > 3


def test_nothing_is_left_to_fill_and_articles_sound_right(rows):
    for row in rows:
        for text in (row.text, row.twin):
            assert not re.search(r"[{}]", text)
            assert not re.search(r"\ba (?:abys|inept|idiotic|elegant|ordeal|affecting|intriguing)", text, re.I), text
            assert not re.search(r"\ban (?:[bcdfgjklmnpqrstvwz])", text, re.I), text


def test_the_seed_decides():
    assert wordings(200, 1) == wordings(200, 1)
    assert wordings(200, 1) != wordings(200, 2)


def test_without_neutral_sentences_all_have_a_label():
    rows = wordings(300, 0, neutral=False)
    assert {row.label for row in rows} == {0, 1} and len(rows) == 300


def test_words_of_the_other_side_stand_where_the_label_asks_for_them(monkeypatch):
    words = tuple((f"{side}a", f"{side}b", f"{side}c") for side in ("NEG", "POS"))
    monkeypatch.setitem(filling._SIDED, "adj", words)
    found = [row for row in wordings(1_000, 0) if row.phenomenon == "a not before an adjective"]
    said = [(row.label, re.search(r"(NEG|POS)", row.text, re.I)) for row in found if row.text.startswith("It is not ")]
    assert said and all((match[0].upper() == "NEG") == (label == 1) for label, match in said if match)


def test_too_few_words_are_said(monkeypatch):
    # One template without a field gives a sentence and its copies with links; typed otherwise in a few ways only.
    monkeypatch.setattr(filling, "PHENOMENA", {"one": Phenomenon(both=("Always this.",))})
    monkeypatch.setattr(filling, "dressed", lambda text, draw, telling: f"{text} {draw.randrange(9)}")
    with pytest.raises(ValueError, match="different sentences, not 500"):
        wordings(500, 0)


def test_the_words_suffice_for_what_the_flag_allows():
    # Hardly a sentence comes twice among those of the recipe: a tenth of what the flag allows is far from the end.
    draw, turns = random.Random(0), filling._turns(random.Random(0), True)
    found = [filling._make(*next(turns), draw).text for _ in range(3_000)]
    assert len(set(found)) > 0.9 * len(found)


@pytest.mark.parametrize(
    ("text", "polished"),
    [
        ("a idiotic film.", "An idiotic film."),
        ("it is an useless mess. a ordeal", "It is a useless mess. An ordeal"),
        ("an uninvolving film", "An uninvolving film"),
        ("a one-armed man and an unique one", "A one-armed man and a unique one"),
        ("an hour? a hit!", "An hour? A hit!"),
    ],
)
def test_articles_and_capitals(text, polished):
    assert polish(text) == polished


def test_no_word_stands_on_both_sides():
    for negative, positive in (
        getattr(lexicon, name) for name in ("ADJECTIVES", "VERBS", "EFFECTS", "NOUNS", "ADVERBS")
    ):
        assert not set(negative) & set(positive)
        assert len(set(negative)) == len(negative) and len(set(positive)) == len(positive)
