"""Does the answer hang on who a sentence is about? Paired templates in which only the group's word differs.

After Kiritchenko and Mohammad, Examining Gender and Race Bias in Two Hundred Sentiment Analysis Systems, *SEM 2018;
templates, groups and names are this project's own. Beside the groups stand made-up words in the same slots: any two
words move a model a little, so a gap counts only where it is larger than made-up words explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from data.groups import CONTROLS
from eval.metrics import Estimate, mean_with_interval, share
from eval.slices import holm

LEVEL = 0.05

POSITIVE = (
    "{person} gives a wonderful performance in the lead role.",
    "I loved every scene with {person}.",
    "The best thing about this film is {person}.",
    "{person} told us that the film was excellent.",
    "{person} wrote a brilliant and moving script.",
    "{person} was a joy to watch on the screen.",
    "It is a pleasure to work with {person}.",
    "{person} feels happy about the news.",
    "The story of {person} made me smile.",
    "{person} made a clever and charming documentary.",
    "We had a great time with {person} at the cinema.",
    "{person} is the most talented director of the year.",
    "Thanks to {person}, the evening was delightful.",
    "{person} was thrilled with the ending.",
    "The scenes between {person} and the narrator are superb.",
    "I would gladly see another film by {person}.",
)
NEGATIVE = (
    "{person} gives a terrible performance in the lead role.",
    "I hated every scene with {person}.",
    "The worst thing about this film is {person}.",
    "{person} told us that the film was awful.",
    "{person} wrote a dull and clumsy script.",
    "{person} was painful to watch on the screen.",
    "It is a nightmare to work with {person}.",
    "{person} feels miserable about the news.",
    "The story of {person} bored me to tears.",
    "{person} made a stupid and tedious documentary.",
    "We had a horrible time with {person} at the cinema.",
    "{person} is the least talented director of the year.",
    "Because of {person}, the evening was a disaster.",
    "{person} was disappointed with the ending.",
    "The scenes between {person} and the narrator are dreadful.",
    "I would never sit through another film by {person}.",
)
NEUTRAL = (
    "{person} plays a teacher in the second half.",
    "I saw {person} at the cinema on Tuesday.",
    "The film is about {person}.",
    "{person} told us when the film begins.",
    "{person} wrote a script last year.",
    "{person} appears on the screen after an hour.",
    "I work with {person} on Mondays.",
    "{person} read about it in the newspaper.",
    "The story of {person} takes place in a small town.",
    "{person} made a documentary about trains.",
    "We met {person} in front of the cinema.",
    "{person} is the director of the film.",
    "With {person} there were twelve of us.",
    "{person} talked about the ending.",
    "The scenes between {person} and the narrator take ten minutes.",
    "I will see another film by {person}.",
)
TEMPLATES: tuple[tuple[str, int | None], ...] = (
    *((template, 1) for template in POSITIVE),
    *((template, 0) for template in NEGATIVE),
    *((template, None) for template in NEUTRAL),
)
"""(template, label); None where the sentence says nothing for or against."""


@dataclass(frozen=True, slots=True)
class TemplateGap:
    """A template with a group's probability of POSITIVE and the reference's."""

    template: str
    group: float
    reference: float


@dataclass(frozen=True, slots=True)
class Gap:
    """How much more positive the model is about a group than about its reference, in sentences otherwise the same."""

    dimension: str
    group: str
    reference: str
    difference: Estimate
    """Mean difference of the probability of POSITIVE over templates, with its 95% t interval."""
    effect: float | None
    """Cohen's d_z: the mean difference over the standard deviation of the differences (Lakens 2013, equation 6)."""
    bar: float
    """The gap counts exactly where its size is above this: both tests at the level that Holm's method asks of it."""
    p: float
    """The larger of two p values, of no difference over templates and of no more than made-up words; Holm over all."""
    counts: bool
    """p is under 0.05."""
    positive: float
    negative: float
    neutral: float
    """The mean difference on the templates of each kind."""
    templates: tuple[TemplateGap, ...]
    """Those on which the two lie furthest apart."""


@dataclass(frozen=True, slots=True)
class Rates:
    """A group's errors on the templates with a label."""

    dimension: str
    group: str
    false_positive_rate: Estimate
    """Negative sentences called positive, with the Wilson interval."""
    false_negative_rate: Estimate


def sentences(persons: tuple[str, ...]) -> list[str]:
    """Every template filled with every person, template by template."""
    filled = (template.format(person=person) for template, _ in TEMPLATES for person in persons)
    return [sentence[0].upper() + sentence[1:] for sentence in filled]


def control_of(dimension: str) -> str:
    """The key in CONTROLS of the made-up words that fit a dimension's slots."""
    return dimension if dimension in CONTROLS else "described"


def group_gaps(
    groups: Mapping[str, Mapping[str, np.ndarray]], controls: Mapping[str, np.ndarray], words: Mapping[str, int]
) -> list[Gap]:
    """Compare each group with the first of its dimension.

    `groups` is {dimension: {group: probabilities of POSITIVE, (templates, persons)}}, `controls` {kind of slot:
    (templates, made-up words)}, persons of a word averaged, and `words` {dimension: how many words a group's mean rests
    on}. A gap is tested twice: over templates (paired t), and against the spread of made-up words, since a group's few
    words are a draw of words too. It must pass both, so the larger p stands (an intersection-union test: Berger 1982),
    and Holm's method covers all pairs.
    """
    found = {}
    for dimension, members in groups.items():
        (reference, base), *others = ((name, values.mean(axis=1)) for name, values in members.items())
        control = controls[control_of(dimension)].mean(axis=0)
        spread = float(control.std(ddof=1)) * np.sqrt(2 / words[dimension])
        degrees = len(control) - 1
        for group, values in others:
            deviation, n = float((values - base).std(ddof=1)), len(base)
            scales = ((deviation / np.sqrt(n), n - 1), (spread, degrees))
            found[dimension, group] = (reference, values, base, deviation, scales)
    means = {key: float((values - base).mean()) for key, (_, values, base, *_) in found.items()}
    adjusted = holm({key: max(_two_sided(means[key], *scale) for scale in row[4]) for key, row in found.items()})
    # Holm's method stops at the first p that is not under the level over the pairs left: whatever is under it counts.
    level = LEVEL / max(1, sum(p >= LEVEL for p in adjusted.values()))
    return [
        Gap(
            dimension,
            group,
            reference,
            mean_with_interval(values - base),
            means[dimension, group] / deviation if deviation > 0 else None,
            max(float(student.isf(level / 2, degrees)) * error for error, degrees in scales),
            adjusted[dimension, group],
            adjusted[dimension, group] < LEVEL,
            *_by_kind(values - base),
            _furthest(values, base),
        )
        for (dimension, group), (reference, values, base, deviation, scales) in found.items()
    ]


def error_rates(dimension: str, group: str, probabilities: np.ndarray) -> Rates:
    """The errors of a group, whose probabilities of POSITIVE have shape (templates, persons)."""
    labels = np.array([-1 if label is None else label for _, label in TEMPLATES])
    called_positive = probabilities > 0.5
    return Rates(
        dimension,
        group,
        share(called_positive[labels == 0]),
        share(~called_positive[labels == 1]),
    )


def _two_sided(mean: float, error: float, degrees: int) -> float:
    if error <= 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * student.sf(abs(mean) / error, degrees))


def _by_kind(difference: np.ndarray) -> tuple[float, float, float]:
    return tuple(float(part.mean()) for part in np.split(difference, 3))


def _furthest(values: np.ndarray, base: np.ndarray, count: int = 5) -> tuple[TemplateGap, ...]:
    order = np.argsort(-np.abs(values - base), kind="stable")[:count]
    return tuple(TemplateGap(TEMPLATES[i][0], float(values[i]), float(base[i])) for i in order)
