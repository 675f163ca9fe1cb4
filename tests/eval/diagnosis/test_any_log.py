"""Nothing that a log may hold makes a diagnosis fail."""

import csv
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cli.errors import UserError
from eval.diagnosis.document import document
from eval.diagnosis.finding import Name
from eval.diagnosis.history import Curve, Gradients, History
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose

VALUES = (
    st.floats(width=64)
    | st.sampled_from([0.0, 1.0, 0.5, np.log(2), np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
    | st.floats(0, 3)
)


@st.composite
def curves(draw) -> Curve:
    count = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 9, 14, 40, 300]))
    steps = np.cumsum(np.ones(count) * draw(st.sampled_from([1, 7, 1e-3, 1e300 / 400]))) - draw(st.sampled_from([0, 5]))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        values = draw(arrays(np.float64, count, elements=VALUES, fill=VALUES))
    else:
        noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(
            0, draw(st.sampled_from([0, 0.01, 0.5])), count
        )
        values = np.exp(-np.arange(count) / max(count, 1) * draw(st.floats(-5, 20))) * np.exp(noise)
    if count and kind == 2:
        values[draw(st.integers(0, count - 1)) :] = draw(VALUES)
    return Curve(np.sort(steps), values)


@st.composite
def gradients(draw) -> Gradients:
    """Recordings with layers that are missing, zero or no number, at geometric depths or at random."""
    recordings, layers = draw(st.sampled_from([1, 2, 7, 30])), draw(st.sampled_from([1, 2, 5, 12]))
    depth = draw(st.sampled_from([0.0, 0.3, 2.0, -40.0])) * np.arange(layers)
    values = 10.0 ** (depth + np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=(recordings, layers)))
    values[draw(st.integers(0, recordings - 1)) :, draw(st.integers(0, layers - 1)) :] = draw(VALUES)
    names = [draw(st.sampled_from(["block.{}", "{}.weight", "layers.{}.mlp"])).format(i) for i in range(layers)]
    figures = {"norm": values}
    for name in draw(st.sets(st.sampled_from(["mean_abs", "zero_fraction", "dead_fraction", "weight_norm"]))):
        figures[name] = draw(st.sampled_from([values, np.zeros_like(values), np.full_like(values, np.nan)]))
    return Gradients(names, np.arange(recordings) * draw(st.sampled_from([1.0, 50.0])), figures)


NAMES = st.sampled_from(["accuracy", "f1", "eval_accuracy", "wer", "auc", "recall", "loss2", "", "val-acc"])
HISTORIES = st.builds(
    History,
    source=st.just("any"),
    train=curves(),
    validation=curves(),
    metrics=st.dictionaries(NAMES, curves(), max_size=2),
    train_metrics=st.dictionaries(NAMES, curves(), max_size=1),
    learning_rate=curves(),
    grad_norm=curves(),
    gradients=st.none() | gradients(),
    restarts=st.lists(st.sampled_from([0.0, 3.0, 50.0]), max_size=2, unique=True).map(tuple),
    steps_per_epoch=st.sampled_from([None, 1.0, 12.5]),
    max_step=st.sampled_from([None, 1e4]),
    classes=st.sampled_from([None, 1, 2, 50_000]),
    settings=st.sampled_from([{}, {"learning_rate": 0}, {"learning_rate": 5e-5, "dropout": 0.5, "tuning": "frozen"}]),
)


CELLS = (
    VALUES
    | st.sampled_from([None, "", "NaN", "nan", "inf", "-", "n/a", "0.5", "1,5", "87%", "oops", "tensor(0.1)", True])
    | st.integers(-(10**30), 10**30)
    | st.just([1, 2])
    | st.just({"a": {}})
    | st.text(max_size=4)
)
STEPS = st.integers(-5, 40) | st.floats() | st.sampled_from([None, "3", "x", 2**70, 10**400, -1, 0])
COLUMNS = st.sampled_from(
    ["step", "epoch", "loss", "train_loss", "eval_loss", "val_loss", "grad_norm", "learning_rate", "accuracy", "kind"]
    + ["eval_f1", "layer", "depth", "block.0", "block.1.grad", "train_runtime", "", "box_loss", "Step", "phase"]
)


@st.composite
def rows(draw) -> list[dict]:
    names = draw(st.lists(COLUMNS, min_size=1, max_size=6, unique=True))
    cells = draw(st.sampled_from([CELLS, VALUES, st.floats(0, 3)]))
    row = st.fixed_dictionaries({}, optional=dict.fromkeys(names, cells) | {"step": STEPS})
    written = draw(st.lists(row, max_size=12))
    return written * draw(st.sampled_from([1, 1, 3]))


def _csv(written: list[dict]) -> str:
    names = list(dict.fromkeys(name for row in written for name in row))
    file = io.StringIO()
    table = csv.DictWriter(file, names)
    table.writeheader()
    table.writerows(written)
    return file.getvalue()


def _journal(written: list[dict]) -> str:
    kinds = ["train", "eval", "grad_norms", "event"]
    lines = [
        {"kind": kinds[number % 4], "step": number, "epoch": None, "loss": 1, "event": "non_finite"}
        | ({"clipped": False, "total": 1.0, "layers": {"head": row, "block.0": {"norm": 1.0}}})
        | {name: cell for name, cell in row.items() if name not in ("kind", "step")}
        for number, row in enumerate(written)
    ]
    return "\n".join(map(json.dumps, lines))


WRITTEN = {
    "trainer_state.json": lambda written: json.dumps({"log_history": written}),
    "rows.json": json.dumps,
    "lines.jsonl": lambda written: "\n".join(map(json.dumps, written)),
    "log.csv": _csv,
    "journal.jsonl": _journal,
}


def _read_and_check(name: str, written: list[dict], cut: float, order: str | None) -> None:
    """A file is judged, or refused in one line; also where it ends too early."""
    content = WRITTEN[name](written).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content[: int(len(content) * cut)])
        try:
            history = read_history(path, order=order)
        except UserError as error:
            assert "\n" not in str(error)
            return
    _check(history)


FILES = {
    "name": st.sampled_from(sorted(WRITTEN)),
    "written": rows(),
    "cut": st.sampled_from([1, 1, 1, 0.9, 0.5, 0.0]),
    "order": st.sampled_from([None, "input", "output"]),
}


def _check(history: History) -> None:
    diagnosis = diagnose(history)
    json.dumps(document(diagnosis), allow_nan=False)
    assert diagnosis.verdict in set(Name)
    assert all(0 <= finding.severity <= 1 and 0 <= finding.confidence <= 1 for finding in diagnosis.findings)
    assert all(finding.causes and finding.today and finding.confirm_by for finding in diagnosis.findings)
    if diagnosis.verdict not in (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE):
        assert diagnosis.findings[0].name == diagnosis.verdict


LOOSE = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
}


@settings(max_examples=100, **LOOSE)
@given(HISTORIES)
def test_no_random_log_raises(history):
    _check(history)


@pytest.mark.slow
@settings(max_examples=2000, **LOOSE)
@given(HISTORIES)
def test_no_random_log_of_two_thousand_raises(history):
    _check(history)


@settings(max_examples=100, **LOOSE)
@given(**FILES)
def test_no_random_file_raises(name, written, cut, order):
    _read_and_check(name, written, cut, order)


@pytest.mark.slow
@settings(max_examples=2000, **LOOSE)
@given(**FILES)
def test_no_random_file_of_two_thousand_raises(name, written, cut, order):
    _read_and_check(name, written, cut, order)
