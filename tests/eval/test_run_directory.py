import errno
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from cli.errors import UserError
from eval.run_directory import (
    SCHEMA_VERSION,
    Journal,
    RunDirectory,
    read_journal,
    read_json,
    read_metrics,
    read_test_predictions,
    validate_metrics,
    write_json,
    write_test_predictions,
    write_text,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "run_directory.md"


def strictly(line: str):
    """Parse JSON as RFC 8259 has it: no NaN, no Infinity."""
    return json.loads(line, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))


@contextmanager
def file_size_limit(size: int):
    """Writing past `size` bytes fails half-way, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def killed_after_some_output(code: str, folder: Path) -> None:
    """Start Python on `code`, wait until it says that it is busy, and kill it a moment later."""
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"busy\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


class TestJournal:
    def test_lines_come_back_as_they_were_written(self, tmp_path):
        path = tmp_path / "run" / "journal.jsonl"
        journal = Journal(path)
        journal.write("train", 1, 0.1, loss=0.5, learning_rate=1e-4)
        journal.write("event", 2, None, event="stopped", reason='"quoted"\nand é')
        journal.write(
            "grad_norms", np.int64(3), 0.3, clipped=False, total=np.float32(1.5), layers={"head": {"norm": 1.5}}
        )
        assert read_journal(path) == [
            {"kind": "train", "step": 1, "epoch": 0.1, "loss": 0.5, "learning_rate": 1e-4},
            {"kind": "event", "step": 2, "epoch": None, "event": "stopped", "reason": '"quoted"\nand é'},
            {
                "kind": "grad_norms",
                "step": 3,
                "epoch": 0.3,
                "clipped": False,
                "total": 1.5,
                "layers": {"head": {"norm": 1.5}},
            },
        ]

    def test_non_finite_numbers_are_strict_json_and_come_back_as_floats(self, tmp_path):
        path = tmp_path / "journal.jsonl"
        layers = {"head": {"norm": np.float32("nan")}}
        Journal(path).write("grad_norms", 1, 0.1, clipped=True, total=math.inf, layers=layers, least=-math.inf)
        assert strictly(path.read_text())["layers"] == {"head": {"norm": "NaN"}}
        (line,) = read_journal(path)
        assert (line["total"], line["least"]) == (math.inf, -math.inf)
        assert math.isnan(line["layers"]["head"]["norm"])

    def test_a_line_is_on_disk_as_soon_as_it_is_written(self, tmp_path):
        journal = Journal(tmp_path / "journal.jsonl")
        for step in range(3):
            journal.write("eval", step, 0.0, loss=1.0)
            assert len(read_journal(journal.path)) == step + 1

    def test_nothing_is_made_before_the_first_line(self, tmp_path):
        Journal(tmp_path / "run" / "journal.jsonl").drop_after(3)
        assert list(tmp_path.iterdir()) == []

    def test_a_killed_writer_leaves_at_most_an_unfinished_last_line(self, tmp_path):
        killed_after_some_output(
            "import sys; from eval.run_directory import Journal\n"
            "journal = Journal(sys.argv[1] + '/journal.jsonl')\n"
            "for step in range(10**9):\n"
            "    journal.write('event', step, 0.0, event='x', text='long ' * 20_000)\n"
            "    if step == 3: print('busy', flush=True)\n",
            tmp_path,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            lines = read_journal(tmp_path / "journal.jsonl")
        assert [line["step"] for line in lines] == list(range(len(lines)))
        assert len(lines) >= 4

    @pytest.mark.parametrize("unfinished", ['{"kind": "train", "st', '{"kind": "train", "step": 2}', "\0\0\0"])
    def test_a_new_journal_does_not_glue_its_line_to_an_unfinished_one(self, tmp_path, unfinished):
        path = tmp_path / "journal.jsonl"
        Journal(path).write("train", 1, 0.1, loss=1.0)
        with open(path, "a") as file:
            file.write(unfinished)
        assert [line["step"] for line in read_journal(path)] == [1]
        Journal(path).write("train", 5, 0.5, loss=2.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [line["step"] for line in read_journal(path)] == [1, 5]

    def test_a_whole_last_line_without_its_newline_is_kept(self, tmp_path):
        path = tmp_path / "journal.jsonl"
        path.write_text('{"kind": "train", "step": 1, "epoch": 0.1, "loss": 1.0}')
        Journal(path).write("train", 2, 0.2, loss=2.0)
        assert [line["step"] for line in read_journal(path)] == [1, 2]

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ("{", "not valid JSON"),
            ("[1]", "not a JSON object"),
            ('{"kind": "train", "epoch": 1, "loss": 1}', "no 'step'"),
            ('{"kind": "eval", "step": 1, "epoch": 1}', "no 'loss'"),
            ('{"kind": "train", "step": "1", "epoch": 1, "loss": 1}', "'step' of the wrong type"),
            ('{"kind": "tea", "step": 1, "epoch": 1}', "unknown kind 'tea'"),
        ],
    )
    def test_a_broken_line_in_the_middle_is_named_and_skipped(self, tmp_path, broken, reason):
        path = tmp_path / "journal.jsonl"
        good = '{"kind": "train", "step": 1, "epoch": 0.1, "loss": 1.0}\n'
        path.write_text(good + broken + "\n" + good)
        with pytest.warns(UserWarning, match=rf"{re.escape(str(path))}, line 2 is skipped: it .*{re.escape(reason)}"):
            assert len(read_journal(path)) == 2

    def test_drop_after_keeps_the_lines_up_to_the_step(self, tmp_path):
        journal = Journal(tmp_path / "journal.jsonl")
        for step in (1, 2, 3, 4):
            journal.write("train", step, step / 4, loss=math.nan)
        first_two = journal.path.read_bytes().splitlines(keepends=True)[:2]
        with open(journal.path, "a") as file:
            file.write('{"kind": "tr')
        journal.drop_after(2)
        assert journal.path.read_bytes() == b"".join(first_two)
        journal.write("train", 3, 0.75, loss=0.25)
        assert [line["step"] for line in read_journal(journal.path)] == [1, 2, 3]
        assert os.listdir(tmp_path) == ["journal.jsonl"]

    def test_a_full_disk_is_one_clear_line_and_leaves_no_half_line(self, tmp_path):
        journal = Journal(tmp_path / "journal.jsonl")
        journal.write("event", 1, 0.0, event="start")
        before = journal.path.read_bytes()
        with file_size_limit(len(before) + 100), pytest.raises(UserError) as caught:
            journal.write("event", 2, 0.0, event="x" * 1000)
        assert journal.path.read_bytes() == before
        assert str(journal.path) in str(caught.value)
        assert "\n" not in str(caught.value)
        journal.write("event", 3, 0.0, event="space again")
        assert [line["step"] for line in read_journal(journal.path)] == [1, 3]

    @pytest.mark.parametrize(
        ("kind", "fields"), [("train", {}), ("tea", {"loss": 1.0}), ("grad_norms", {"total": 1.0, "clipped": False})]
    )
    def test_a_line_out_of_shape_is_refused(self, tmp_path, kind, fields):
        with pytest.raises(ValueError, match="journal line"):
            Journal(tmp_path / "journal.jsonl").write(kind, 1, 0.1, **fields)

    def test_a_missing_journal_is_named(self, tmp_path):
        with pytest.raises(UserError, match="nowhere.jsonl"):
            read_journal(tmp_path / "nowhere.jsonl")


class TestJson:
    def test_a_round_trip_takes_numpy_and_makes_undefined_numbers_null(self, tmp_path):
        path = tmp_path / "deep" / "x.json"
        write_json(
            path, {"a": np.float32(0.5), "b": np.arange(2), "c": (1, math.nan, -math.inf), "d": "NaN", "e": "é\ud800"}
        )
        assert strictly(path.read_text()) == read_json(path)
        assert read_json(path) == {"a": 0.5, "b": [0, 1], "c": [1, None, None], "d": "NaN", "e": "é\ud800"}

    def test_a_killed_writer_leaves_a_whole_file(self, tmp_path):
        killed_after_some_output(
            "import sys; from eval.run_directory import write_json\n"
            "for n in range(10**9):\n"
            "    write_json(sys.argv[1] + '/x.json', [n] * 100_000)\n"
            "    if n == 2: print('busy', flush=True)\n",
            tmp_path,
        )
        content = read_json(tmp_path / "x.json")
        assert len(content) == 100_000
        assert len(set(content)) == 1

    def test_a_file_that_cannot_be_encoded_is_left_as_it_was(self, tmp_path):
        write_json(tmp_path / "x.json", 1)
        with pytest.raises(TypeError):
            write_json(tmp_path / "x.json", {"a": object()})
        assert read_json(tmp_path / "x.json") == 1
        assert os.listdir(tmp_path) == ["x.json"]

    def test_a_full_disk_leaves_the_old_file_and_no_other(self, tmp_path):
        path = tmp_path / "x.txt"
        write_text(path, "old")
        with file_size_limit(500), pytest.raises(UserError, match="x.txt cannot be written: .*; free some space"):
            write_text(path, "new" * 1000)
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["x.txt"]

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
    def test_a_failed_write_says_what_to_change(self, tmp_path, monkeypatch, code):
        def fail(_):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fail)
        remedy = "free some space" if code in (errno.ENOSPC, errno.EDQUOT) else "make the folder writable"
        with pytest.raises(UserError, match=f"x.txt cannot be written: {os.strerror(code)}; {remedy}"):
            write_text(tmp_path / "x.txt", "text")
        assert os.listdir(tmp_path) == []

    def test_a_folder_in_the_way_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        (tmp_path / "folder").mkdir()
        for path in (tmp_path / "file" / "x.json", tmp_path / "folder"):
            with pytest.raises(UserError, match=re.escape(str(path))):
                write_json(path, 1)
        assert sorted(os.listdir(tmp_path)) == ["file", "folder"]

    @pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe"])
    def test_a_broken_file_is_named(self, tmp_path, content):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(UserError, match=r"x\.json is not valid JSON"):
            read_json(tmp_path / "x.json")

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(UserError, match=r"x\.json cannot be read: No such file"):
            read_json(tmp_path / "x.json")

    def test_a_new_file_has_the_usual_permissions(self, tmp_path):
        (tmp_path / "usual").write_text("")
        write_text(tmp_path / "ours", "")
        assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


class TestMetrics:
    @pytest.fixture
    def metrics(self):
        estimates = {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50}}
        return {
            "schema": SCHEMA_VERSION,
            "corpus": "reviews",
            "overlap": None,
            "best_step": 10,
            "validation": estimates,
            "test": {"auc": {"value": None, "low": None, "high": None, "n": 50}},
        }

    def test_a_file_in_shape_is_read(self, tmp_path, metrics):
        write_json(tmp_path / "metrics.json", metrics)
        assert read_metrics(tmp_path / "metrics.json") == metrics

    @pytest.mark.parametrize("key", ["schema", "corpus", "overlap", "best_step", "validation", "test"])
    def test_a_missing_key_is_named(self, metrics, key):
        del metrics[key]
        with pytest.raises(UserError, match=f"metrics.json has no '{key}'"):
            validate_metrics(metrics, "metrics.json")

    @pytest.mark.parametrize("key", ["value", "low", "high", "n"])
    def test_a_missing_part_of_an_estimate_is_named(self, metrics, key):
        del metrics["test"]["auc"][key]
        with pytest.raises(UserError, match=f"metrics.json: test.auc has no '{key}'"):
            validate_metrics(metrics, "metrics.json")

    def test_another_schema_is_refused(self, metrics):
        with pytest.raises(UserError, match=f"schema 99; this version reads {SCHEMA_VERSION}"):
            validate_metrics(metrics | {"schema": 99}, "metrics.json")

    def test_something_else_is_refused(self):
        with pytest.raises(UserError, match="not a JSON object"):
            validate_metrics([], "metrics.json")


class TestTestPredictions:
    def test_every_digit_survives(self, tmp_path):
        probabilities = np.random.default_rng(0).dirichlet([0.01, 1, 1], size=50)
        labels = np.arange(50) % 3
        write_test_predictions(tmp_path / "test.csv", ["bad", 'so, "so"', "good"], labels, probabilities)
        assert (tmp_path / "test.csv").read_text().startswith('label,bad,"so, ""so""",good\n0,')
        read_labels, read = read_test_predictions(tmp_path / "test.csv")
        assert read_labels.dtype == np.int64 and (read_labels == labels).all() and (read == probabilities).all()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is no table"),
            ("label,NEGATIVE,POSITIVE\n", "is no table"),
            ("NEGATIVE,POSITIVE,label\n0.5,0.5,1\n", "is no table"),
            ("label,POSITIVE\n0,1\n", "is no table"),
            ("label,NEGATIVE,POSITIVE\n0,0.5,0.5\n1,0.5\n", "is no table"),
            ("label,NEGATIVE,POSITIVE\n0,0.5,much\n", "is no table"),
            ("label,NEGATIVE,POSITIVE\n0,0.5,0.5\n2,0.5,0.5\n", "row 2 has an unknown label"),
            ("label,NEGATIVE,POSITIVE\n0,0.5,0.5\nnan,0.5,0.5\n", "row 2 has an unknown label"),
            ("label,NEGATIVE,POSITIVE\n0,0.5,0.6\n", "row 1 has probabilities that are none"),
            ("label,NEGATIVE,POSITIVE\n0,-0.5,1.5\n", "row 1 has probabilities that are none"),
            ("label,NEGATIVE,POSITIVE\n0,nan,nan\n", "row 1 has probabilities that are none"),
        ],
    )
    def test_a_broken_file_is_named(self, tmp_path, text, message):
        (tmp_path / "test.csv").write_text(text)
        with pytest.raises(UserError, match=rf"test\.csv.*{message}"):
            read_test_predictions(tmp_path / "test.csv")

    def test_bytes_that_are_no_text_and_a_missing_file_are_named(self, tmp_path):
        (tmp_path / "test.csv").write_bytes(b"\xff\xfe")
        for name in ("test.csv", "other.csv"):
            with pytest.raises(UserError, match=name):
                read_test_predictions(tmp_path / name)


def test_checkpoints_are_sorted_by_their_steps(tmp_path):
    for name in ("checkpoint-900", "checkpoint-1000", "checkpoint-20", "checkpoint-x", "checkpoint-5-tmp"):
        (tmp_path / name).mkdir()
    assert [path.name for path in RunDirectory(tmp_path).checkpoints] == [
        "checkpoint-20",
        "checkpoint-900",
        "checkpoint-1000",
    ]


def test_the_examples_of_the_document_are_in_shape(tmp_path):
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    metrics, journal = blocks
    validate_metrics(strictly(metrics), "metrics.json")
    (tmp_path / "journal.jsonl").write_text(journal)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert {line["kind"] for line in read_journal(tmp_path / "journal.jsonl")} == {
            "train",
            "eval",
            "grad_norms",
            "event",
        }
