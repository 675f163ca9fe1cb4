"""The generated suite: enough, the same for a seed, grammatical and labelled right."""

import random
import re
import time
from collections import Counter

import numpy as np
import pytest

from data import sentiment_words
from eval.predictor import Predictions
from eval.probes.generate import CAPABILITIES, generate
from eval.probes.judge import judge
from eval.probes.suite import open_suite, write_suite
from eval.probes.templates import Templates, polish

POSITIVE, NEGATIVE = (
    {
        form
        for name, words in vars(sentiment_words).items()
        if name.startswith(side)
        for word in words
        for form in (word if isinstance(word, tuple) else (word,))
    }
    for side in ("POSITIVE_", "NEGATIVE_")
)
ANY_WORD = re.compile(
    rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(POSITIVE | NEGATIVE, key=len, reverse=True)))})(?![\w-])",
    re.IGNORECASE,
)


class LexiconOracle:
    """Counts the words of praise and of blame, the longest phrase first."""

    def predict(self, texts):
        positive = np.array([self._positive(text) for text in texts])
        zeros = np.zeros(len(texts), dtype=int)
        return Predictions(np.stack([1 - positive, positive], axis=1), zeros, zeros.astype(bool), zeros)

    def _positive(self, text):
        found = polarities(text)
        return 0.5 if not found else found.count(1) / len(found)


def polarities(text):
    return [int(word.lower() in POSITIVE) for word in ANY_WORD.findall(text)]


@pytest.fixture(scope="module")
def cases():
    return generate(seed=0)


def by_test(cases):
    tests = {}
    for case in cases:
        tests.setdefault((case.capability, case.test), []).append(case)
    return tests


def test_there_are_enough_and_of_every_kind(cases):
    tests = by_test(cases)
    assert len(tests) >= 40 and len(cases) >= 4_000
    assert {case.capability for case in cases} == set(CAPABILITIES) and len(CAPABILITIES) == 11
    assert {case.type for case in cases} == {"MFT", "INV", "DIR"}
    assert min(map(len, tests.values())) >= 40
    assert all(len({(case.type, case.neutral) for case in of_test}) == 1 for of_test in tests.values())


def test_a_seed_gives_the_same_cases_and_another_one_others(cases):
    random.seed(5)
    assert generate(seed=0) == cases
    others = generate(seed=1)
    assert len(others) == len(cases)
    assert sum(a == b for a, b in zip(cases, others, strict=True)) < len(cases) / 5


def test_generation_takes_less_than_a_second():
    started = time.process_time()
    generate(seed=2)
    assert time.process_time() - started < 1


def test_no_text_twice_in_a_test_and_every_variant_is_one(cases):
    for name, of_test in by_test(cases).items():
        originals = Counter(case.texts[0] for case in of_test)
        assert max(originals.values()) == 1, name
        for case in of_test:
            assert len(set(case.texts)) == len(case.texts), case


def test_a_lexicon_knows_the_words_of_the_vocabulary_tests(cases):
    vocabulary = [case for case in cases if case.capability == "vocabulary" and case.type == "MFT"]
    outcome = judge(vocabulary, LexiconOracle().predict, (1 / 3, 2 / 3))
    assert outcome.cases >= 500
    assert {test.test: test.failures for test in outcome.tests if test.failures} == {}
    assert any(test.neutral for test in outcome.tests)


@pytest.mark.parametrize("capability", ["vocabulary", "length", "repetition"])
def test_a_lexicon_passes_what_asks_for_words_only(cases, capability):
    outcome = judge((c for c in cases if c.capability == capability), LexiconOracle().predict, (1 / 3, 2 / 3))
    assert outcome.failure_rate.value == 0 and {test.type for test in outcome.tests} >= {"DIR"}


def test_a_model_with_every_answer_reversed_fails_what_asks_for_words_only(cases):
    class Reversed(LexiconOracle):
        def _positive(self, text):
            return 1 - super()._positive(text)

    outcome = judge((c for c in cases if c.capability == "vocabulary"), Reversed().predict, (1 / 3, 2 / 3))
    assert all(test.failure_rate.value == 1 for test in outcome.tests if test.type == "MFT" and not test.neutral)
    added = {test.test: test.failures for test in outcome.tests if test.test.endswith(" added")}
    assert min(added.values()) > 0


def test_praise_and_blame_are_labelled_by_the_word_that_counts(cases):
    """The author's own word, the later one in time, the verdict after the concession."""
    counts = Counter()
    for case in cases:
        if case.type != "MFT" or case.expect != "label" or case.label is None:
            continue
        found = polarities(case.texts[0])
        if case.capability == "contrast":
            decides = found[0] if case.test.startswith("even though") else found[-1]
        elif case.capability == "temporal":
            decides = found[0] if case.test.startswith("now ") else found[-1]
        elif "others disagree" in case.test:
            decides = found[0] if case.test.endswith("first") else found[-1]
        else:
            continue
        assert len(found) == 2 and found[0] != found[1], case
        assert decides == case.label, case
        counts[case.capability, case.label] += 1
    assert min(counts.values()) >= 100 and len(counts) == 6


def test_negations_are_labelled_against_their_word(cases):
    checked = 0
    for case in cases:
        if case.capability != "negation" or case.type != "MFT" or case.label is None:
            continue
        (word,) = polarities(case.texts[0])
        if "unrelated" in case.test:
            assert (case.expect, case.label) == ("label", word), case
        elif case.test.startswith("double"):
            assert (word, case.expect, case.label) == (1, "not_label", 0), case
        elif word:  # a negated praise is blame, or at least no praise
            assert (case.expect, case.label) in (("label", 0), ("not_label", 1)), case
        else:
            assert (case.expect, case.label) == ("not_label", 0), case
        checked += 1
    assert checked >= 500


def test_articles_agree_with_the_word_after_them(cases):
    vowels = re.compile(r"\ba (?=[aeiou]|8\b|hour)", re.IGNORECASE)
    consonants = re.compile(r"\ban (?![aeiou]|8\b|hour|F\.|F$|F )", re.IGNORECASE)
    for text in texts_without_edits(cases):
        sound = re.sub(r"\b([Aa]n?) (one-|use|uni[^mn])", r"\1 w\2", text)
        assert not vowels.search(sound) and not consonants.search(sound), text


def test_verbs_agree_with_their_subjects(cases):
    plural = r"(?:costumes|performances|effects|seats)"
    singular = (
        r"(?:film|movie|picture|comedy|drama|thriller|documentary|acting|plot|script|cast|ending|dialogue|editing)"
    )
    wrong = re.compile(rf"\b{plural} (?:is|was)\b|\b{singular} (?:are|were)\b", re.IGNORECASE)
    for text in texts_without_edits(cases):
        assert not wrong.search(text), text


def test_sentences_are_whole(cases):
    for text in texts_without_edits(cases):
        assert re.match(r"[\"A-Z]", text) and re.search(r"[.!?]$", text), text
        assert not re.search(r"[{}()\[\]]|  | [.,;:!?]|[.?!] [a-z]", text), text


def test_no_word_is_on_both_sides():
    assert not POSITIVE & NEGATIVE
    assert not (POSITIVE | NEGATIVE) & set(sentiment_words.NEUTRAL_ADJECTIVES)


def test_a_template_that_cannot_be_filled_is_refused():
    with pytest.raises(ValueError, match="too few words"):
        Templates("vocabulary", random.Random(0)).fill([("This {film} is {word}.",)], word=["new"])


@pytest.mark.parametrize(
    "written, polished",
    [
        ("this is a engaging film. it is a one-note story", "This is an engaging film. It is a one-note story"),
        ("a uninspired, a unimaginative and a unique idea", "An uninspired, an unimaginative and a unique idea"),
        ("is it good? yes, a Italian useful a useful", "Is it good? Yes, an Italian useful a useful"),
    ],
)
def test_articles_and_capitals_are_put_right(written, polished):
    assert polish(written) == polished


def test_the_suite_can_be_written_and_read_by_its_own_format(cases, tmp_path):
    write_suite(cases, tmp_path / "own.jsonl")
    assert list(open_suite(tmp_path / "own.jsonl")) == cases


def texts_without_edits(cases):
    """The originals of tests whose variants are typed badly on purpose, and all texts of the others."""
    for case in cases:
        typed_badly = case.capability == "robustness" or case.test == "word typed twice"
        yield from case.texts[:1] if typed_badly else case.texts
