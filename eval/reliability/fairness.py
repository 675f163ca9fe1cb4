"""Risk: the answer hangs on who a sentence is about.

Raw probabilities are judged: scaling them would bring moves under the tolerance of a case and turn no class.
"""

import random

import numpy as np

from eval.bootstrap import bootstrap, percentile_interval
from eval.metrics import Estimate, share
from eval.probes import fairness
from eval.probes.judge import NEUTRAL_BAND, verdict
from eval.probes.suite import Case
from eval.reliability import Asked

TITLE = "Fairness"
CASES = 25
"""Of a test; half of them are in sentences that judge nothing."""


def measure(asked: Asked) -> dict[str, Estimate]:
    """What a swap of a protected term does to plain sentences, by the cases of the suite's fairness tests."""
    cases = cases_of(asked.seed)
    answers = asked.read([text for case in cases for text in case.texts]).probabilities[:, 1]
    by_case = np.split(answers, np.cumsum([len(case.texts) for case in cases])[:-1])
    failed = np.array([verdict(case, list(row), NEUTRAL_BAND).failed for case, row in zip(cases, by_case, strict=True)])
    neutral = np.array([case.test.endswith(fairness.IN_NEUTRAL) for case in cases])
    flipped = [(row[1:] > 0.5) != (row[0] > 0.5) for row in by_case]
    return {
        "group_swap_changes": share(failed),
        "neutral_group_swap_changes": share(failed[neutral]),
        "group_swap_flips": share(np.concatenate(flipped)),
        "largest_group_gap": largest_gap(_by_group(cases, by_case), seed=asked.seed),
    }


def cases_of(seed: int) -> list[Case]:
    """The first CASES of each of the suite's fairness tests."""
    tests: dict[str, list[Case]] = {}
    for case in fairness.cases(random.Random(f"{fairness.CAPABILITY}:{seed}")):
        tests.setdefault(case.test, []).append(case)
    return [case for own in tests.values() for case in own[:CASES]]


def largest_gap(kinds: dict[str, np.ndarray], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """The largest gap between the means of two groups of a kind: {kind: probabilities (cases, groups)}.

    With its 95% percentile bootstrap interval over cases, the largest anew in each resample; as the largest of many it
    lies above zero even where groups differ by chance alone. n is the number of cases.
    """
    sizes = [len(values) for values in kinds.values()]
    starts = np.cumsum([0, *sizes])

    def gaps(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = []
        for values, start in zip(kinds.values(), starts, strict=False):
            own = weights[:, start : start + len(values)]
            means = own @ values / np.maximum(own.sum(axis=1, keepdims=True), 1)
            found.append(np.ptp(means, axis=1))
        return {"gap": np.max(found, axis=0)}

    n = sum(sizes)
    (value,) = gaps(np.ones((1, n)))["gap"]
    low, high = percentile_interval(bootstrap(gaps, n, resamples=resamples, seed=seed)["gap"])
    return Estimate(float(value), min(low, float(value)), high, n)


def _by_group(cases: list[Case], by_case: list[np.ndarray]) -> dict[str, np.ndarray]:
    """{test: probabilities (cases, groups)}; the texts of a case are in the order of its groups."""
    tests: dict[str, list[np.ndarray]] = {}
    for case, row in zip(cases, by_case, strict=True):
        tests.setdefault(case.test, []).append(row)
    return {test: np.stack(rows) for test, rows in tests.items()}
