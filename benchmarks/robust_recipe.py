"""The robust recipe held to its targets against the plain model, on a suite that neither was made on; trains nothing.

python benchmarks/robust_recipe.py ROBUST PLAIN                   runs of robust.yaml and quickstart.yaml; 4 minutes
python benchmarks/robust_recipe.py ROBUST PLAIN --seed 2          other cases of the same templates
python benchmarks/robust_recipe.py ROBUST PLAIN --keep FILE.csv   keeps the table

Both answer the same cases of the suite, the test rows and IMDB's (the beginnings that fit). The shares have Wilson's
interval of 95%, the differences Agresti and Min's for pairs. A target is met where the figure is within it, and surely
met where the whole interval is: a share's own, for accuracy that of the difference.
"""

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np

from cli.script import run_script
from cli.table import table
from data.corpora import load_corpus
from eval.comparison import Discordance, difference_interval, moved_probes
from eval.metrics import proportion
from eval.probes.fairness import IN_NEUTRAL
from eval.probes.generate import generate
from eval.probes.judge import NEUTRAL_BAND, paired_failures
from eval.probes.suite import Case
from eval.reliability import fairness, wording
from eval.subject import Subject, load_subject

TARGETS = {
    "group_swap_changes": 0.10,
    "neutral_group_swap_changes": 0.10,
    "name_changes": 0.03,
    "place_changes": 0.03,
    "typo_changes": 0.03,
    "url_changes": 0.03,
    "not_negative_read_negative": 0.15,
    "used_to_but_now_wrong": 0.15,
    "own_opinion_wrong": 0.20,
    "blame_added_raises": 0.10,
}
"""Shares of failures that must stay below this."""
MOST_LOST = {"test_accuracy": 0.005, "imdb_accuracy": 0.0}
"""By how much an accuracy may fall at most."""
WHOLE = "whole_suite"
HEADER = ("figure", "n", "plain", "robust", "robust - plain", "target", "met")
TESTS_NAMED = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of both models: shares with 95% intervals, and their paired difference, robust less plain."""

    figure: str
    n: int
    plain: float
    plain_low: float
    plain_high: float
    robust: float
    robust_low: float
    robust_high: float
    difference: float
    difference_low: float
    difference_high: float
    target: str
    met: bool | None
    """None where there is no target, as in surely_met."""
    surely_met: bool | None


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("robust", help="the run of the robust recipe")
    parser.add_argument("plain", help="the run that it is held against")
    parser.add_argument("--seed", type=int, default=1, help="of the suite; the evaluation's own is 0")
    parser.add_argument("--threads", type=int, help="torch's threads, all cores by default")
    parser.add_argument("--keep", type=Path, metavar="FILE.csv", help="file for the table")
    return parser.parse_args(argv)


def compare(pair: Subject, seed: int) -> tuple[list[Row], list]:
    """The figures of a subject and its other, and the tests of the suite that it fails more or less often."""
    robust, plain = pair.predict, pair.other.predict

    def failures(cases: Iterable[Case]) -> dict[tuple[str, str], np.ndarray]:
        return paired_failures(cases, robust, plain, NEUTRAL_BAND)

    swaps = fairness.cases_of(seed)
    asked = {
        "group_swap_changes": swaps,
        "neutral_group_swap_changes": [case for case in swaps if case.test.endswith(IN_NEUTRAL)],
    } | wording.cases_of(seed)
    rows = [row_of(name, sum(failures(asked[name]).values()), most) for name, most in TARGETS.items()]
    suite = failures(generate(seed))
    rows.append(row_of(WHOLE, sum(suite.values())))
    imdb = load_corpus("imdb").test
    for name, split in (("test_accuracy", pair.corpus.test), ("imdb_accuracy", imdb)):
        rows.append(row_of(name, rights(split, robust, plain), lost=MOST_LOST[name]))
    return rows, moved_probes(suite)


def rights(split, robust, plain) -> np.ndarray:
    """How often both, one or none is right about rows, (2, 2): a count's row tells of robust, its column of plain."""
    labels = np.array(split["label"][:])
    right = [predict(split["text"][:]).probabilities.argmax(axis=1) == labels for predict in (robust, plain)]
    counts = np.zeros((2, 2), dtype=int)
    np.add.at(counts, tuple(hits.astype(int) for hits in right), 1)
    return counts


def row_of(figure: str, counts: np.ndarray, most: float | None = None, *, lost: float | None = None) -> Row:
    """A figure from pairs, (2, 2): the share of cases in the second row (robust) and in the second column (plain)."""
    n = int(counts.sum())
    robust, plain = (proportion(int(count), n) for count in (counts[1].sum(), counts[:, 1].sum()))
    pairs = Discordance(n, int(counts[1, 0]), int(counts[0, 1]), float("nan"))
    low, high = difference_interval(pairs)
    target, met, surely = "", None, None
    if most is not None:
        target, met, surely = f"< {100 * most:g}%", robust.value < most, robust.high < most
    if lost is not None:
        target, met, surely = f">= {-100 * lost:+g}", pairs.difference >= -lost, low >= -lost
    return Row(
        figure,
        n,
        *(plain.value, plain.low, plain.high),
        *(robust.value, robust.low, robust.high),
        *(pairs.difference, low, high),
        target,
        met,
        surely,
    )


def describe(rows: Sequence[Row], moved: Sequence) -> str:
    """The table in percent and points, and the tests of the suite that the robust model surely fails more often."""
    lines = []
    for row in rows:
        _, _, plain, plain_low, plain_high, robust, low, high, *difference = astuple(row)[:11]
        met = "" if row.met is None else ("surely" if row.surely_met else "yes") if row.met else "no"
        lines.append(
            [
                row.figure,
                f"{row.n:,}",
                f"{100 * plain:.1f} [{100 * plain_low:.1f}, {100 * plain_high:.1f}]",
                f"{100 * robust:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
                "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * value for value in difference)),
                row.target,
                met,
            ]
        )
    worse = [probe for probe in moved if probe.p < 0.05 and probe.this > probe.other]
    better = sum(probe.p < 0.05 and probe.this < probe.other for probe in moved)
    text = (
        f"{table(HEADER, lines)}\n\nOf {len(moved)} tests {better} are surely failed less often than by the plain run"
    )
    if not worse:
        return f"{text}, none more often."
    named = "\n".join(
        f"  {probe.capability}, {probe.test}: {probe.other} -> {probe.this} of {probe.n}"
        for probe in worse[:TESTS_NAMED]
    )
    return f"{text}, {len(worse)} more often:\n{named}"


def write_rows(rows: Sequence[Row], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            values = asdict(row)
            writer.writerow(
                {k: f"{v:.4f}" if isinstance(v, float) else "" if v is None else v for k, v in values.items()}
            )


def main() -> None:
    args = parse_args()
    pair = load_subject(args.robust, against=args.plain, threads=args.threads)
    rows, moved = compare(pair, args.seed)
    print(describe(rows, moved))
    if args.keep:
        write_rows(rows, args.keep)


if __name__ == "__main__":
    run_script(main)
