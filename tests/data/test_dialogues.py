from collections import Counter

import pytest

from data.dialogues import FILMS, KNOWN, RESTATEMENTS, STRONG, UNSEEN, dialogues
from data.normal_form import normal_form


@pytest.fixture(scope="module", params=[KNOWN, UNSEEN], ids=["known", "unseen"])
def script(request):
    return dialogues(90, frames=request.param)


def test_a_seed_gives_the_same_dialogues_and_another_one_others():
    assert dialogues(90) == dialogues(90, seed=0) != dialogues(90, seed=1)


def test_no_sentence_frame_is_both_known_and_unseen():
    assert not {*KNOWN.again, *KNOWN.changed} & {*UNSEEN.again, *UNSEEN.changed}


@pytest.mark.parametrize("frames", [KNOWN, UNSEEN], ids=["known", "unseen"])
def test_frames_name_the_film_the_part_and_the_word(frames):
    for template in frames.again + frames.changed:
        assert template.count("{part}") == template.count("{word}") == 1 and "{film}" in template
    assert not any("{old}" in template for template in frames.again)


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


def test_sentences_are_filled_in_and_begin_with_a_capital(script):
    for text in (turn.text for dialogue in script for turn in dialogue.turns):
        assert text[0].isupper() and "{" not in text and "}" not in text


def test_sentences_agree_with_their_subject():
    for text in (turn.text for dialogue in dialogues(90, frames=KNOWN) for turn in dialogue.turns):
        if any(part in text for part in ("costumes", "performances", "special effects")):
            assert " it is " not in text and "call it" not in text and " is " not in text.replace("is the word", "")
