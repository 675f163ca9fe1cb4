import dataclasses
import json
import zlib

import numpy as np
import pytest
from datasets import Dataset

from data.corpora import Corpus
from eval.parts import comparison
from eval.predictor import Predictions
from eval.probes.generate import generate
from eval.probes.suite import Case, write_suite
from eval.subject import Options, Subject


class Guesser:
    """Right on a share of the rows; which ones depends on the text and the name."""

    def __init__(self, name, share):
        self.name, self.share = name, share

    def predict(self, texts):
        draws = np.array([zlib.crc32(f"{self.name} {text}".encode()) / 2**32 for text in texts])
        labels = np.array(["good" in text for text in texts])
        positive = np.where((draws < self.share) == labels, 0.6 + 0.39 * draws, 0.4 - 0.39 * draws)
        zeros = np.zeros(len(texts), dtype=int)
        return Predictions(np.stack([1 - positive, positive], axis=1), zeros, zeros > 0, zeros)


def corpus(rows):
    texts = [
        f"{'good' if row % 2 else 'bad'} {'but ' * (row % 3 == 0)}*film* {'long ' * (row % 9)}" for row in range(rows)
    ]
    texts = [f"{text} {row}" for row, text in enumerate(texts)]
    split = Dataset.from_dict({"text": texts, "label": [row % 2 for row in range(rows)]})
    return Corpus(name="made", train=split, validation=split, test=split)


def compared(this, other, rows=600, **options):
    texts = corpus(rows)
    subject = Subject("runs/a_b", Guesser(*this), texts, other=Subject("runs/<c>", Guesser(*other), texts))
    return json.loads(json.dumps(dataclasses.asdict(comparison.measure(subject, Options(**options)))))


def test_without_another_model_there_is_nothing_to_compare():
    assert comparison.measure(Subject("a", Guesser("a", 0.9), corpus(20)), Options()) is None


@pytest.mark.parametrize(
    ("this", "other", "rows", "kind", "remark", "says"),
    [
        (("a", 0.95), ("b", 0.8), 600, "better", "good", "**Better: +1"),
        (("a", 0.8), ("b", 0.95), 600, "worse", "bad", "**Worse: -1"),
        (("a", 0.9), ("a", 0.9), 600, "same", "good", "**No difference in accuracy larger than 0.3 points"),
        (("a", 0.9), ("b", 0.89), 300, "not resolvable", "do", "**Not resolvable with 300 rows"),
    ],
)
def test_the_verdict_opens_the_section(this, other, rows, kind, remark, says):
    data = compared(this, other, rows)
    assert data["verdict"]["kind"] == kind
    section = comparison.section(data)
    assert section.startswith(says)
    [found] = comparison.remarks(data)
    assert found.kind == remark and len(found.text) <= 110
    assert "<c>" not in section and "*film*" not in section
    assert "a\\_b" in section


def test_the_figures_of_data_and_section_agree():
    data = compared(("a", 0.95), ("b", 0.8))
    found, difference = data["discordance"], data["differences"]["accuracy"]
    assert difference["value"] == pytest.approx((found["only_this"] - found["only_other"]) / found["n"])
    assert difference["value"] == pytest.approx(data["accuracy"]["this"]["value"] - data["accuracy"]["other"]["value"])
    assert data["disagreeing"] == found["only_this"] + found["only_other"]
    assert len(data["most_extreme"]) == 10
    moved = [row for row in data["slices"] if row["p"] is not None and row["p"] < 0.05]
    assert f"{len(moved)} of " in comparison.section(data) and moved


def test_the_plot_shows_every_row_once_by_who_is_right():
    data = compared(("a", 0.95), ("b", 0.8))
    [(name, figure)] = comparison.plots(data).items()
    assert f"({name}.png)" in comparison.section(data)
    counts = {scatter.get_label().split(":")[0]: len(scatter.get_offsets()) for scatter in figure.axes[0].collections}
    assert sum(counts.values()) == 600
    assert counts["only this one right"] == data["discordance"]["only_this"]
    assert counts["only the other right"] == data["discordance"]["only_other"]


def test_many_rows_are_drawn_at_random(monkeypatch):
    monkeypatch.setattr(comparison, "DRAWN", 50)
    assert len(compared(("a", 0.95), ("b", 0.8))["points"]) == 50


def test_probes_are_compared_case_by_case():
    same = compared(("a", 0.9), ("a", 0.9), 60)
    assert {probe["p"] for probe in same["probes"]} == {1}
    assert "None of" in comparison.section(same)
    data = compared(("a", 0.97), ("b", 0.4), 60)
    assert len(data["probes"]) > 100 and data["probes"][0]["p"] < 0.05
    assert "tests moved beyond chance" in comparison.section(data)


def test_the_suite_given_stands_apart_and_neutral_tests_are_left_out(tmp_path):
    own = [case for case in generate(0) if not case.neutral]
    alike = own[0]
    cases = [dataclasses.replace(alike, texts=(f"good {i}",)) for i in range(40)]
    cases += [Case("plain", "mine", "MFT", (f"It is a film {i}.",), None, "label") for i in range(40)]
    write_suite(cases, tmp_path / "suite.jsonl")
    data = compared(("a", 0.97), ("b", 0.4), 60, suite=tmp_path / "suite.jsonl")
    assert [(row["test"], row["n"]) for row in data["suite"]] == [(alike.test, 40)]
    judged = {(case.capability, case.test) for case in own}
    assert {(row["capability"], row["test"]) for row in data["probes"]} == judged
    assert sum(row["n"] for row in data["probes"]) == len(own)
    section = comparison.section(data)
    assert "### The suite given\n\n1 of 1 test moved" in section and "neutral tests left out" in section
