import dataclasses
from types import SimpleNamespace

import numpy as np
from scipy.special import expit
from sklearn import metrics as sk

from eval.parts import curves as part
from eval.run_directory import read_json, write_json
from eval.subject import Options, Scored


def simulated(seed: int, shift: float = 0.0, rows: int = 300) -> Scored:
    """A calibrated model whose logits are shifted."""
    draw = np.random.default_rng(seed)
    z = draw.normal(scale=3, size=rows)
    positive = expit(z + shift)
    labels = (draw.random(rows) < expit(z)).astype(int)
    return Scored([""] * rows, labels, np.stack([1 - positive, positive], axis=1), np.zeros(rows, dtype=bool))


def measured(folder, subject: SimpleNamespace) -> dict:
    write_json(folder / "curves.json", dataclasses.asdict(part.measure(subject, Options())))
    return read_json(folder / "curves.json")


def points(data) -> int:
    """The longest list in a JSON value."""
    if isinstance(data, dict):
        return max(map(points, data.values()), default=0)
    return max([len(data), *map(points, data)]) if isinstance(data, list) else 0


def test_a_shifted_model_is_told_its_threshold(tmp_path):
    subject = SimpleNamespace(validation=simulated(0, shift=-2), test=simulated(1, shift=-2), journal=[])
    data = measured(tmp_path, subject)
    test = subject.test
    better = sk.f1_score(test.labels, test.probabilities[:, 1] > data["best_threshold"])
    assert data["best_threshold"] < 0.4
    assert data["f1_at_best_threshold"]["value"] == better
    assert data["f1_gain"]["low"] > 0
    (remark,) = part.remarks(data)
    assert remark.kind == "do" and len(remark.text) <= 110
    assert "instead of 0.5 raises F1" in part.section(data)
    assert points(data) <= 201
    assert data["history"] == [] and "epochs" not in part.section(data) and "epochs" not in part.plots(data)


def test_a_balanced_model_keeps_one_half(tmp_path):
    data = measured(tmp_path, SimpleNamespace(validation=simulated(0), test=simulated(1), journal=[]))
    assert part.remarks(data) == []
    assert part.section(data).startswith("**Keep the threshold 0.5") or "has the best F1" in part.section(data)


def test_a_threshold_that_changes_no_answer_is_said_so(tmp_path):
    validation, test = simulated(0, shift=-2), simulated(1)
    test.probabilities[:] = np.round(test.probabilities)  # nothing between any two thresholds
    section = part.section(measured(tmp_path, SimpleNamespace(validation=validation, test=test, journal=[])))
    assert "gives the same answers on test.**" in section and "a gain of" not in section


def test_the_history_is_drawn_where_there_is_one(tmp_path):
    nan = float("nan")
    journal = [
        {"kind": "eval", "step": 1, "epoch": 1.0, "loss": 0.5, "f1": 0.7, "precision": 0.7, "recall": 0.7},
        {"kind": "eval", "step": 2, "epoch": 2.0, "loss": 0.4, "f1": 0.8, "precision": 0.8, "recall": 0.8},
        {"kind": "eval", "step": 3, "epoch": 3.0, "loss": nan, "f1": nan, "precision": nan, "recall": nan},
    ]
    data = measured(tmp_path, SimpleNamespace(validation=simulated(0), test=simulated(1), journal=journal))
    section, figures = part.section(data), part.plots(data)
    assert "3 times on the validation rows; the loss was lowest after epoch 2." in section
    assert set(figures) == {"roc", "precision_recall", "threshold", "epochs"}
    assert all(f"({name}.png)" in section for name in figures)


def test_a_test_split_of_one_class_has_its_section(tmp_path):
    test = simulated(1)
    data = measured(
        tmp_path, SimpleNamespace(validation=test, test=dataclasses.replace(test, labels=test.labels * 0), journal=[])
    )
    assert "undefined" in part.section(data)
    for name, figure in part.plots(data).items():
        figure.savefig(tmp_path / f"{name}.png")
