import json
import re
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from data.synonyms import NEGATIVE_ADJECTIVES, POSITIVE_ADJECTIVES
from eval.parts import wording
from eval.subject import Options, Scored

POSITIVE = POSITIVE_ADJECTIVES | {"love", "loved", "enjoy", "enjoyed"}
NEGATIVE = NEGATIVE_ADJECTIVES | {"hate", "hated", "dislike", "disliked"}


class Reader:
    """Counts words of feeling, in any case; may turn each verdict by its negations."""

    def __init__(self, negation=True, texts=()):
        self.negation = negation
        labels = np.array([int(bool(POSITIVE & set(re.findall(r"\w+", text.lower())))) for text in texts])
        self.test = Scored(list(texts), labels, self.predict(texts).probabilities, np.zeros(len(texts), dtype=bool))

    def predict(self, texts):
        positive = []
        for text in texts:
            words = re.findall(r"\w+", text.lower())
            score = bool(POSITIVE & set(words)) - bool(NEGATIVE & set(words))
            turned = self.negation and (words.count("not") + words.count("wrong")) % 2
            positive.append(0.5 + (-0.4 if turned else 0.4) * score - 0.01)
        return SimpleNamespace(probabilities=np.stack([1 - np.array(positive), np.array(positive)], axis=1))


TEXTS = [f"{a} {noun} is {b}." for a in ("The", "This") for noun in ("film", "story", "plot", "cast", "script")
         for b in ("superb", "boring", "gripping", "tedious")]  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    return {deaf: as_json(wording.measure(Reader(not deaf, TEXTS), Options())) for deaf in (False, True)}


def as_json(result):
    return json.loads(json.dumps(asdict(result)))


def test_a_word_counter_breaks_on_misspelt_words_only(measured):
    data = measured[False]
    effects = {effect["edit"]: effect["flips"]["value"] for effect in data["edits"]}
    slips = {"typo", "drop_letter", "swap_letters", "elongate"}
    assert all(effects[name] > 0.1 for name in slips - {"elongate"})
    assert {name for name, flips in effects.items() if flips} <= slips
    assert data["worst_case"]["accuracy"]["value"] == 1
    assert data["worst_case"]["drop"]["value"] > 0.1
    assert {harm["edit"] for harm in data["harms"]} <= slips
    assert data["texts"] < 8000


def test_a_reader_of_negation_is_praised_and_a_deaf_one_not(measured):
    praise = [remark.text for remark in wording.remarks(measured[False]) if remark.kind == "good"]
    assert any("survive negation" in text for text in praise)
    blame = [remark.text for remark in wording.remarks(measured[True]) if remark.kind == "bad"]
    assert any("misread when negated" in text for text in blame)
    assert any("Only 0% of plain positive" in text for text in blame)


@pytest.mark.parametrize("deaf", [False, True])
def test_remarks_section_and_plot_hold_together(measured, deaf):
    data = measured[deaf]
    remarks = wording.remarks(data)
    assert all(len(remark.text) <= 110 and 0 <= remark.weight <= 1 for remark in remarks)
    assert any(remark.kind == "do" and "spelling slips" in remark.text for remark in remarks)
    section = wording.section(data)
    ((name, figure),) = wording.plots(data).items()
    assert f"({name}.png)" in section
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert f"typo ({len(TEXTS)})" in labels
    assert not any(label.startswith("swap places") for label in labels)


def test_a_corpus_of_few_rows_is_still_reported():
    data = as_json(wording.measure(Reader(True, ["The film is superb.", "The plot is tedious."]), Options()))
    assert data["rows"] == 2
    assert wording.section(data) and wording.remarks(data) and wording.plots(data)
