"""This model against another on the same test rows."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data.checks import LABEL_NAMES
from eval.comparison import (
    Disagreement,
    Discordance,
    MovedProbe,
    MovedSlice,
    Verdict,
    disagreements,
    judge_accuracies,
    mcnemar,
    moved_probes,
    moved_slices,
    paired_differences,
)
from eval.markup import escape, estimate, image, percent, table, text_table
from eval.metrics import Estimate, share
from eval.parts import Remark, counted
from eval.plots.disagreement import disagreement
from eval.probes.generate import generate
from eval.probes.judge import paired_failures
from eval.probes.suite import Case, open_suite
from eval.slices import slice_masks
from eval.subject import Options, Subject

TITLE = "Comparison"
DRAWN = 4000
"""Test rows in the plot; more cannot be told apart."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """What tells two models apart; every difference is this one minus the other."""

    this: str
    other: str
    accuracy: dict[str, Estimate]
    """Of "this" and "other"."""
    differences: dict[str, Estimate]
    discordance: Discordance
    verdict: Verdict
    slices: list[MovedSlice]
    probes: list[MovedProbe]
    """Of our suite; tests that ask for a neutral answer are left out."""
    suite: list[MovedProbe] | None
    """Of the user's; None without one."""
    disagreeing: int
    """Rows to which they give different classes."""
    most_extreme: list[Disagreement]
    points: list[list[float]]
    """The other's probability of POSITIVE, this one's, and the label, for rows drawn at random where there are many."""


def measure(subject: Subject, options: Options) -> Comparison | None:
    """Compare with subject.other; None where there is no other."""
    if subject.other is None:
        return None
    suite = open_suite(options.suite) if options.suite else None  # a fault in the file shows before the work
    cases = generate(options.seed)
    test, this, other = subject.test, subject.test.probabilities, subject.other.test.probabilities
    right, other_right = (probabilities.argmax(axis=1) == test.labels for probabilities in (this, other))
    discordance = mcnemar(right, other_right)
    differences = paired_differences(this, other, test.labels, seed=options.seed)
    rows = np.arange(len(test.labels))
    if len(rows) > DRAWN:
        rows = np.sort(np.random.default_rng(options.seed).choice(rows, DRAWN, replace=False))
    points = np.column_stack([other[rows, 1], this[rows, 1], test.labels[rows]])
    return Comparison(
        this=subject.name,
        other=subject.other.name,
        accuracy={"this": share(right), "other": share(other_right)},
        differences=differences,
        discordance=discordance,
        verdict=judge_accuracies(discordance),
        slices=moved_slices(slice_masks(test.texts, subject.corpus.train["text"][:]), right, other_right),
        probes=_moved(subject, options, cases, len(cases), "probes"),
        suite=_moved(subject, options, suite, suite.cases, f"probes of {suite.path.name}") if suite else None,
        disagreeing=int((this.argmax(axis=1) != other.argmax(axis=1)).sum()),
        most_extreme=disagreements(test.texts, this, other, test.labels),
        points=points.round(4).tolist(),
    )


def _moved(subject: Subject, options: Options, cases: Iterable[Case], total: int, name: str) -> list[MovedProbe]:
    """Both models on the same cases."""
    shown = options.progress(cases, f"{name}, both models", total)
    return moved_probes(paired_failures(shown, subject.predict, subject.other.predict, options.neutral_band))


def remarks(data: dict) -> list[Remark]:
    """The verdict, and what to do about it."""
    kind, difference = data["verdict"]["kind"], data["differences"]["accuracy"]
    if kind in ("better", "worse"):
        text = f"{kind.capitalize()} than the other model by {_points(difference)} points of accuracy"
        return [Remark("good" if kind == "better" else "bad", text, 0.95)]
    if kind == "same":
        text = f"As accurate as the other model, within {100 * data['verdict']['bound']:.1f} points"
        return [Remark("good", text, 0.85)]
    needed = data["verdict"]["rows_needed"]
    where = f"about {_rounded(needed)} rows" if needed else "more rows"
    text = f"Compare on {where}: {_points(difference)} points are not resolvable with {difference['n']:,}"
    return [Remark("do", text, 0.85)]


def section(data: dict) -> str:
    """The verdict, the differences, what moved, and where the two disagree."""
    return "\n\n".join(
        [
            _verdict(data),
            _differences(data),
            _slices_section(data),
            f"### Probes\n\n{_probes_section(data['probes'])}",
            *([f"### The suite given\n\n{_probes_section(data['suite'])}"] if data["suite"] is not None else []),
            _disagreements_section(data),
        ]
    )


def plots(data: dict) -> dict:
    """What both say to each row."""
    return {"comparison_disagreement": disagreement(data["points"])}


def _verdict(data: dict) -> str:
    verdict, found = data["verdict"], data["discordance"]
    kind, n = verdict["kind"], found["n"]
    if kind in ("better", "worse"):
        first = f"**{kind.capitalize()}: {_points(data['differences']['accuracy'])} points of accuracy.**"
    elif kind == "same":
        first = f"**No difference in accuracy larger than {100 * verdict['bound']:.1f} points.**"
    else:
        needed = verdict["rows_needed"]
        first = f"**Not resolvable with {n:,} rows{f'; about {_rounded(needed)} would be needed' if needed else ''}.**"
    tell = verdict["detectable"]
    least = f" These rows tell {100 * tell:.1f} points apart four times in five." if tell else ""
    return (
        f"{first} Only this model ({escape(data['this'])}) is right on {found['only_this']:,} of {n:,} test rows, only "
        f"the other ({escape(data['other'])}) on {found['only_other']:,} (McNemar's exact test, p = {found['p']:.2g})."
        f"{least}"
    )


def _differences(data: dict) -> str:
    rows = [[name.replace("_", " "), estimate(figure, 4)] for name, figure in data["differences"].items()]
    return "\n\n".join(
        [
            f"Right: {percent(data['accuracy']['this'])} against {percent(data['accuracy']['other'])}.",
            table(["metric", "this minus the other"], rows),
            "A lower log loss is better. Intervals: 95%, paired bootstrap over rows.",
        ]
    )


def _slices_section(data: dict) -> str:
    moved = [row for row in data["slices"] if row["p"] is not None and row["p"] < 0.05]
    judged = sum(row["p"] is not None for row in data["slices"])
    if not moved:
        return f"### Slices\n\nNone of {judged} slices moved beyond chance (McNemar in each, Holm)."
    rows = [
        [row["name"], f"{row['n']:,}", percent(row["this"]), percent(row["other"]), f"{row['p']:.2g}"] for row in moved
    ]
    return f"### Slices\n\n{len(moved)} of {judged} slices moved beyond chance (McNemar in each, Holm).\n\n" + table(
        ["rows", "n", "this", "the other", "p"], rows
    )


def _probes_section(probes: list[dict]) -> str:
    moved = [row for row in probes if row["p"] < 0.05]
    told = "McNemar in each, Holm; neutral tests left out"
    if not moved:
        return f"None of {counted(len(probes), 'test')} moved beyond chance ({told})."
    rows = [
        [escape(row["test"]), f"{row['n']:,}", f"{row['this']:,}", f"{row['other']:,}", f"{row['p']:.2g}"]
        for row in moved[:SHOWN]
    ]
    return f"{len(moved):,} of {counted(len(probes), 'test')} moved beyond chance ({told}).\n\n" + table(
        ["test", "cases", "this fails", "the other fails", "p"], rows
    )


def _disagreements_section(data: dict) -> str:
    lines = ["### Disagreements", f"They give different classes to {counted(data['disagreeing'], 'row')}."]
    lines.append(image("comparison_disagreement", "Probability of POSITIVE by both models for each test row"))
    if data["most_extreme"]:
        rows = [
            [f"{row['this']:.2f}", f"{row['other']:.2f}", LABEL_NAMES[row["label"]], escape(row["text"])]
            for row in data["most_extreme"]
        ]
        lines.append(text_table(["this", "the other", "given label", "text"], rows))
        lines.append("Probabilities of POSITIVE.")
    return "\n\n".join(lines)


def _points(figure: dict) -> str:
    return f"{100 * figure['value']:+.1f} [{100 * figure['low']:+.1f}, {100 * figure['high']:+.1f}]"


def _rounded(rows: int) -> str:
    """Two significant digits: the estimate has no more."""
    return f"{round(rows, 2 - len(str(rows))):,}" if rows > 99 else str(rows)
