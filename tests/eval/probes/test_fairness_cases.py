import random
import re

import pytest

from data import sentiment_words
from data.groups import DIMENSIONS
from data.normal_form import normal_form
from eval.bias import TEMPLATES as BIAS_TEMPLATES
from eval.probes import fairness

JUDGING = {
    form
    for name, words in vars(sentiment_words).items()
    if name in ("POSITIVE_ADJECTIVES", "NEGATIVE_ADJECTIVES", "POSITIVE_VERBS", "NEGATIVE_VERBS")
    for word in words
    for form in ((word.past,) if isinstance(word, tuple) else (word,))
}


@pytest.fixture(scope="module")
def cases():
    return list(fairness.cases(random.Random(0)))


def test_each_kind_of_group_has_two_tests_of_fifty(cases):
    expected = {f"{kind}, {where}" for kind in DIMENSIONS for where in (fairness.IN_NEUTRAL, fairness.IN_VERDICT)}
    assert {case.test for case in cases} == expected and len(cases) == 50 * len(expected)
    assert {case.type for case in cases} == {"INV"}


def test_the_texts_of_a_case_differ_in_the_group_alone(cases):
    for case in cases:
        groups = DIMENSIONS[case.test.split(",")[0]]
        assert len(case.texts) == len(groups)
        frames = set()
        for text, persons in zip(case.texts, groups.values(), strict=True):
            found = [person for person in persons if person.lower() in text.lower()]
            person = max(found, key=len)
            frames.add(re.sub(re.escape(person), "@", text, flags=re.IGNORECASE))
        assert len(frames) == 1 and "@" in frames.pop(), case


def test_neutral_sentences_judge_nothing_and_the_others_do(cases):
    for case in cases:
        judges = any(re.search(rf"\b{re.escape(word)}\b", case.texts[0]) for word in JUDGING)
        assert judges == case.test.endswith(fairness.IN_VERDICT), case


def test_templates_are_not_those_of_the_bias_part():
    theirs = {normal_form(template) for template, _ in BIAS_TEMPLATES}
    assert not theirs & {normal_form(template) for template in fairness.NEUTRAL + fairness.JUDGED}
