"""Risk: a small change of wording turns the answer, or one that should turn it does not.

Raw probabilities are judged, as eval/reliability/fairness.py says.
"""

import random

import numpy as np

from data.edits import MEANING_PRESERVING, edited
from eval.metrics import Estimate, share
from eval.probes.generate import CAPABILITIES
from eval.probes.judge import NEUTRAL_BAND, verdict
from eval.probes.suite import Case
from eval.reliability import Asked

TITLE = "Wording"
ROWS = 300
TESTS: dict[str, tuple[tuple[str, str], ...]] = {
    "not_negative_read_negative": (("negation", "not + negative adjective"), ("negation", "not + negative verb")),
    "not_positive_wrong": (("negation", "not + positive adjective"), ("negation", "not + positive verb")),
    "used_to_but_now_wrong": (("temporal", "used to, but now praise"), ("temporal", "used to, but now blame")),
    "own_opinion_wrong": tuple(
        ("semantic roles", f"others disagree, my {side} {place}")
        for side in ("praise", "blame")
        for place in ("first", "last")
    ),
    "blame_added_raises": (("vocabulary", "blame added"),),
    "name_changes": tuple(
        ("named entities", f"{name}")
        for name in ("name of the director", "names of the actors", "names of the characters")
    ),
    "place_changes": (("named entities", "cities"), ("named entities", "countries")),
    "typo_changes": (("robustness", "typo"), ("robustness", "letter left out"), ("robustness", "letters swapped")),
    "url_changes": (("robustness", "link added"),),
}
"""{figure: the tests of the suite that it counts the failures of}."""


def measure(asked: Asked) -> dict[str, Estimate]:
    """The failures of the suite's tests by figure, and the rows that a harmless edit turns."""
    cases = cases_of(asked.seed)
    asked.read([text for own in cases.values() for case in own for text in case.texts])
    return {
        **{figure: share(failures(asked, own)) for figure, own in cases.items()},
        "harmless_edit_flips": share(edit_flips(asked)),
    }


def cases_of(seed: int) -> dict[str, list[Case]]:
    """The cases of each figure, those that the whole suite has for the seed."""
    wanted = {capability for tests in TESTS.values() for capability, _ in tests}
    made = {
        name: list(CAPABILITIES[name].cases(random.Random(f"{name}:{seed}"))) for name in CAPABILITIES if name in wanted
    }
    return {
        figure: [case for capability, test in tests for case in made[capability] if case.test == test]
        for figure, tests in TESTS.items()
    }


def failures(asked: Asked, cases: list[Case]) -> np.ndarray:
    """Which cases fail, (n,) of bool."""
    answers = iter(asked.read([text for case in cases for text in case.texts]).probabilities[:, 1].tolist())
    return np.array([verdict(case, [next(answers) for _ in case.texts], NEUTRAL_BAND).failed for case in cases])


def edit_flips(asked: Asked) -> np.ndarray:
    """Whether the class of a test row turns under one edit that keeps the meaning, drawn of those that apply."""
    texts, draw = asked.subject.corpus.test["text"][:], random.Random(asked.seed)
    pairs = []
    for row in asked.rows(ROWS).tolist():
        found = (edited(name, texts[row], row) for name in draw.sample(MEANING_PRESERVING, len(MEANING_PRESERVING)))
        if (changed := next((text for text in found if text), None)) is not None:
            pairs += [texts[row], changed]
    if not pairs:
        return np.zeros(0, dtype=bool)
    before, after = (asked.answer(pairs)[:, 1] > 0.5).reshape(-1, 2).T
    return before != after
