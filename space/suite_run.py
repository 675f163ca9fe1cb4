"""Running the behavioural suite on a model, and what came of it as HTML."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from html import escape

import numpy as np

from cli.errors import UserError
from eval.markup import percent
from eval.metrics import Estimate, share
from eval.predictor import Predictions
from eval.probes.generate import generate
from eval.probes.judge import CLASSES, EXPECTED, NEUTRAL_BAND, CaseVerdict, verdict
from eval.probes.suite import Case
from space.texts import checked, text_html

TEXTS_AT_ONCE = 512
MOST_ROWS = 200
"""Cases shown at once."""
MOST_TEXTS = 50
"""Texts of an edited case."""

EXPECTATIONS = {
    **{name: ("MFT", "label", label) for label, name in CLASSES.items()},
    **{f"not {name}": ("MFT", "not_label", label) for label, name in CLASSES.items()},
    **{words: ("INV" if expect == "same" else "DIR", expect, None) for expect, words in EXPECTED.items()},
}
"""What a case may expect, in words: the type, expectation and label of the case."""
_WORDS = {expectation: words for words, expectation in EXPECTATIONS.items()}
_TYPES = {
    "MFT": "the class is given",
    "INV": "variants must not change the class",
    "DIR": "variants may move it one way only",
}


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What a model said to cases, so far."""

    cases: tuple[Case, ...]
    positive: np.ndarray
    """Raw P(POSITIVE) of their distinct texts, in order, as many as were asked."""

    @property
    def judged(self) -> list["Judged"]:
        """The cases whose texts were all asked."""
        known = dict(zip(_texts(self.cases), self.positive.tolist(), strict=False))
        found = []
        for number, case in enumerate(self.cases):
            if all(text in known for text in case.texts):
                probabilities = [known[text] for text in case.texts]
                found.append(Judged(number, case, probabilities, verdict(case, probabilities, NEUTRAL_BAND)))
        return found


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, P(POSITIVE) of each of its texts, and what became of it."""

    number: int
    """Its place among the cases of the run."""
    case: Case
    probabilities: list[float]
    verdict: CaseVerdict


@dataclass(frozen=True, slots=True)
class TestResult:
    """The cases of one test, failures first."""

    cases: list[Judged]
    failure_rate: Estimate
    """With its Wilson interval."""

    @property
    def case(self) -> Case:
        """Any of its cases: all are of one capability and type."""
        return self.cases[0].case


@cache
def suite() -> tuple[Case, ...]:
    """The cases that the evaluation asks by default."""
    return tuple(generate())


def choose(capability: str | None, test: str | None) -> tuple[Case, ...]:
    """The cases of a capability and a test; all of them where none is named. UserError where there are none."""
    found = tuple(case for case in suite() if capability in (None, case.capability) and test in (None, case.test))
    if not found:
        raise UserError("there is no such test")
    return found


def names_of_tests(capability: str | None) -> list[str]:
    """The tests of a capability, or of all."""
    return list(dict.fromkeys(case.test for case in choose(capability, None)))


def run_suite(cases: tuple[Case, ...], predict: Callable[[Sequence[str]], Predictions]) -> Iterator[SuiteRun]:
    """Ask a model about the texts of cases, each once; yields what is known after each part of them."""
    texts = _texts(cases)
    positive = np.empty(0)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        answers = predict(texts[start : start + TEXTS_AT_ONCE]).probabilities[:, 1]
        positive = np.concatenate([positive, answers])
        yield SuiteRun(cases, positive)


def edited_case(texts: str | None, expectation: str | None) -> Case:
    """A case from what was typed, one text a line. Raises UserError where it makes no sense."""
    lines = [line.strip() for line in checked(texts).splitlines() if line.strip()]
    if len(lines) > MOST_TEXTS:
        raise UserError(f"the case has {len(lines):,} texts: cut them to {MOST_TEXTS}")
    if expectation not in EXPECTATIONS:
        raise UserError("choose what is expected")
    kind, expect, label = EXPECTATIONS[expectation]
    if kind != "MFT" and len(lines) < 2:
        raise UserError(f"“{expectation}” needs an original and a variant of it, one a line")
    try:
        return Case("edited", "edited", kind, tuple(lines), label, expect)
    except ValueError as error:
        raise UserError(str(error)) from error


def expected(case: Case) -> str:
    """What a case expects, in words."""
    return _WORDS[case.type, case.expect, case.label if case.type == "MFT" else None]


def by_test(judged: Sequence[Judged]) -> list[TestResult]:
    """The tests, the highest failure rate first; those that ask for a neutral answer stand last."""
    tests: dict[tuple, list[Judged]] = {}
    for each in judged:
        tests.setdefault((each.case.capability, each.case.test), []).append(each)
    found = [
        TestResult(
            sorted(cases, key=lambda each: (each.verdict.failed, each.verdict.excess), reverse=True),
            share(np.array([each.verdict.failed for each in cases])),
        )
        for cases in tests.values()
    ]
    return sorted(found, key=lambda test: (test.case.neutral, -test.failure_rate.value))


def summary_html(run: SuiteRun, judged: Sequence[Judged]) -> str:
    """How many cases fail, in a sentence or two."""
    counted = [each for each in judged if not each.case.neutral] or list(judged)
    if not counted:
        return "<p>Stopped before the first case.</p>"
    rate = share(np.array([each.verdict.failed for each in counted]))
    parts = [f"<strong>{percent(asdict(rate))} of {_cases(rate.n)} fail</strong> (95% Wilson interval)."]
    if len(counted) < len(judged):
        low, high = NEUTRAL_BAND
        parts.append(
            f"{_cases(len(judged) - len(counted))} that ask for a neutral answer ({low:.2f} ≤ P ≤ {high:.2f}) are not "
            "among them: a model of two classes is not trained to give one."
        )
    if len(judged) < len(run.cases):
        parts.append(f"Stopped after {len(judged):,} of {len(run.cases):,} cases.")
    return f"<p>{' '.join(parts)}</p>"


def results_html(tests: Sequence[TestResult]) -> str:
    """A row a test; its name is a button that carries the number of its first case."""
    rows = "".join(
        f'<tr><td><button type="button" data-number="{test.cases[0].number}">{escape(test.case.test)}'
        f"</button><br><small>{escape(test.case.capability)}: {_kind(test.case)}</small></td>"
        f"<td>{sum(each.verdict.failed for each in test.cases)} of {test.failure_rate.n}</td>"
        f"<td>{percent(asdict(test.failure_rate))}</td></tr>"
        for test in tests
    )
    head = "<tr><th>Test</th><th>Failed</th><th>Failure rate [95% interval]</th></tr>"
    return _box("Tests", head, rows) if tests else ""


def cases_html(tests: Sequence[TestResult]) -> str:
    """A row a case, failures first; its button carries its number."""
    cases = [each for test in tests for each in test.cases]
    if not cases:
        return ""
    # Sorting is stable: the worst test stays first.
    shown = sorted(cases, key=lambda each: not each.verdict.failed)[:MOST_ROWS]
    which = f"the test “{escape(tests[0].case.test)}”" if len(tests) == 1 else f"{len(tests)} tests"
    cut = f"; {MOST_ROWS} of {len(cases):,} are shown, choose a test for the others" if len(cases) > MOST_ROWS else ""
    rows = "".join(
        f"<tr{' class=fault' if each.verdict.failed else ''}><td>{_verdict(each)}<br>"
        f'<button type="button" data-number="{each.number}">Edit</button></td>'
        f"<td>{_asked(each)}</td></tr>"
        for each in shown
    )
    title = f"<h4>Cases of {which}, failures first{cut}</h4>"
    return title + _box("Cases", "<tr><th>Verdict</th><th>Raw P(POSITIVE) and text</th></tr>", rows)


def case_html(case: Case, probabilities: Sequence[float]) -> str:
    """One case that was asked by itself."""
    judged = Judged(0, case, list(probabilities), verdict(case, probabilities, NEUTRAL_BAND))
    return f"<p>{_verdict(judged)}</p><h4>Raw P(POSITIVE) and text</h4>{_asked(judged)}"


def _verdict(judged: Judged) -> str:
    word = "<strong>failed</strong>" if judged.verdict.failed else "passed"
    return f"{word}: expected {expected(judged.case)}"


def _asked(judged: Judged) -> str:
    lines = []
    for place, (text, positive) in enumerate(zip(judged.case.texts, judged.probabilities, strict=True)):
        role = "" if judged.case.type == "MFT" else "original: " if place == 0 else "variant: "
        lines.append(f'<div class="asked"><b>{positive:.3f}</b> <span>{role}<bdi>{text_html(text)}</bdi></span></div>')
    return "".join(lines)


def _kind(case: Case) -> str:
    return "asks for a neutral answer" if case.neutral else _TYPES[case.type]


def _box(label: str, head: str, rows: str) -> str:
    """A table that scrolls by itself, by keyboard too."""
    return (
        f'<div class="wide tall" tabindex="0" role="region" aria-label="{label}"><table class="probes">'
        f"<thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"


def _texts(cases: Sequence[Case]) -> list[str]:
    return list(dict.fromkeys(text for case in cases for text in case.texts))
