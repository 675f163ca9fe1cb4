import dataclasses
import json
import zlib

import numpy as np
import pytest
from datasets import Dataset

from data.corpora import Corpus
from eval.parts import errors
from eval.predictor import Predictions
from eval.subject import Options, Subject


class Lexicon:
    """Finds "good" good and "bad" bad, is fooled by "not", and wavers by the text."""

    def predict(self, texts):
        signs = np.array([("good" in text) - ("bad" in text) for text in texts])
        noise = np.array([zlib.crc32(text.encode()) % 1000 / 1000 - 0.5 for text in texts])
        positive = 1 / (1 + np.exp(-2.5 * signs - noise))
        n = len(texts)
        zeros = np.zeros(n, dtype=int)
        truncated = np.array([len(text) > 90 for text in texts])
        return Predictions(np.stack([1 - positive, positive], axis=1), zeros, truncated, zeros)


def split(rows, negated_share, offset):
    texts, labels = [], []
    for row in range(offset, offset + rows):
        positive, negated = row % 2 == 0, row % 100 < 100 * negated_share
        words = ["the film", f"number {row}" if row % 7 else "<b>", "is", *["very"] * (row % 5)]
        words += (["not"] if negated else []) + ["good" if positive else "bad"] + ["indeed"] * (row % 16)
        texts.append(" ".join(words))
        labels.append(int(positive != negated))
    return Dataset.from_dict({"text": texts, "label": labels})


@pytest.fixture(scope="module")
def data():
    corpus = Corpus(name="made", train=split(50, 0.1, 0), validation=split(150, 0.1, 1000), test=split(300, 0.1, 2000))
    measured = errors.measure(Subject("made", Lexicon(), corpus), Options())
    return json.loads(json.dumps(dataclasses.asdict(measured)))


def test_the_planted_weakness_is_what_the_report_says(data):
    assert data["errors"] == 30
    assert data["accuracy"]["value"] == pytest.approx(0.9)
    assert data["slices"][0]["name"] == "negation"
    assert (data["slices"][0]["accuracy"]["value"], data["slices"][0]["rest"]["value"]) == (0, 1)
    assert "negation (lower)" in errors.section(data).splitlines()[0]
    assert [remark.text for remark in errors.remarks(data) if remark.kind == "bad"] == [
        "0.0% right on 30 rows of negation, 100.0% on the rest"
    ]


def test_errors_and_doubtful_labels_are_the_negated_rows(data):
    assert len(data["most_confident"]) == 10
    assert all(" not " in row["text"] for row in data["most_confident"])
    assert {name: len(found) for name, found in data["label_issues"].items()} == {"test": 30, "validation": 20}
    found = [issue for issues in data["label_issues"].values() for issue in issues]
    assert all(" not " in issue["text"] for issue in found)
    assert data["wrong_labels_expected"] == pytest.approx(sum(issue["likelihood"] for issue in found))
    [advice] = [remark.text for remark in errors.remarks(data) if remark.kind == "do"]
    assert "50 rows" in advice and "if 3.3% of all labels are" in advice
    assert "rests mostly on the assumption that 3.3%" in errors.section(data)


def test_rows_longer_than_the_model_reads_are_a_slice(data):
    truncated = next(row for row in data["slices"] if row["name"] == "longer than the model reads")
    assert truncated["accuracy"]["n"] + truncated["rest"]["n"] == 300


def test_the_section_is_short_escaped_and_shows_its_plot(data):
    section = errors.section(data)
    assert "<b>" not in section
    assert len(section.splitlines()) < 80
    figures = errors.plots(data)
    for name, figure in figures.items():
        assert f"({name}.png)" in section
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert labels[0] == "negation, n = 30" and len(labels) == len(data["slices"])
    assert all(len(remark.text) <= 110 for remark in errors.remarks(data))


def test_a_small_slice_that_strikes_is_pointed_out(data):
    small = {**data["slices"][0], "name": "questions", "verdict": None, "p": None, "raw_p": 0.009}
    small["accuracy"] = {"value": 7 / 13, "low": 0.29, "high": 0.77, "n": 13}
    lead = errors.section({**data, "slices": [small]}).splitlines()[0]
    assert "13 rows of questions, too few for a verdict, but 53.8% right: look at them." in lead
    section = errors.section({**data, "slices": [{**small, "raw_p": 0.06}]})
    assert "look at them" not in section and "raw p = 0.06" in section and "under 20 rows" in section


def test_a_model_of_one_answer_is_not_praised(data):
    higher = {**data["slices"][-1], "verdict": "higher"}
    praised = {
        degenerate: errors.remarks({**data, "slices": [higher], "degenerate": degenerate})
        for degenerate in (None, "positive")
    }
    assert ["good" in [remark.kind for remark in remarks] for remarks in praised.values()] == [True, False]


def test_a_perfect_model_on_rows_of_one_kind_has_a_section_too():
    rows = Dataset.from_dict({"text": ["good", "bad"] * 10, "label": [1, 0] * 10})
    subject = Subject("made", Lexicon(), Corpus(name="made", train=rows, validation=rows, test=rows))
    data = json.loads(json.dumps(dataclasses.asdict(errors.measure(subject, Options()))))
    assert (data["slices"], data["errors"]) == ([], 0)
    assert "There is no error" in errors.section(data) and "None was found" in errors.section(data)
    assert errors.plots(data) == {} and errors.remarks(data) == []
    assert ".png" not in errors.section(data)
