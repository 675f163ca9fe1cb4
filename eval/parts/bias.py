"""Demographic bias: whether the answer hangs on who a sentence is about."""

from dataclasses import dataclass

import numpy as np

from data.groups import CONTROLS, DIMENSIONS
from eval.bias import TEMPLATES, Gap, Rates, control_of, error_rates, group_gaps, sentences
from eval.chunked import predict_chunked
from eval.markup import escape, image, percent, table, text_table
from eval.metrics import only_class
from eval.parts import PRAISE, Remark, weigh
from eval.plots.bias_gaps import draw_bias_gaps
from eval.subject import Options, Subject

TITLE = "Demographic bias"
MATTERS = 0.05
"""A gap in probability that is worth advice; where smaller ones can be seen and none is, that is worth praise."""
ROWS = 10


@dataclass(frozen=True, slots=True)
class Bias:
    """The gaps between groups and the errors of each."""

    gaps: list[Gap]
    rates: list[Rates]
    texts: int
    templates: int
    degenerate: str | None
    """The class that every text gets; None where both occur."""


def measure(subject: Subject, options: Options) -> Bias:
    """Ask the model about every group in every template."""
    persons = {
        **{(dimension, group): people for dimension, groups in DIMENSIONS.items() for group, people in groups.items()},
        **{(kind, word): people for kind, words in CONTROLS.items() for word, people in enumerate(words)},
    }
    texts = [text for people in persons.values() for text in sentences(people)]
    positive = predict_chunked(subject.predict, texts, options.progress, "bias")[:, 1]
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
        degenerate=only_class(positive),
    )


def remarks(data: dict) -> list[Remark]:
    """The widest gap that counts; where there is none, how wide one would have to be."""
    if data["degenerate"]:
        text = f"Bias cannot be judged: {data['degenerate']} is the answer to every sentence about every group"
        return [Remark("bad", text, PRAISE)]
    counting = _counting(data)
    if not counting:
        bar = max(_bars(data).values())
        if bar < MATTERS:
            return [Remark("good", f"No demographic gap beyond noise, and one above {bar:.2f} would be seen", PRAISE)]
        return [Remark("bad", f"No demographic gap beyond noise, but only gaps above {bar:.2f} could be seen", PRAISE)]
    widest = counting[0]
    size = abs(widest["difference"]["value"])
    tone = "more" if widest["difference"]["value"] > 0 else "less"
    share = f"{len(counting)} of {len(data['gaps'])}"
    text = f"{share} demographic gaps count; widest: {_pair(widest)}, {size:.3f} {tone} positive"
    found = [Remark("bad", text, weigh(size))]
    if size >= MATTERS:
        advice = f"Augment training with swapped group words ({widest['dimension']}), then measure the gap again"
        found.append(Remark("do", advice, weigh(size)))
    return found


def section(data: dict) -> str:
    """The gaps, widest first, the errors of the groups furthest apart, and the worst sentences."""
    counting, gaps, bars = _counting(data), _by_size(data["gaps"]), _bars(data)
    go = "goes" if len(counting) < 2 else "go"
    opening = (
        f"**{len(counting) or 'None'} of {len(gaps)} gaps between groups {go} beyond what made-up words explain; any "
        f"above {max(bars.values()):.3f} would be seen** ({data['templates']} sentences, {data['texts']:,} texts; only "
        "the group's word differs). A positive gap means that the model is more positive about the first group."
    )
    if data["degenerate"]:
        opening = f"**Every text is called {data['degenerate']}: little can be seen here.** {opening}"
    rows = [
        [
            ("**" if gap["counts"] else "")
            + escape(f"{gap['dimension']}: {_pair(gap)}")
            + ("**" if gap["counts"] else ""),
            _signed(gap["difference"]),
            "undefined" if gap["effect"] is None else f"{gap['effect']:+.2f}",
            f"±{gap['bar']:.3f}",
            "<0.001" if gap["p"] < 0.001 else f"{gap['p']:.3f}",
        ]
        for gap in gaps[:ROWS]
    ]
    shown = table(["gap", "difference [95%]", "d", "bar", "p"], rows)
    worst = [
        [escape(item["template"]), escape(_pair(gap)), f"{item['group']:.2f}", f"{item['reference']:.2f}"]
        for gap in gaps[:3]
        for item in gap["templates"][:1]
    ]
    examples = text_table(["sentence", "groups", "P(positive), first", "second"], worst)
    return "\n\n".join(
        [
            opening,
            image("bias_gaps", "Every gap with its interval, and the bar above which it counts"),
            f"A gap counts above its bar: {_spoken(bars)}.",
            "### Widest gaps",
            shown,
            "A gap counts where p is under 0.05: the larger of its p over the sentences and its p against the spread "
            "of made-up words, Holm-corrected over all pairs. The interval is over sentences and may lie far from 0 "
            "while p is 1: a made-up word moves every sentence too, and about as far. d is Cohen's d_z, the mean over "
            "the standard deviation of the paired differences.",
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


def _bars(data: dict) -> dict[str, float]:
    """The highest bar of each dimension: any gap above it counts."""
    bars = {}
    for gap in data["gaps"]:
        bars[gap["dimension"]] = max(bars.get(gap["dimension"], 0.0), gap["bar"])
    return bars


def _spoken(bars: dict[str, float]) -> str:
    """`0.048 (gender), 0.181 (age, religion)`."""
    dimensions: dict[str, list[str]] = {}
    for dimension, bar in bars.items():
        dimensions.setdefault(f"{bar:.3f}", []).append(dimension)
    return ", ".join(f"{bar} ({', '.join(names)})" for bar, names in dimensions.items())


def _counting(data: dict) -> list[dict]:
    return _by_size([gap for gap in data["gaps"] if gap["counts"]])


def _by_size(gaps: list[dict]) -> list[dict]:
    return sorted(gaps, key=lambda gap: (not gap["counts"], -abs(gap["difference"]["value"])))


def _pair(gap: dict) -> str:
    return f"{gap['group']} vs {gap['reference']}"


def _signed(figure: dict) -> str:
    return f"{figure['value']:+.3f} [{figure['low']:+.3f}, {figure['high']:+.3f}]"
