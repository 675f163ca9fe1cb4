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
    assert "Negated, only 0% of plain positive sentences change class" in blame


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


def test_flips_are_said_to_come_of_a_slip_and_weigh_their_share(measured):
    [remark] = [remark for remark in wording.remarks(measured[False]) if "flip under" in remark.text]
    slips = [effect for effect in measured[False]["edits"] if effect["edit"] in wording.SLIPS]
    worst = max(slips, key=lambda effect: effect["flips"]["low"])
    assert remark.text.endswith(f"under a slip such as {wording.SLIPS[worst['edit']]}")
    assert remark.weight == pytest.approx(0.75 * worst["flips"]["value"])


def test_synonyms_are_always_in_the_table_and_the_rest_is_counted(measured):
    section = wording.section(measured[False])
    rows = [line for line in section.split("### ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 12 and sum(line.startswith("| synonym |") for line in rows) == 1
    assert f"{len(measured[False]['edits']) - 12} more are in wording.json" in section


def test_a_corpus_without_a_word_has_no_edit_and_its_section():
    data = as_json(wording.measure(Reader(True, ["🎬", "👍👍", "😡 !!", "…"]), Options()))
    assert data["edits"] == [] and data["harms"] == [] and data["worst_case"]["drop"]["value"] == 0
    assert "No edit applies to any of 4 test rows" in wording.section(data)
    assert wording.plots(data) == {} and ".png" not in wording.section(data)
    assert all("edit" not in remark.text for remark in wording.remarks(data))


def test_a_model_of_one_answer_is_not_praised():
    class Yes(Reader):
        def predict(self, texts):
            return SimpleNamespace(probabilities=np.tile([0.1, 0.9], (len(texts), 1)))

    data = as_json(wording.measure(Yes(True, TEXTS), Options()))
    assert data["degenerate"] == "positive"
    assert [remark.kind for remark in wording.remarks(data)] == ["bad"]
    assert wording.section(data).startswith("**Every text is called positive")


def test_progress_is_told_of_every_text():
    seen = []
    options = Options(progress=lambda items, name, total: seen.append((name, total)) or items)
    measured = wording.measure(Reader(True, TEXTS), options)
    assert seen == [("wording", measured.texts)]


def test_a_corpus_of_few_rows_is_still_reported():
    data = as_json(wording.measure(Reader(True, ["The film is superb.", "The plot is tedious."]), Options()))
    assert data["rows"] == 2
    assert wording.section(data) and wording.remarks(data) and wording.plots(data)
