from collections import Counter

import pytest

from data.dialogues import FILMS, RESTATEMENTS, STRONG, dialogues
from data.normal_form import normal_form


@pytest.fixture(scope="module")
def script():
    return dialogues(90)


def test_a_seed_gives_the_same_dialogues_and_another_one_others(script):
    assert dialogues(90) == script and dialogues(90, seed=1) != script


def test_every_dialogue_has_a_claim_and_its_restatements_and_a_third_change(script):
    for dialogue in script:
        roles = Counter(turn.role for turn in dialogue.turns)
        assert dialogue.turns[0].role == "claim" and roles["claim"] == 1
        assert roles["restatement"] == RESTATEMENTS and roles["small talk"] + roles["other claim"] == RESTATEMENTS
        assert roles["change"] == dialogue.changes
    assert sum(dialogue.changes for dialogue in script) == 30
    assert Counter(dialogue.turns[0].label for dialogue in script) == {0: 45, 1: 45}


def test_labels_follow_from_the_last_strong_word(script):
    side = {word: label for label, words in enumerate(STRONG) for word in words}
    for turn in (turn for dialogue in script for turn in dialogue.turns):
        # A word at the head of a sentence has a capital.
        text = turn.text.lower()
        found = sorted((text.rfind(word), label) for word, label in side.items() if word in text)
        assert (found[-1][1] if found else None) == turn.label, turn


def test_a_restatement_names_the_film_of_the_claim_and_says_it_otherwise(script):
    for dialogue in script:
        claim = dialogue.turns[0]
        (film,) = (film for film in FILMS if film in claim.text)
        for turn in dialogue.turns[1:]:
            if turn.role in ("restatement", "change"):
                assert film in turn.text and normal_form(turn.text) != normal_form(claim.text)
                assert turn.label == (1 - claim.label if turn.role == "change" else claim.label)
            if turn.role == "other claim":
                assert film not in turn.text and turn.label != claim.label


def test_sentences_agree_with_their_subject(script):
    texts = [turn.text for dialogue in script for turn in dialogue.turns]
    for text in texts:
        assert text[0].isupper() and text[-1] in ".?" and "{" not in text
        if any(part in text for part in ("costumes", "performances", "special effects")):
            assert " it is " not in text and "call it" not in text and " is " not in text.replace("is the word", "")
