import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sk

from eval.parts import calibration as part
from eval.run_directory import read_json, write_json
from eval.subject import Options, Scored


def simulated(seed: int, sharpness: float, scale: float = 3, rows: int = 600) -> Scored:
    draw = np.random.default_rng(seed)
    z = draw.normal(scale=scale, size=rows)
    positive = expit(sharpness * z)
    labels = (draw.random(rows) < expit(z)).astype(int)
    return Scored([""] * rows, labels, np.stack([1 - positive, positive], axis=1), np.zeros(rows, dtype=bool))


def measured(folder, validation: Scored, test: Scored) -> dict:
    subject = SimpleNamespace(validation=validation, test=test)
    write_json(folder / "calibration.json", dataclasses.asdict(part.measure(subject, Options())))
    return read_json(folder / "calibration.json")


def drawn(folder, data: dict) -> str:
    """The section; every figure can be drawn and stands in it."""
    section = part.section(data)
    for name, figure in part.plots(data).items():
        figure.savefig(folder / f"{name}.png")
        assert f"({name}.png)" in section
    assert all(len(remark.text) <= 110 for remark in part.remarks(data))
    return section


def test_an_over_confident_model_is_mended(tmp_path):
    test = simulated(1, 3)
    data = measured(tmp_path, simulated(0, 3), test)
    assert data["temperature"] == pytest.approx(3, rel=0.25)
    logits = np.log(test.probabilities[:, 1] / test.probabilities[:, 0]) / data["temperature"]
    assert data["calibrated"]["log_loss"]["value"] == pytest.approx(sk.log_loss(test.labels, expit(logits)))
    assert data["calibrated"]["brier"]["value"] == pytest.approx(sk.brier_score_loss(test.labels, expit(logits)))
    assert data["raw"]["brier"]["value"] == pytest.approx(sk.brier_score_loss(test.labels, test.probabilities[:, 1]))
    for name, change in data["change"].items():
        assert change["value"] == pytest.approx(data["calibrated"][name]["value"] - data["raw"][name]["value"])
    assert data["raw"]["expected_calibration_error"]["low"] > 0
    assert (
        data["raw"]["expected_calibration_error"]["value"] > data["calibrated"]["expected_calibration_error"]["value"]
    )

    confidence = np.maximum(expit(logits), 1 - expit(logits))
    answered = confidence >= data["abstention_threshold"]
    assert data["abstention"]["coverage"]["value"] == pytest.approx(answered.mean())
    assert data["abstention"]["error"]["value"] == pytest.approx(
        ((expit(logits) > 0.5) != test.labels)[answered].mean()
    )
    remarks = part.remarks(data)
    assert [remark.kind for remark in remarks] == ["bad", "do", "do"]
    # The raw confidence that is named answers the same rows as the calibrated one.
    assert ((test.probabilities.max(axis=1) >= data["abstention_threshold_raw"]) == answered).all()
    assert f"{1 - answered.mean():.0%} under {data['abstention_threshold_raw']:.3f}" in remarks[-1].text
    assert drawn(tmp_path, data).startswith("**The model is over-confident")
    assert sum(data["histogram"]["counts"]) == 600


def test_a_calibrated_model_is_believed(tmp_path):
    data = measured(tmp_path, simulated(0, 1), simulated(1, 1))
    assert data["temperature"] == pytest.approx(1, rel=0.2)
    assert part.remarks(data)[0].kind == "good"
    assert drawn(tmp_path, data).startswith("**Mean confidence cannot be told from accuracy")


def test_an_under_confident_model_is_called_so(tmp_path):
    data = measured(tmp_path, simulated(0, 0.3), simulated(1, 0.3))
    assert "below accuracy" in part.remarks(data)[0].text
    assert drawn(tmp_path, data).startswith("**The model is under-confident")


def test_a_model_that_knows_nothing_has_no_threshold(tmp_path):
    test = dataclasses.replace(simulated(1, 1), probabilities=np.tile([0.05, 0.95], (600, 1)))
    data = measured(tmp_path, test, test)
    assert data["abstention_threshold"] is None and data["abstention"] is None
    assert any("At no confidence" in remark.text for remark in part.remarks(data))
    assert not any(remark.kind == "good" for remark in part.remarks(data))
    assert "At no confidence" in drawn(tmp_path, data)
    assert len(data["reliability"]) == 1


def test_few_rows_are_no_praise_and_no_threshold(tmp_path):
    validation, test = simulated(0, 1, rows=19), simulated(1, 1, rows=20)
    data = measured(tmp_path, validation, test)
    error = data["raw"]["expected_calibration_error"]
    assert error["low"] == 0 and error["high"] > 0.1
    remarks = {remark.text: remark.kind for remark in part.remarks(data)}
    [said] = [text for text in remarks if "not told apart from 0" in text]
    assert remarks[said] == "bad" and f"20 rows allow {100 * error['high']:.1f} points" in said
    [said] = [text for text in remarks if "validation rows" in text]
    assert remarks[said] == "do" and "19 are too few" in said
    section = drawn(tmp_path, data)
    assert "19 validation rows: too few to say" in section and "At no confidence" not in section
    assert f"not told apart from 0, and {100 * error['high']:.1f} points at most" in section


def test_a_temperature_at_the_end_of_its_range_is_not_advised(tmp_path):
    test = dataclasses.replace(simulated(1, 1), probabilities=np.tile([0.01, 0.99], (600, 1)))
    data = measured(tmp_path, test, test)
    assert data["temperature_at_bound"] and data["change"]["log_loss"]["high"] < 0
    assert not any("Divide" in remark.text for remark in part.remarks(data))
    assert "an end of the range that is searched, 0.05 to 20" in drawn(tmp_path, data)


def test_a_perfect_model_needs_neither(tmp_path):
    test = simulated(1, 1)
    test = dataclasses.replace(test, labels=test.probabilities.argmax(axis=1))
    data = measured(tmp_path, test, test)
    assert (data["temperature"], data["temperature_fitted"], data["abstention_threshold"]) == (1, False, 0.5)
    section = drawn(tmp_path, data)
    assert "Every row may be answered" in section and "cannot tell a temperature" in section
