"""Holding a model to a behavioural suite: what it says to each case, and how often each test fails."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heapreplace

import numpy as np

from data.checks import shorten
from eval.metrics import CLASSES as NAMES
from eval.metrics import Estimate, proportion
from eval.predictor import Predictions
from eval.probes.suite import Case

TEXTS_AT_ONCE = 1_024
WORST = 5
LONGEST_TEXT = 500
NEUTRAL_BAND = (1 / 3, 2 / 3)
"""P(POSITIVE) inside it is a neutral answer, unless another band is asked for."""

CLASSES = {**dict(enumerate(NAMES)), None: "neutral"}
EXPECTED = {
    "same": "the same class",
    "not_more_positive": "not more positive",
    "not_more_negative": "not more negative",
    "not_less_confident": "not less confident",
    "not_more_confident": "not more confident",
}


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """What became of a case."""

    failed: bool
    excess: float
    """How far the worst text lies on the wrong side, in probability; comparable within a test only."""
    texts: tuple[str, ...]
    """MFT: the worst text; else the original and its worst variant."""
    probabilities: tuple[float, ...]
    """P(POSITIVE) of each of these texts."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A failed case as it is shown."""

    texts: list[str]
    probabilities: list[float]
    expected: str


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """How often a test fails."""

    test: str
    capability: str
    type: str
    neutral: bool
    """Asks for a neutral answer, and is counted apart."""
    failures: int
    failure_rate: Estimate
    """Share of failed cases with its 95% Wilson interval."""
    worst: list[WorstCase]


@dataclass(frozen=True, slots=True)
class CapabilityOutcome:
    """How often the tests of a capability fail, those that ask for a neutral answer left out."""

    capability: str
    tests: int
    failures: int
    failure_rate: Estimate


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """What a model makes of a suite, the highest failure rate first."""

    cases: int
    """All of them, those that ask for a neutral answer included."""
    failure_rate: Estimate
    """Without those that ask for a neutral answer; so are the capabilities."""
    capabilities: list[CapabilityOutcome]
    tests: list[TestOutcome]
    degenerate: str | None
    """The class that is answered in every case; None where both are."""


def judge(
    cases: Iterable[Case], predict: Callable[[Sequence[str]], Predictions], neutral_band: tuple[float, float]
) -> SuiteOutcome:
    """Judge a suite of any length in bounded memory: counts and the worst five cases a test are kept."""
    tallies: dict[tuple, _Tally] = {}
    answers = set()
    for case, judgement in verdicts(cases, predict, neutral_band):
        key = (case.capability, case.test, case.type, case.neutral)
        tallies.setdefault(key, _Tally()).add(case, judgement)
        answers.update(NAMES[probability > 0.5] for probability in judgement.probabilities)

    tests = [
        TestOutcome(test, capability, kind, neutral, tally.failures, tally.failure_rate, tally.worst_cases())
        for (capability, test, kind, neutral), tally in tallies.items()
    ]
    judged = [test for test in tests if not test.neutral]
    by_capability: dict[str, list[TestOutcome]] = {}
    for test in judged:
        by_capability.setdefault(test.capability, []).append(test)
    capabilities = [CapabilityOutcome(name, len(own), *_pooled(own)) for name, own in by_capability.items()]
    return SuiteOutcome(
        cases=sum(tally.cases for tally in tallies.values()),
        failure_rate=_pooled(judged)[1],
        capabilities=sorted(capabilities, key=_rate, reverse=True),
        tests=sorted(tests, key=_rate, reverse=True),
        degenerate=answers.pop() if len(answers) == 1 else None,
    )


def verdicts(
    cases: Iterable[Case], predict: Callable[[Sequence[str]], Predictions], neutral_band: tuple[float, float]
) -> Iterator[tuple[Case, CaseVerdict]]:
    """Yield every case with its verdict, in order; the model is asked about a thousand texts at a time, each once."""
    for chunk in _chunks(cases):
        texts = list(dict.fromkeys(text for case in chunk for text in case.texts))
        positive = predict(texts).probabilities[:, 1].tolist()
        probability = dict(zip(texts, positive, strict=True))
        for case in chunk:
            yield case, verdict(case, [probability[text] for text in case.texts], neutral_band)


def paired_failures(
    cases: Iterable[Case],
    this: Callable[[Sequence[str]], Predictions],
    other: Callable[[Sequence[str]], Predictions],
    neutral_band: tuple[float, float],
) -> dict[tuple[str, str], np.ndarray]:
    """Who fails the cases of each test, in memory that does not grow with them: {(capability, test): counts, (2, 2)}.

    The row of a count tells whether this model fails, the column whether the other does. Cases that ask for a neutral
    answer are left out.
    """
    counts: dict[tuple[str, str], np.ndarray] = {}
    for chunk in _chunks(case for case in cases if not case.neutral):
        judged = (verdicts(chunk, predict, neutral_band) for predict in (this, other))
        for (case, of_this), (_, of_other) in zip(*judged, strict=True):
            table = counts.setdefault((case.capability, case.test), np.zeros((2, 2), dtype=int))
            table[int(of_this.failed), int(of_other.failed)] += 1
    return counts


def verdict(case: Case, probabilities: Sequence[float], neutral_band: tuple[float, float]) -> CaseVerdict:
    """Judge one case by P(POSITIVE) of each of its texts; it fails when any of them does.

    MFT fails when the class is not the one expected, a probability inside the band being neutral. INV fails when the
    class changes and the probability moves by more than the tolerance. DIR fails when the probability, or the
    confidence in the original's class, moves the wrong way by more than the tolerance.
    """
    if case.type == "MFT":
        faults = [_class_fault(case, probability, neutral_band) for probability in probabilities]
        worst = max(range(len(faults)), key=faults.__getitem__)
        shown = (worst,)
    else:
        original, *variants = probabilities
        faults = [_move_fault(case, original, variant) for variant in variants]
        worst = max(range(len(faults)), key=faults.__getitem__)
        shown = (0, worst + 1)
    failed, excess = faults[worst]
    return CaseVerdict(
        failed, excess, tuple(case.texts[index] for index in shown), tuple(probabilities[index] for index in shown)
    )


def _class_fault(case: Case, probability: float, neutral_band: tuple[float, float]) -> tuple[bool, float]:
    low, high = neutral_band
    # Signed distance to the region of the class: below 0 within it.
    distance = {0: probability - low, 1: high - probability, None: max(low - probability, probability - high)}
    outside = distance[case.label]
    within = outside < 0 or case.label is None and outside == 0  # the band's ends are neutral
    return (not within, outside) if case.expect == "label" else (within, -outside)


def _move_fault(case: Case, original: float, variant: float) -> tuple[bool, float]:
    rise = variant - original
    gain = rise if original > 0.5 else -rise  # of confidence in the original's class
    wrong = {
        "same": abs(rise),
        "not_more_positive": rise,
        "not_more_negative": -rise,
        "not_less_confident": -gain,
        "not_more_confident": gain,
    }[case.expect]
    kept = case.expect == "same" and (variant > 0.5) == (original > 0.5)
    return wrong > case.tolerance and not kept, wrong - case.tolerance


@dataclass(slots=True)
class _Tally:
    """The counts of a test while it runs."""

    cases: int = 0
    failures: int = 0
    worst: list[tuple[float, int, WorstCase]] = field(default_factory=list)

    def add(self, case: Case, judgement: CaseVerdict) -> None:
        self.cases += 1
        if not judgement.failed:
            return
        self.failures += 1
        rank = (judgement.excess, -self.failures)  # of equals, the first stays
        if len(self.worst) < WORST:
            heappush(self.worst, (*rank, _shown(case, judgement)))
        elif rank > self.worst[0][:2]:
            heapreplace(self.worst, (*rank, _shown(case, judgement)))

    @property
    def failure_rate(self) -> Estimate:
        return proportion(self.failures, self.cases)

    def worst_cases(self) -> list[WorstCase]:
        return [worst for _, _, worst in sorted(self.worst, reverse=True)]


def _shown(case: Case, judgement: CaseVerdict) -> WorstCase:
    texts = [shorten(text, LONGEST_TEXT) for text in judgement.texts]
    return WorstCase(texts, list(judgement.probabilities), _expected(case))


def _expected(case: Case) -> str:
    if case.type == "MFT":
        return CLASSES[case.label] if case.expect == "label" else f"not {CLASSES[case.label]}"
    return EXPECTED[case.expect]


def _chunks(cases: Iterable[Case]) -> Iterator[list[Case]]:
    chunk, texts = [], 0
    for case in cases:
        chunk.append(case)
        texts += len(case.texts)
        if texts >= TEXTS_AT_ONCE:
            yield chunk
            chunk, texts = [], 0
    if chunk:
        yield chunk


def _pooled(tests: Sequence[TestOutcome]) -> tuple[int, Estimate]:
    failures = sum(test.failures for test in tests)
    return failures, proportion(failures, sum(test.failure_rate.n for test in tests))


def _rate(outcome: TestOutcome | CapabilityOutcome) -> float:
    return outcome.failure_rate.value
