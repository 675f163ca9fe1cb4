import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as sk

from eval.parts import metrics as part
from eval.run_directory import read_json, write_json
from eval.subject import Options, Scored


def scored(positive: np.ndarray, labels: np.ndarray, cut: int = 0) -> Scored:
    truncated = np.arange(len(labels)) < cut
    return Scored([""] * len(labels), labels, np.stack([1 - positive, positive], axis=1), truncated)


def measured(folder, test: Scored) -> dict:
    write_json(
        folder / "metrics.json",
        dataclasses.asdict(part.measure(SimpleNamespace(test=test, validation=test), Options())),
    )
    return read_json(folder / "metrics.json")


@pytest.fixture
def good() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    labels = draw.permutation(np.arange(200) % 2)
    return np.clip(0.5 + 0.5 * (labels - 0.5) + 0.2 * draw.normal(size=200), 0, 1), labels


def test_a_good_model_reads_as_one(tmp_path, good):
    positive, labels = good
    data = measured(tmp_path, scored(*good, cut=3))
    assert data["confusion"] == sk.confusion_matrix(labels, positive > 0.5).tolist()
    assert data["degenerate"] is None
    assert data["majority_share"] == 0.5
    assert data["truncated"] == {"validation": 3, "test": 3}
    assert data["test"]["accuracy"]["value"] == pytest.approx(((positive > 0.5) == labels).mean())
    (remark,) = part.remarks(data)
    assert remark.kind == "good"
    section = part.section(data)
    assert section.startswith(f"**The model is right on {data['test']['accuracy']['value']:.1%}")
    assert "3 test and 3 validation rows were longer" in section
    assert section.count("\n|") == 2 + len(data["test"])
    assert [f"({name}.png)" in section for name in part.plots(data)] == [True]


@pytest.mark.parametrize(("answer", "name"), [(0.2, "negative"), (0.9, "positive")])
def test_one_answer_for_all_is_degenerate(tmp_path, good, answer, name):
    data = measured(tmp_path, scored(np.full(200, answer), good[1]))
    assert data["degenerate"] == name
    (remark,) = part.remarks(data)
    assert (remark.kind, remark.weight) == ("bad", 1)
    assert remark.text.startswith("Degenerate") and name in remark.text
    assert "degenerate" in part.section(data).splitlines()[0]
    assert part.plots(data)


def test_twenty_right_rows_are_no_sure_hundred_per_cent(tmp_path):
    labels = np.arange(20) % 2
    data = measured(tmp_path, scored(np.where(labels == 1, 0.9, 0.1), labels))
    (remark,) = part.remarks(data)
    assert remark.text == "Right on 100.0% [83.9%, 100.0%] of 20 test rows"
    section = part.section(data)
    assert "100.0% [83.9%, 100.0%] of 20 test rows" in section and "| 1.000 [0.839, 1.000] |" in section
    assert "Where both ends of an interval are the same" in section


def test_what_a_reader_must_know_is_remarked(tmp_path, good):
    labels = np.random.default_rng(2).permutation(np.arange(200) % 10 < 9).astype(int)
    no_better = part.remarks(measured(tmp_path, scored(np.where(np.arange(200) < 100, 0.9, 0.4), labels, cut=60)))
    assert [remark.kind for remark in no_better] == ["bad", "bad", "do"]
    assert "not above" in no_better[0].text and "30%" in no_better[2].text
    one_sided = part.remarks(measured(tmp_path, scored(np.clip(good[0] - 0.3, 0, 1), good[1])))
    assert "positive rows, but" in one_sided[-1].text
    assert all(len(remark.text) <= 110 for remark in [*no_better, *one_sided])
