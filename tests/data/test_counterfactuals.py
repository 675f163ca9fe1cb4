import random
import re

import pytest
from datasets import Dataset

from data.corpora import FEATURES
from data.counterfactuals import swap_terms, swapped
from data.wordings import people


def swaps(text, count=40):
    return [swapped(text, random.Random(seed)) for seed in range(count)]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Anna gives a fine performance in Paris .", r"[A-Z]\w+ gives a fine performance in [A-Z][\w ]+ \."),
        ("a young lesbian tells her story .", r"an? young \w+ tells her story \."),
        ("A Catholic priest meets a Quaker.", r"An? [A-Z][\w']+ priest meets an? [A-Z][\w']+\."),
        ("he loses himself", r"she loses herself"),
        ("THE ACTRESS", r"THE ACTOR"),
        ("an actor", r"an actress"),
        ("a hero , an Irish one", r"an? hero(ine)? , an? \w+ one"),
    ],
)
def test_each_term_gives_way_to_one_of_its_kind(text, pattern):
    found = swaps(text)
    assert all(re.fullmatch(pattern, one, re.I if text.isupper() else 0) for one in found), found
    assert text not in found


def test_the_article_follows():
    for text in swaps("a Kenyan and an Irish film"):
        for article, word in re.findall(r"\b(an?) (\w+)", text):
            assert (article == "an") == (word[0].lower() in "aeiou" and not word.startswith("U")), text


def test_one_word_becomes_one_word_and_two_stay_two():
    for text in swaps("Anna meets Sarah , and anna leaves Sarah ."):
        first, second, again, last = re.fullmatch(r"(.+) meets (.+) , and (.+) leaves (.+) \.", text).groups()
        assert first.lower() == again and second == last != first


@pytest.mark.parametrize("text", ["a polish on the surface", "a well-made film", "theannabook", "@anna", ""])
def test_no_term_no_swap(text):
    assert swapped(text, random.Random(0)) is None


def test_only_training_words_come_in():
    known = {word.lower() for word in (*people.ALL_NAMES, *people.CITIES)}
    for text in swaps("Anna saw London", 200):
        name, _, city = text.lower().partition(" saw ")
        assert city in known
        assert name in known or name.isalpha()


def test_copies_keep_the_label_and_the_seed_decides():
    texts = [f"row {index} is by Anna" if index % 2 else f"row {index}" for index in range(40)]
    rows = Dataset.from_dict({"text": texts, "label": [index % 2 for index in range(40)]}, features=FEATURES)
    for share, copies in ((0.0, 0), (0.5, 10), (1.0, 20), (1.5, 30)):
        more = swap_terms(rows, share, 3)
        assert more["text"][:40] == texts and more.features == rows.features
        assert more["label"][40:] == [1] * copies
        assert all(re.fullmatch(r"row \d+ is by (?!Anna)\w+", text) for text in more["text"][40:])
    assert swap_terms(rows, 0.5, 3)["text"][:] == swap_terms(rows, 0.5, 3)["text"][:]
    assert swap_terms(rows, 0.5, 3)["text"][:] != swap_terms(rows, 0.5, 4)["text"][:]
