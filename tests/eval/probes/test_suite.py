"""Suites as files: what is read, what is named as malformed, what is refused."""

import json

import pytest

from cli.errors import UserError
from eval.probes.suite import NAMED_LINES, Case, open_suite, write_suite

GOOD = {
    "test": "not bad",
    "capability": "negation",
    "type": "MFT",
    "texts": ["This is not bad."],
    "label": 0,
    "expect": "not_label",
    "tolerance": 0.1,
}


def write_lines(path, *lines):
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )
    return path


def test_what_is_written_is_read_again(tmp_path):
    cases = [
        Case("not bad", "negation", "MFT", ("This isn't “bad”. 🎬",), 0, "not_label"),
        Case("plain", "vocabulary", "MFT", ("It is a film.", "It is\nlong."), None, "label"),
        Case("typo", "robustness", "INV", ("Good.", "Gooood.", "Goood."), None, "same", 0.25),
        Case("very", "vocabulary", "DIR", ("Good.", "Very good."), None, "not_less_confident", 0),
    ]
    write_suite(cases, tmp_path / "suite.jsonl")
    suite = open_suite(tmp_path / "suite.jsonl")
    assert list(suite) == cases
    assert list(suite) == cases  # and once more
    assert (suite.cases, suite.malformed, suite.malformed_lines) == (4, [], 0)
    first = json.loads((tmp_path / "suite.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert first == GOOD | {"texts": ["This isn't “bad”. 🎬"]}


def test_tolerance_may_be_left_out_and_label_where_nobody_looks_at_it(tmp_path):
    without = {key: value for key, value in GOOD.items() if key != "tolerance"}
    invariance = {"test": "t", "capability": "c", "type": "INV", "texts": ["a", "b"], "expect": "same"}
    marked = b"\xef\xbb\xbf" + json.dumps(without).encode()
    first, second = open_suite(write_lines(tmp_path / "s.jsonl", marked, b"", b"  ", invariance))
    assert first.tolerance == second.tolerance == 0.1
    assert second.label is None


MALFORMED = [
    (b"{", "not a JSON object"),
    (b"[1, 2]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"[" * 100_000, ""),
    (b'{"test": "\xff"}', "not UTF-8 (byte 0xff)"),
    ({}, "test and capability and type and texts and expect missing"),
    ({key: value for key, value in GOOD.items() if key != "label"}, "label missing"),
    (GOOD | {"type": "mft"}, "type must be one of MFT, INV, DIR"),
    (GOOD | {"type": ["MFT"]}, "type must be one of MFT, INV, DIR"),
    (GOOD | {"expect": "same"}, "expect must be label or not_label in a test of type MFT"),
    (GOOD | {"type": "INV", "texts": ["a", "b"], "expect": "label"}, "expect must be same"),
    (GOOD | {"expect": {}}, "expect must be label or not_label"),
    (GOOD | {"texts": "one"}, "texts must be a list"),
    (GOOD | {"texts": []}, "texts must hold a text"),
    (GOOD | {"texts": ["  "]}, "texts must be texts that are not empty"),
    (GOOD | {"texts": ["good", "\u200b\ufeff"]}, "texts must be texts that are not empty"),
    (GOOD | {"texts": ["good", None]}, "texts must be texts that are not empty"),
    (
        GOOD | {"type": "DIR", "texts": ["a"], "expect": "not_more_positive"},
        "texts must hold an original and a variant",
    ),
    (GOOD | {"texts": ["half \ud83d"]}, "texts must not hold half a character"),
    (GOOD | {"test": ""}, "test must be a text that is not empty"),
    (GOOD | {"test": 3}, "test must be a text that is not empty"),
    (GOOD | {"capability": "half \ud83d"}, "capability must not hold half a character"),
    (GOOD | {"label": 2}, "label must be 0, 1 or null"),
    (GOOD | {"label": True}, "label must be 0, 1 or null"),
    (GOOD | {"label": "0"}, "label must be 0, 1 or null"),
    (GOOD | {"tollerance": 0.2}, "unknown key 'tollerance': did you mean tolerance?"),
    (GOOD | {"note": "mine"}, "unknown key 'note': there are test, capability, type, texts, label, expect, tolerance"),
    (GOOD | {"half \ud83d": 1}, "unknown key 'half \\ud83d': there are"),
    (GOOD | {"tolerance": -0.1}, "tolerance must be a number from 0 to 1"),
    (GOOD | {"tolerance": "0.1"}, "tolerance must be a number from 0 to 1"),
    (GOOD | {"tolerance": float("nan")}, "tolerance must be a number from 0 to 1"),
]


@pytest.mark.parametrize(
    "line, fault", MALFORMED, ids=[f"{index}: {fault}" for index, (_, fault) in enumerate(MALFORMED)]
)
def test_a_malformed_line_is_named_and_the_rest_runs(tmp_path, line, fault):
    suite = open_suite(write_lines(tmp_path / "suite.jsonl", GOOD, line, GOOD))
    assert (suite.cases, len(list(suite)), suite.malformed_lines) == (2, 2, 1)
    assert suite.malformed[0].startswith(f"line 2: {fault}")


def test_of_many_malformed_lines_the_first_are_named(tmp_path):
    suite = open_suite(write_lines(tmp_path / "suite.jsonl", *[b"{"] * 50, GOOD))
    assert (suite.cases, suite.malformed_lines, len(suite.malformed)) == (1, 50, NAMED_LINES)


def test_every_case_may_be_a_test_of_its_own(tmp_path):
    lines = [GOOD | {"test": f"case {number}"} for number in range(1_005)]
    suite = open_suite(write_lines(tmp_path / "suite.jsonl", *lines))
    assert (suite.cases, len(list(suite)), suite.malformed_lines) == (1_005, 1_005, 0)


def test_a_file_without_a_good_line_is_the_users_mistake(tmp_path):
    for name, lines, said in (("bad", [b"{", b"["], "line 1"), ("empty", [], "it is empty")):
        with pytest.raises(UserError, match=said):
            open_suite(write_lines(tmp_path / name, *lines))
    with pytest.raises(UserError, match="No such file"):
        open_suite(tmp_path / "missing.jsonl")
    with pytest.raises(UserError, match="cannot be read"):
        open_suite(tmp_path)
