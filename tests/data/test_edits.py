import random
import re
import time
from difflib import SequenceMatcher

import pytest

from data.edits import EDITS, MEANING_PRESERVING, edited
from data.names import COUNTRIES, HANDLES, MENS_NAMES, NEUTRAL_EMOJI, URLS, WOMENS_NAMES
from data.synonyms import FIXED_PHRASES, NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES, SYNONYMS

PLAIN = [
    "The film is good.",
    "It's a charming film, and Anna doesn't bore us for 90 minutes in Paris.",
    "I loved this movie!",
    "THE PLOT IS BAD",
    "Why can't they write a boring scene?",
    "An amusing story; it is not a great one.",
]
TOKENISED = [
    "it 's a charming film . ",
    "the plot does n't work , and the acting is poor . ",
    "matthew is funny and moving in france . ",
    "a dull 1994 thriller",
]
AWKWARD = ["", " ", "\n", ".", "😀", "😀 👍🏽", "?!", "a", "é", "中文电影很好看", "\ud800 broken", "\x00\x07 control"]
AWKWARD += ["3.14 10/10 $5 1 0 007 12345678901234567890", ":) http://x.org/a?b=c @me #tag", "'" * 50, "a" * 10_000]
AWKWARD += ["word " * 2_000, ". " * 5_000, "'s n't " * 1_400, "good and " * 1_100, "it is not " * 1_000, "the " * 2_500]
AWKWARD += ["İstanbul ﬁlm ß", "1" * 10_000, "http" * 2_500]


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_total_deterministic_and_never_idle(name):
    start = time.process_time()
    for text in PLAIN + TOKENISED + AWKWARD:
        for seed in range(3):
            result = EDITS[name](text, random.Random(seed))
            assert result == EDITS[name](text, random.Random(seed))
            assert result is None or (isinstance(result, str) and result != text and result.strip())
    assert time.process_time() - start < 3


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_applies_somewhere_and_stays_in_style(name):
    results = {text: edited(name, text, 0) for text in PLAIN + TOKENISED}
    assert any(results.values())
    if name in ("title_case", "upper_case", "add_url", "add_emoji_neutral"):
        return
    for text, result in results.items():
        if result and text.islower():
            assert result.islower()
        if result and text.endswith(" "):
            assert result.endswith(" ")
        if result and " ." in text and "." in result and name not in ("strip_punctuation", "add_handle"):
            assert not re.search(r"\w\.(?:\s|$)", result)


@pytest.mark.parametrize("name", ["typo", "drop_letter", "swap_letters"])
def test_a_slip_of_the_finger_changes_one_word_inside(name):
    for seed in range(50):
        text = PLAIN[1]
        result = EDITS[name](text, random.Random(seed))
        changed = [(a, b) for a, b in zip(text.split(), result.split(), strict=True) if a != b]
        ((before, after),) = changed
        assert before[0] == after[0] and len(before) - len(after) in (0, 1)
        assert SequenceMatcher(None, before, after).ratio() >= 0.6


@pytest.mark.parametrize("name", ["typo", "drop_letter", "swap_letters"])
def test_negations_links_and_short_words_are_not_misspelt(name):
    assert edited(name, "it was never bad without @cinemagoer https://example.org/films", 0) is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lower_case", "The FILM.", "the film."),
        ("upper_case", "it's good.", "IT'S GOOD."),
        ("title_case", "it 's good , is n't it . ", "It 's Good , Is n't It . "),
        ("title_case", "the son's self-made life", "The Son's Self-Made Life"),
        ("strip_punctuation", "Well, it's a 7.5 -- \"great\"!", "Well it's a 7.5 great"),
        ("strip_punctuation", "good :) see https://a.org/b?c .", "good :) see https://a.org/b?c"),
        ("strip_punctuation", "it 's dull , is n't it ? ", "it 's dull is n't it "),
        ("strip_punctuation", "plain words", None),
        ("add_exclamation", "it 's good . ", "it 's good ! "),
        ("add_exclamation", "Good!", "Good!!"),
        ("add_exclamation", "Is it good?", None),
        ("add_exclamation", "oh well . . .", None),
        ("expand_contractions", "It's a film that doesn't work.", "It is a film that does not work."),
        ("expand_contractions", "it 's dull , you ca n't win . ", "it is dull , you can not win . "),
        ("expand_contractions", "I can't say, they won't care", "I cannot say, they will not care"),
        ("expand_contractions", "It's been long", "It has been long"),
        ("expand_contractions", "IT DOESN'T WORK", "IT DOES NOT WORK"),
        ("expand_contractions", "It's made for us.", None),
        ("expand_contractions", "Isn't that great?", None),
        ("expand_contractions", "why don't they try", None),
        ("expand_contractions", "the film's cast", None),
        ("contract", "It is a film that does not work.", "It's a film that doesn't work."),
        ("contract", "it is a film that does not work . ", "it 's a film that does n't work . "),
        ("contract", "We cannot and will not.", "We can't and won't."),
        ("contract", "This is what it is about", None),
        ("contract", "not only dull", None),
        ("swap_clauses", "The plot is thin and the cast is great.", "The cast is great and the plot is thin."),
        ("swap_clauses", "the plot is thin , but the cast is great .", None),
        ("swap_clauses", "This is what happens when a director and the studio are lost.", None),
        ("swap_clauses", "a funny and entertaining film .", "an entertaining and funny film ."),
        ("swap_clauses", "not funny and moving", None),
        ("swap_clauses", "evil is interesting and good is boring", None),
        ("contract", "it was not, as they say, dull", None),
        ("negate", "The film is good.", "The film is not good."),
        ("negate", "it 's a really good film . ", "it 's not a really good film . "),
        ("negate", "They hated it.", "They did not hate it."),
        ("negate", "The film is not good.", None),
        ("negate", "The film is good, but long.", None),
        ("negate", "Is it good?", None),
        ("negate", "The film is good and the cast is great.", None),
        ("double_negate", "nice try", None),
        ("swap_numbers", "I give it 8/10, 3 stars, top 10, $5, 90%, 7 out of 10, no. 4", None),
    ],
)  # fmt: skip
def test_an_edit_by_its_words(name, text, expected):
    assert edited(name, text, 0) == expected


def test_contractions_come_back():
    for text in ("It's a bad film and it doesn't work.", "they ca n't act and it 's a mess . "):
        expanded = edited("expand_contractions", text, 0)
        assert edited("contract", expanded.replace("can not", "cannot"), 0) == text


def test_a_double_negation_holds_the_negation():
    negated = edited("negate", "The film is good.", 0)
    for seed in range(10):
        assert edited("double_negate", "The film is good.", seed).endswith(negated[1:])
        assert not edited("double_negate", "Anna is good.", seed)


def test_a_name_is_swapped_everywhere_by_one_of_its_gender():
    for seed in range(30):
        result = edited("swap_names", "anna is good, and anna's brother kevin is too.", seed)
        woman, brother = re.match(r"(\w+) is good, and \1's brother (\w+) is too\.", result).groups()
        assert (woman == "anna") != (brother == "kevin")
        assert woman in {name.lower() for name in WOMENS_NAMES}
        assert brother in {name.lower() for name in MENS_NAMES}


def test_places_stay_of_a_kind_and_people_are_left_alone():
    for seed in range(20):
        assert edited("swap_places", "It was shot in France.", seed)[15:-1] in COUNTRIES
        article, place, _ = edited("swap_places", "an Egypt story", seed).split(maxsplit=2)
        assert article == ("an" if place[0] in "AEIO" else "a")
    assert edited("swap_places", "Jack London wrote it, Paris Hilton stars", 0) is None


def test_a_number_stays_near():
    for seed in range(50):
        assert 1985 <= int(edited("swap_numbers", "a 1994 film", seed)[2:6]) <= 2003
        minutes = int(edited("swap_numbers", "90 minutes", seed).split()[0])
        assert 72 <= minutes <= 99 and minutes != 90


def test_a_synonym_takes_its_article_and_case_along():
    results = {edited("synonym", "An amusing scene", seed) for seed in range(20)}
    assert results == {"A funny scene"}
    assert edited("synonym", "a film noir", 0) is None
    assert edited("synonym", "a film-like scene", 0) is None


def test_additions_only_add():
    for seed in range(20):
        text = "it 's good . "
        assert edited("add_emoji_neutral", text, seed).removeprefix(text.strip()).strip() in NEUTRAL_EMOJI
        assert edited("add_url", text, seed).removeprefix(text.strip()).strip() in URLS
        assert edited("add_handle", text, seed).removesuffix(text).strip() in HANDLES
        assert edited("add_neutral_clause", text, seed).startswith(text)
        assert edited("prepend_neutral_clause", text, seed).endswith(text)
        assert "it 's good" in edited("paraphrase", text, seed)


def test_elongation_only_repeats_a_letter():
    for seed in range(20):
        result = edited("elongate", "A really good film.", seed)
        assert re.sub(r"(.)\1+", r"\1", result) == re.sub(r"(.)\1+", r"\1", "A really good film.")
        assert len(result) > len("A really good film.")


def test_the_lexicon_is_sound():
    for word, others in SYNONYMS.items():
        assert word == word.lower() and word not in others and len(set(others)) == len(others) > 0
        for other in others:
            assert not (word in POSITIVE_ADJECTIVES and other in NEGATIVE_ADJECTIVES)
            assert not (word in NEGATIVE_ADJECTIVES and other in POSITIVE_ADJECTIVES)
    assert not POSITIVE_ADJECTIVES & NEGATIVE_ADJECTIVES
    assert all(any(word in phrase for word in SYNONYMS) for phrase in FIXED_PHRASES)


def test_meaning_preserving_leaves_the_negations_out():
    assert set(EDITS) - set(MEANING_PRESERVING) == {"negate", "double_negate"}
    assert len(EDITS) == 24
