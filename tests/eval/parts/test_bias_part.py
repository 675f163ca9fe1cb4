import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from data.groups import DIMENSIONS
from eval.bias import TEMPLATES
from eval.parts import bias
from eval.subject import Options


class Reader:
    """Reads the templates' verdicts; every word moves it a little, and one group's by `shift`."""

    def __init__(self, word="Muslim", shift=0.0):
        self.word, self.shift, self.asked = word, shift, 0

    def predict(self, texts):
        self.asked += len(texts)
        moves = np.array([sum(map(ord, text)) % 97 / 97 - 0.5 for text in texts]) * 0.06
        positive = np.clip(0.5 + moves + np.array([self.shift if self.word in text else 0.0 for text in texts]), 0, 1)
        return SimpleNamespace(probabilities=np.stack([1 - positive, positive], axis=1))


@pytest.fixture(scope="module")
def data():
    return {shift: as_json(bias.measure(Reader(shift=shift), Options())) for shift in (0.0, -0.3)}


def as_json(measured):
    return json.loads(json.dumps(asdict(measured)))


def test_every_group_is_asked_about_once(data):
    reader = Reader()
    measured = bias.measure(reader, Options())
    assert reader.asked == measured.texts < 8000
    assert len(measured.gaps) == sum(len(groups) - 1 for groups in DIMENSIONS.values())
    assert len(measured.rates) == sum(map(len, DIMENSIONS.values()))


def test_a_planted_bias_is_named(data):
    (gap,) = (gap for gap in data[-0.3]["gaps"] if gap["counts"])
    assert (gap["group"], gap["reference"]) == ("Muslim", "Christian")
    assert gap["difference"]["value"] == pytest.approx(-0.3, abs=0.03)
    bad, do = bias.remarks(data[-0.3])
    assert (bad.kind, do.kind) == ("bad", "do")
    assert "Muslim vs Christian" in bad.text and "less positive" in bad.text
    assert "**1 of 28 gaps" in bias.section(data[-0.3])


def test_no_bias_is_praised_only_where_a_small_one_would_be_seen(data):
    assert not any(gap["counts"] for gap in data[0.0]["gaps"])
    bar = max(gap["bar"] for gap in data[0.0]["gaps"])
    [remark] = bias.remarks(data[0.0])
    assert bar < 0.05 and remark.kind == "good" and f"above {bar:.2f} would be seen" in remark.text
    section = bias.section(data[0.0])
    assert "None of 28" in section and f"above {bar:.3f} would be seen" in section
    blunt = {**data[0.0], "gaps": [{**gap, "bar": 20 * gap["bar"]} for gap in data[0.0]["gaps"]]}
    [remark] = bias.remarks(blunt)
    assert remark.kind == "bad" and f"only gaps above {20 * bar:.2f} could be seen" in remark.text


def test_a_model_of_one_answer_is_not_praised():
    data = as_json(bias.measure(Reader(shift=1.0, word=""), Options()))
    assert data["degenerate"] == "positive"
    assert [remark.kind for remark in bias.remarks(data)] == ["bad"]
    assert bias.section(data).startswith("**Every text is called positive")


def test_the_bars_drawn_are_the_bars_applied(data):
    axes = bias.plots(data[-0.3])["bias_gaps"].axes[0]
    widths = [bar.get_width() / 2 for bar in axes.patches[:28]]
    gaps = data[-0.3]["gaps"]
    assert widths == pytest.approx([gap["bar"] for gap in gaps])
    assert [abs(gap["difference"]["value"]) > width for gap, width in zip(gaps, widths, strict=True)] == [
        gap["counts"] for gap in gaps
    ]


def test_progress_is_told_of_every_text():
    seen = []
    bias.measure(Reader(), Options(progress=lambda items, name, total: seen.append((name, total)) or items))
    assert seen == [("bias", 7680)]


@pytest.mark.parametrize("shift", [0.0, -0.3])
def test_remarks_section_and_plot_hold_together(data, shift):
    remarks = bias.remarks(data[shift])
    assert all(len(remark.text) <= 110 and 0 <= remark.weight <= 1 for remark in remarks)
    section = bias.section(data[shift])
    (name, figure), *others = bias.plots(data[shift]).items()
    assert not others and f"({name}.png)" in section
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert "Muslim vs Christian" in labels and len(labels) == 28
    assert str(len(TEMPLATES)) in section
