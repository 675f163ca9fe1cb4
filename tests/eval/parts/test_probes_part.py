"""The part about behavioural probes, on a model that only knows a few words."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from cli.errors import UserError
from eval.markup import escape
from eval.parts import probes
from eval.predictor import Predictions
from eval.probes.suite import Case, write_suite
from eval.subject import Options

BAD = ("bad", "awful", "boring", "hate", "dull", "terrible", "worse", "disappoint")


class FewWords:
    """Negative where a bad word occurs, else positive."""

    asked = 0

    def predict(self, texts):
        self.asked += len(texts)
        positive = np.array([0.1 if any(word in text.lower() for word in BAD) else 0.9 for text in texts])
        zeros = np.zeros(len(texts), dtype=int)
        return Predictions(np.stack([1 - positive, positive], axis=1), zeros, zeros.astype(bool), zeros)


class Yes(FewWords):
    """Positive, whatever it reads."""

    def predict(self, texts):
        found = super().predict(texts)
        found.probabilities[:] = [0.01, 0.99]
        return found


def as_stored(result):
    return json.loads(json.dumps(asdict(result), allow_nan=False))


@pytest.fixture(scope="module")
def own():
    return as_stored(probes.measure(FewWords(), Options()))


@pytest.fixture(scope="module")
def with_suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("suites") / "my_suite.jsonl"
    cases = [
        Case("a *bold* test | pipe", "my <b>ability</b>", "MFT", (f"It is bad #{i}.",), 1, "label") for i in range(30)
    ]
    cases += [Case("plain", "mine", "MFT", (f"It is a film #{i}.",), None, "label") for i in range(3)]
    write_suite(cases, path)
    with path.open("a") as file:
        file.write("{broken\n")
    return as_stored(probes.measure(FewWords(), Options(suite=path)))


def test_our_suite_is_judged_and_shown(own):
    assert own["user"] is None
    assert own["own"]["cases"] >= 4_000 and len(own["own"]["tests"]) >= 40 and len(own["own"]["capabilities"]) == 11
    rates = [test["failure_rate"]["value"] for test in own["own"]["tests"]]
    assert rates == sorted(rates, reverse=True)
    section = probes.section(own)
    assert section.startswith("**") and "![" in section and "(probes.png)" in section
    assert "neutral answer" in section and "\n## " not in section
    assert max(len(block.split("\n")) for block in section.split("\n\n")) <= 14
    assert set(probes.plots(own)) == {"probes"}


def test_the_figures_add_up(own):
    suite = own["own"]
    judged = [test for test in suite["tests"] if not test["neutral"]]
    assert suite["failure_rate"]["n"] == sum(test["failure_rate"]["n"] for test in judged)
    assert suite["cases"] == sum(test["failure_rate"]["n"] for test in suite["tests"])
    assert sum(c["failures"] for c in suite["capabilities"]) == sum(test["failures"] for test in judged)
    assert all(len(test["worst"]) == min(5, test["failures"]) for test in suite["tests"])


def test_praise_never_outweighs_a_fault(own):
    remarks = probes.remarks(own)
    assert {"good", "bad"} <= {remark.kind for remark in remarks}
    assert max(remarks, key=lambda remark: (remark.weight, remark.kind == "good")).kind == "bad"


def test_a_model_of_one_answer_is_not_praised(tmp_path):
    write_suite([Case("t", "c", "MFT", ("Good.",), 1, "label")], tmp_path / "s.jsonl")
    data = as_stored(probes.measure(Yes(), Options(suite=tmp_path / "s.jsonl")))
    assert data["own"]["degenerate"] == "positive"
    assert {capability["failures"] for capability in data["own"]["capabilities"]} >= {0}
    assert "good" not in {remark.kind for remark in probes.remarks(data)}


def test_a_suite_that_passes_is_remarked_too(tmp_path):
    cases = [Case("t", "c", "MFT", (f"Good {i}.",), 1, "label") for i in range(40)]
    write_suite(cases, tmp_path / "s.jsonl")
    data = as_stored(probes.measure(FewWords(), Options(suite=tmp_path / "s.jsonl")))
    [remark] = [remark for remark in probes.remarks(data) if "s.jsonl" in remark.text]
    assert remark.kind == "good" and remark.text == "s.jsonl: 0.0% [0.0%, 8.8%] of 40 cases fail"


def test_remarks_name_strength_weakness_and_cure(own):
    remarks = probes.remarks(own)
    weakest = own["own"]["capabilities"][0]["capability"]
    assert {remark.kind for remark in remarks} >= {"bad", "do"}
    assert any(remark.kind == "bad" and weakest in remark.text for remark in remarks)
    assert all(len(remark.text) <= 110 and 0 <= remark.weight <= 1 for remark in remarks)


def test_every_capability_has_advice_that_fits_a_line(own):
    assert set(probes.ADVICE) == {outcome["capability"] for outcome in own["own"]["capabilities"]}
    assert max(map(len, probes.ADVICE.values())) <= 110


def test_a_users_suite_stands_apart(with_suite, own):
    assert with_suite["own"] == own["own"]
    outcome = with_suite["user"]["outcome"]
    assert (outcome["cases"], outcome["failure_rate"]["value"], outcome["failure_rate"]["n"]) == (33, 1.0, 30)
    section = probes.section(with_suite)
    assert f"### {escape('my_suite.jsonl')}" in section
    assert "line 34" in section and "Malformed and left out: 1 line." in section
    assert "<b>" not in section and "*bold*" not in section.replace("\\*bold\\*", "") and "\\| pipe" in section
    assert set(probes.plots(with_suite)) == {"probes", "probes_suite"}
    [remark] = [remark for remark in probes.remarks(with_suite) if "my_suite.jsonl" in remark.text]
    assert remark.text == "my_suite.jsonl: 100.0% [88.6%, 100.0%] of 30 cases fail; 1 malformed line left out"
    assert remark.kind == "bad" and remark.weight > max(
        other.weight for other in probes.remarks(with_suite) if other != remark
    )


def test_a_suite_of_neutral_cases_only_can_be_shown(tmp_path):
    write_suite([Case("plain", "mine", "MFT", ("It is a film.",), None, "label")], tmp_path / "neutral.jsonl")
    data = as_stored(probes.measure(FewWords(), Options(suite=tmp_path / "neutral.jsonl")))
    assert "neutral test" in probes.section(data).split("### ")[1]
    assert set(probes.plots(data)) == {"probes"}
    assert any("neutral.jsonl: 100.0% of 1 neutral case" in remark.text for remark in probes.remarks(data))


def test_a_missing_suite_is_refused_before_the_model_is_asked(tmp_path):
    model = FewWords()
    with pytest.raises(UserError, match=r"missing\.jsonl"):
        probes.measure(model, Options(suite=tmp_path / "missing.jsonl"))
    assert model.asked == 0


def test_progress_is_told_what_runs_and_how_long(tmp_path):
    write_suite([Case("t", "c", "MFT", ("Good.",), 1, "label")] * 7, tmp_path / "s.jsonl")
    seen = {}

    def progress(items, name, total):
        for count, item in enumerate(items, start=1):
            seen[name] = (count, total)
            yield item

    probes.measure(FewWords(), Options(suite=tmp_path / "s.jsonl", progress=progress))
    assert len(seen) == 2 and all(count == total for count, total in seen.values())
    assert seen["probes of s.jsonl"] == (7, 7)
