import numpy as np
import pytest

from data.dialogues import KNOWN, dialogues
from eval.memory import Memory, claim_of, converse

POSITIVE, NEGATIVE = np.array([0.2, 0.8]), np.array([0.9, 0.1])


@pytest.fixture()
def memory():
    memory = Memory()
    memory.judge("The plot of Salt and Chalk is superb.", POSITIVE)
    return memory


@pytest.mark.parametrize(
    "text",
    [
        "As I said, the plot of Salt and Chalk is superb.",
        "In Salt and Chalk, the plot is really superb!",
        "To me, excellent is the word for the plot of Salt and Chalk.",  # a synonym
        "My view has not changed: the plot of Salt and Chalk is superb.",
        "I told my neighbour that the plot of Salt and Chalk was superb.",
    ],
)
def test_a_restatement_is_answered_as_before(memory, text):
    judged = memory.judge(text, NEGATIVE)
    assert judged.remembered and not judged.changed
    assert np.array_equal(judged.probabilities, POSITIVE)


@pytest.mark.parametrize(
    "text",
    [
        "The plot of Salt and Chalk is dreadful.",
        "The acting of Salt and Chalk is superb.",
        "The plot of Copper Valley is superb.",
        "The plot of Salt and Chalk is not superb.",
        "The plot of Salt and Chalk is superb, but the ending ruins all.",
        "The plot of Salt and Chalk is superb; cast, costumes and editing are awful.",
        "It is superb.",
    ],
)
def test_another_claim_is_judged_anew(memory, text):
    judged = memory.judge(text, NEGATIVE)
    assert not judged.remembered and np.array_equal(judged.probabilities, NEGATIVE)


@pytest.mark.parametrize(
    "text",
    [
        "I no longer think that the plot of Salt and Chalk is superb.",
        "I used to find the plot of Salt and Chalk superb. Now I find it dreadful.",
        "On second thoughts, the plot of Salt and Chalk is dreadful.",
    ],
)
def test_a_claim_taken_back_is_said_to_have_changed(memory, text):
    judged = memory.judge(text, NEGATIVE)
    assert judged.changed and not judged.remembered and np.array_equal(judged.probabilities, NEGATIVE)
    same = memory.judge(text.replace("Salt and Chalk", "Copper Valley"), NEGATIVE)
    assert not same.changed


def test_a_word_that_the_model_is_less_sure_of_does_not_change_its_mind(memory):
    weak = memory.judge("The plot of Salt and Chalk is first-rate.", np.array([0.6, 0.4]))
    assert weak.remembered and np.array_equal(weak.probabilities, POSITIVE)
    strong = memory.judge("The plot of Salt and Chalk is dreadful.", NEGATIVE)
    assert strong.changed and np.array_equal(strong.probabilities, NEGATIVE)


def test_what_was_said_last_is_what_is_remembered(memory):
    memory.judge("On second thoughts, the plot of Salt and Chalk is not superb.", NEGATIVE)
    again = memory.judge("As I said, the plot of Salt and Chalk is not superb.", POSITIVE)
    assert again.remembered and np.array_equal(again.probabilities, NEGATIVE)


def test_a_claim_is_its_words_in_any_order():
    assert claim_of("The ending was AWFUL, I said") == claim_of("I call the awful ending awful")
    assert claim_of("It isn't gripping").negated and not claim_of("It isn't not gripping").negated


def test_in_the_dialogues_that_it_was_made_on_nothing_is_remembered_that_is_no_restatement():
    restatements = remembered = 0
    for dialogue in dialogues(90, frames=KNOWN):
        truth = [0.5 if turn.label is None else float(turn.label) for turn in dialogue.turns]
        rows = np.array([[1 - label, label] for label in truth])
        judged = converse([turn.text for turn in dialogue.turns], lambda _, rows=rows: rows)
        assert np.array_equal(np.stack([judgement.probabilities for judgement in judged]), rows)
        assert [judgement.changed for judgement in judged] == [turn.role == "change" for turn in dialogue.turns]
        restatements += sum(turn.role == "restatement" for turn in dialogue.turns)
        remembered += sum(
            judgement.remembered
            for judgement, turn in zip(judged, dialogue.turns, strict=True)
            if turn.role == "restatement"
        )
    assert 0.5 < remembered / restatements < 1
