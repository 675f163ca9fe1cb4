"""A behavioural suite: its cases, and the JSONL files that hold them, one case a line."""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.errors import UserError
from data.checks import has_visible_text, shorten
from eval.run_directory import write_text

EXPECTATIONS = {
    "MFT": ("label", "not_label"),
    "INV": ("same",),
    "DIR": ("not_more_positive", "not_more_negative", "not_less_confident", "not_more_confident"),
}
KEYS = ("test", "capability", "type", "texts", "label", "expect", "tolerance")
REQUIRED = ("test", "capability", "type", "texts", "expect")
TOLERANCE = 0.1
NAMED_LINES = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a behavioural test; ValueError where it makes no sense."""

    test: str
    capability: str
    type: str
    """MFT, INV or DIR."""
    texts: tuple[str, ...]
    """MFT: the texts, each of which must meet the expectation; else the original, then its variants."""
    label: int | None
    """0 negative, 1 positive, None neutral; only an MFT looks at it."""
    expect: str
    tolerance: float = TOLERANCE
    """By how much a probability may move before it counts (INV and DIR)."""

    def __post_init__(self):
        for name in ("test", "capability"):
            value = getattr(self, name)
            _require(isinstance(value, str) and value.strip() != "", f"{name} must be a text that is not empty")
            _require_whole(value, name)
        known = isinstance(self.type, str) and self.type in EXPECTATIONS
        _require(known, f"type must be one of {', '.join(EXPECTATIONS)}")
        allowed = EXPECTATIONS[self.type]
        _require(self.expect in allowed, f"expect must be {' or '.join(allowed)} in a test of type {self.type}")
        for text in self.texts:
            _require(isinstance(text, str) and has_visible_text(text), "texts must be texts that are not empty")
            _require_whole(text, "texts")
        if self.type == "MFT":
            _require(len(self.texts) >= 1, "texts must hold a text")
        else:
            _require(len(self.texts) >= 2, f"texts must hold an original and a variant in a test of type {self.type}")
        integer = isinstance(self.label, int) and not isinstance(self.label, bool)
        _require(self.label is None or integer and self.label in (0, 1), "label must be 0, 1 or null")
        number = isinstance(self.tolerance, int | float) and not isinstance(self.tolerance, bool)
        _require(number and 0 <= self.tolerance <= 1, "tolerance must be a number from 0 to 1")

    @property
    def neutral(self) -> bool:
        """Whether a neutral answer is asked for, which a model of two classes is not trained to give."""
        return self.type == "MFT" and self.expect == "label" and self.label is None


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's file that has been looked through once; iterating reads its good lines anew, one at a time."""

    path: Path
    cases: int
    malformed: list[str]
    """What is wrong with the first 20 malformed lines, each with its number."""
    malformed_lines: int

    def __iter__(self) -> Iterator[Case]:
        return (case for _, case in _read(self.path) if isinstance(case, Case))


def open_suite(path: Path) -> Suite:
    """Look through a suite's file, in bounded memory.

    Malformed lines are left out and named. Raises UserError where the file cannot be read or holds no good line.
    """
    cases, malformed_lines, malformed = 0, 0, []
    for number, case in _read(path):
        if isinstance(case, Case):
            cases += 1
        else:
            malformed_lines += 1
            if len(malformed) < NAMED_LINES:
                malformed.append(f"line {number}: {case}")
    if cases == 0:
        wrong = malformed[0] if malformed else "it is empty"
        raise UserError(f"{path} holds no case of a behavioural suite: {wrong}")
    return Suite(Path(path), cases, malformed, malformed_lines)


def write_suite(cases: Iterable[Case], path: Path) -> None:
    """Write cases as JSONL, in the form that `open_suite` reads."""
    write_text(path, "".join(json.dumps(asdict(case), ensure_ascii=False) + "\n" for case in cases))


def _read(path: Path) -> Iterator[tuple[int, Case | str]]:
    """Yield the number of every line with its case, or with what is wrong with it; blank lines are passed over."""
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, _parse(line)
                except (ValueError, RecursionError) as error:
                    yield number, str(error)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _parse(line: bytes) -> Case:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {line[error.start]:#04x})") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not a JSON object ({error.msg}, character {error.colno})") from error
    _require(isinstance(row, dict), "not a JSON object")
    if unknown := [key for key in row if key not in KEYS]:
        raise ValueError(_fault_of(unknown[0]))
    missing = [key for key in (*REQUIRED, *(["label"] if row.get("type") == "MFT" else [])) if key not in row]
    _require(not missing, f"{' and '.join(missing)} missing")
    _require(isinstance(row["texts"], list), "texts must be a list")
    return Case(
        test=row["test"],
        capability=row["capability"],
        type=row["type"],
        texts=tuple(row["texts"]),
        label=row.get("label"),
        expect=row["expect"],
        tolerance=row.get("tolerance", TOLERANCE),
    )


def _fault_of(key: str) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS)}"
    return f"unknown key {shorten(ascii(key), 40)}: {hint}"


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise ValueError(fault)


def _require_whole(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can write "\ud83d" alone, as a text cut within an emoji has it
        raise ValueError(f"{name} must not hold half a character ({error.reason})") from error
