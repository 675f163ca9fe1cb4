import re

import pytest

from data import sentiment_words
from data.normal_form import normal_form
from data.other_texts import NONSENSE_KINDS, OTHER_TEXTS, nonsense, other_texts
from data.synonyms import NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES


def test_there_are_enough_sentences_and_none_twice():
    texts = other_texts()
    assert len(texts) >= 150 and len(OTHER_TEXTS) >= 10
    assert len({normal_form(text) for text in texts}) == len(texts)
    assert all(re.fullmatch(r"[A-Z].*\.", text) for text in texts)


def test_no_sentence_judges_or_is_about_a_film():
    judging = {
        form
        for name, words in vars(sentiment_words).items()
        if name.startswith(("POSITIVE_", "NEGATIVE_"))
        for word in words
        for form in (word if isinstance(word, tuple) else (word,))
    }
    judging |= set(POSITIVE_ADJECTIVES) | set(NEGATIVE_ADJECTIVES)
    judging |= {"film", "films", "movie", "movies", "cinema", "actor", "plot", "scene"}
    for text in other_texts():
        assert not judging & set(re.findall(r"[\w-]+", text.lower())), text


def test_nonsense_is_the_same_for_a_seed_and_all_of_it_differs():
    texts = nonsense(150)
    assert nonsense(150) == texts and nonsense(150, seed=1) != texts
    assert len(set(texts)) == 150 and nonsense(20) == texts[:20]
    assert all(text.strip() for text in texts)


@pytest.mark.parametrize(("kind", "shape"), list(enumerate(
    [r"[a-z ]+", r"[A-Z][a-z]+( [a-z]+)*\.", r"[A-Z][a-z]*( [a-z]+)*\.", r"\d+( \d+)*", r"(\w+)( \1)+"]
)))  # fmt: skip
def test_kinds_come_in_turn(kind, shape):
    assert len(NONSENSE_KINDS) == 5
    assert all(re.fullmatch(shape, text) for text in nonsense(50)[kind::5])
