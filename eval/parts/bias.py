"""Demographic bias: whether the answer hangs on who a sentence is about."""

from dataclasses import dataclass

import numpy as np

from eval.bias import CONTROLS, DIMENSIONS, TEMPLATES, Gap, Rates, control_of, error_rates, group_gaps, sentences
from eval.markup import escape, image, percent, table, text_table
from eval.parts import Remark
from eval.plots.bias_gaps import draw_bias_gaps
from eval.subject import Options, Subject

TITLE = "Demographic bias"
MATTERS = 0.05
"""A gap in probability that is worth a remark."""
ROWS = 10


@dataclass(frozen=True, slots=True)
class Bias:
    """The gaps between groups and the errors of each."""

    gaps: list[Gap]
    rates: list[Rates]
    texts: int
    templates: int


def measure(subject: Subject, options: Options) -> Bias:
    """Ask the model about every group in every template."""
    persons = {
        **{(dimension, group): people for dimension, groups in DIMENSIONS.items() for group, people in groups.items()},
        **{(kind, word): people for kind, words in CONTROLS.items() for word, people in enumerate(words)},
    }
    texts = [text for people in persons.values() for text in sentences(people)]
    positive = subject.predict(texts).probabilities[:, 1]
    ends = np.cumsum([len(people) * len(TEMPLATES) for people in persons.values()])[:-1]
    scores = {
        key: part.reshape(len(TEMPLATES), -1) for key, part in zip(persons, np.split(positive, ends), strict=True)
    }
    groups = {
        dimension: {group: scores[dimension, group] for group in DIMENSIONS[dimension]} for dimension in DIMENSIONS
    }
    controls = {
        kind: np.stack([scores[kind, word].mean(axis=1) for word in range(len(words))], axis=1)
        for kind, words in CONTROLS.items()
    }
    # The persons of a described group are one word, told of a woman and of a man.
    words = {
        dimension: 1 if control_of(dimension) == "described" else len(next(iter(members.values())))
        for dimension, members in DIMENSIONS.items()
    }
    return Bias(
        gaps=group_gaps(groups, controls, words),
        rates=[
            error_rates(dimension, group, values)
            for dimension, members in groups.items()
            for group, values in members.items()
        ],
        texts=len(texts),
        templates=len(TEMPLATES),
    )


def remarks(data: dict) -> list[Remark]:
    """The widest gap that counts; where there is none, how wide one would have to be."""
    counting = _counting(data)
    if not counting:
        found = [Remark("good", f"None of {len(data['gaps'])} demographic gaps goes beyond made-up words", 0.4)]
        noise = max(gap["noise"] for gap in data["gaps"])
        if noise >= MATTERS:
            unseen = f"Demographic gaps under {noise:.2f} cannot be told from noise: made-up words move it as much"
            found.append(Remark("bad", unseen, min(0.5, 2 * noise)))
        return found
    widest = counting[0]
    size = abs(widest["difference"]["value"])
    tone = "more" if widest["difference"]["value"] > 0 else "less"
    kind = "bad" if size >= MATTERS else "good"
    share = f"{len(counting)} of {len(data['gaps'])}"
    text = f"{share} demographic gaps count; widest: {_pair(widest)}, {size:.3f} {tone} positive"
    found = [Remark(kind, text, min(0.9, 0.3 + 3 * size) if kind == "bad" else 0.2)]
    if kind == "bad":
        advice = f"Augment training with swapped group words ({widest['dimension']}), then measure the gap again"
        found.append(Remark("do", advice, min(0.7, 0.2 + 2 * size)))
    return found


def section(data: dict) -> str:
    """The gaps, widest first, the errors of the groups furthest apart, and the worst sentences."""
    counting, gaps = _counting(data), _by_size(data["gaps"])
    verdict = (
        f"**{len(counting)} of {len(gaps)} gaps between groups go beyond what made-up words explain**"
        if counting
        else f"**None of {len(gaps)} gaps between groups goes beyond what made-up words explain**"
    )
    opening = (
        f"{verdict} ({data['templates']} sentences, {data['texts']:,} texts; only the group's word differs). "
        "A positive gap means that the model is more positive about the first group. The noise is what 95% of pairs of "
        "made-up words stay within; p tests a gap over the sentences and against that noise, Holm-corrected over all "
        "pairs; d is Cohen's d_z, the mean over the standard deviation of the paired differences."
    )
    rows = [
        [
            ("**" if gap["counts"] else "")
            + escape(f"{gap['dimension']}: {_pair(gap)}")
            + ("**" if gap["counts"] else ""),
            _signed(gap["difference"]),
            "undefined" if gap["effect"] is None else f"{gap['effect']:+.2f}",
            f"±{gap['noise']:.3f}",
            "<0.001" if gap["p"] < 0.001 else f"{gap['p']:.3f}",
        ]
        for gap in gaps[:ROWS]
    ]
    shown = table(["gap", "difference [95%]", "d", "noise", "p"], rows)
    worst = [
        [escape(item["template"]), escape(_pair(gap)), f"{item['group']:.2f}", f"{item['reference']:.2f}"]
        for gap in gaps[:3]
        for item in gap["templates"][:1]
    ]
    examples = text_table(["sentence", "groups", "P(positive), first", "second"], worst)
    return "\n\n".join(
        [
            opening,
            image("bias_gaps", "Every gap with its interval and the noise of made-up words"),
            "### Widest gaps",
            shown,
            "### Where they show most",
            examples,
            "### Errors by group",
            _rates_table(data["rates"]),
        ]
    )


def plots(data: dict) -> dict:
    """The gaps."""
    return {"bias_gaps": draw_bias_gaps(data)}


def _rates_table(rates: list[dict]) -> str:
    """The group with fewest errors and the one with most, in the dimensions where they lie furthest apart."""
    pairs = []
    for dimension in dict.fromkeys(rate["dimension"] for rate in rates):
        members = sorted((rate for rate in rates if rate["dimension"] == dimension), key=_errors)
        pairs.append((members[0], members[-1]))
    pairs.sort(key=lambda pair: _errors(pair[0]) - _errors(pair[1]))
    rows = [
        [
            escape(f"{rate['dimension']}: {rate['group']}"),
            percent(rate["false_positive_rate"]),
            percent(rate["false_negative_rate"]),
        ]
        for pair in pairs[:5]
        for rate in pair
    ]
    return (
        table(["group with fewest, with most", "negative called positive", "positive called negative"], rows)
        + "\n\nWilson intervals, as if sentences were independent."
    )


def _errors(rate: dict) -> float:
    return rate["false_positive_rate"]["value"] + rate["false_negative_rate"]["value"]


def _counting(data: dict) -> list[dict]:
    return _by_size([gap for gap in data["gaps"] if gap["counts"]])


def _by_size(gaps: list[dict]) -> list[dict]:
    return sorted(gaps, key=lambda gap: (not gap["counts"], -abs(gap["difference"]["value"])))


def _pair(gap: dict) -> str:
    return f"{gap['group']} vs {gap['reference']}"


def _signed(figure: dict) -> str:
    return f"{figure['value']:+.3f} [{figure['low']:+.3f}, {figure['high']:+.3f}]"
