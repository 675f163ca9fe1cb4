"""The robust recipe held to its targets against the plain model, on a suite that neither was made on; trains nothing.

python benchmarks/robust_recipe.py --robust RUN --plain RUN                of robust.yaml and quickstart.yaml; 4 minutes
python benchmarks/robust_recipe.py --robust R0 R1 R2 --plain P0 P1 P2      networks of several seeds, in pairs
python benchmarks/robust_recipe.py --robust RUN --plain RUN --seed 2       other cases of the same templates
python benchmarks/robust_recipe.py --robust RUN --plain RUN --keep FILE.csv          keeps the table

The two runs of a pair answer the same cases of the suite, the test rows and IMDB's (the beginnings that fit);
eval/targets.py says what is counted, what the targets are, and when they are met. Several pairs are told together:
shares are of the cases of all networks, and their Wilson interval is one of cases, not of networks (all answer the same
ones); a difference is the mean over pairs with Student's interval over pairs; a share is surely within its target where
it is so in every pair. The file has the rows of each pair, numbered from 0, those of all together, and the tests of the
suite that are surely failed more often in some pair (McNemar's test in each, Holm's correction over the tests).
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cli.errors import UsageError
from cli.script import run_script
from cli.table import table
from eval.comparison import MovedProbe, moved_probes
from eval.metrics import Estimate, mean_with_interval, proportion
from eval.probes.generate import generate
from eval.probes.judge import NEUTRAL_BAND, paired_failures
from eval.reliability import Asked
from eval.subject import Subject, load_subject
from eval.targets import Held, estimates, failures, hold, rights, tally

WHOLE = "whole_suite"
ALL = "all"
COLUMNS = (
    *("pair", "figure", "n", "plain", "plain_low", "plain_high", "robust", "robust_low", "robust_high"),
    *("difference", "difference_low", "difference_high", "target", "met", "surely_met", "surely_worse"),
)
TESTS_NAMED = 12


@dataclass(frozen=True, slots=True)
class Pair:
    """A robust model and a plain one on the same cases."""

    counts: dict[str, np.ndarray]
    """{figure: (2, 2)}: the row of a count tells of the robust model, its column of the plain one."""
    rows: list[Held]
    """The robust model is `this`."""
    moved: list[MovedProbe]
    """The tests of the suite."""


@dataclass(frozen=True, slots=True)
class Worse:
    """A test of the suite that the robust model surely fails more often in some pair."""

    capability: str
    test: str
    of_pairs: list[MovedProbe]

    @property
    def surely(self) -> list[bool]:
        """In which pairs."""
        return [_surely_worse(probe) for probe in self.of_pairs]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--robust", nargs="+", required=True, metavar="RUN", help="runs of the robust recipe")
    parser.add_argument("--plain", nargs="+", required=True, metavar="RUN", help="what each is held against, in order")
    parser.add_argument("--seed", type=int, default=1, help="of the suite; the evaluation's own is 0")
    parser.add_argument("--threads", type=int, help="torch's threads, all cores by default")
    parser.add_argument("--keep", type=Path, metavar="FILE.csv", help="file for the table")
    args = parser.parse_args(argv)
    if len(args.robust) != len(args.plain):
        counts = f"--robust names {len(args.robust)} and --plain {len(args.plain)} runs"
        raise UsageError(f"{counts}: name as many of each, the first is held against the first")
    return args


def compare(subject: Subject, seed: int) -> Pair:
    """A subject, which is the robust model, and its other on the cases of a seed."""
    outcomes = []
    for each in (subject, subject.other):
        asked = Asked(each, "calibrated", seed=seed)
        outcomes.append((failures(asked), rights(asked)))
    (failed, right), (plain_failed, plain_right) = outcomes
    suite = paired_failures(generate(seed), subject.predict, subject.other.predict, NEUTRAL_BAND)
    counts = {name: tally(own, plain_failed[name]) for name, own in failed.items()}
    counts[WHOLE] = sum(suite.values())
    counts |= {name: tally(own, plain_right[name]) for name, own in right.items()}
    return Pair(counts, [hold(name, *estimates(own)) for name, own in counts.items()], moved_probes(suite))


def pool(pairs: Sequence[Pair]) -> list[Held]:
    """The figures of all pairs together, as the head of this file says; those of the pair where there is one."""
    if len(pairs) == 1:
        return pairs[0].rows
    pooled = []
    for of_pairs in zip(*(pair.rows for pair in pairs), strict=True):
        figure = of_pairs[0].figure
        this, other, _ = estimates(sum(pair.counts[figure] for pair in pairs))
        difference = mean_with_interval(np.array([row.difference.value for row in of_pairs]))
        held = hold(figure, this, other, difference)
        if held.below is not None:
            held = replace(held, surely_met=all(row.surely_met for row in of_pairs))
        pooled.append(held)
    return pooled


def worse_tests(pairs: Sequence[Pair]) -> list[Worse]:
    """The tests that are surely failed more often in some pair: those of most pairs first, then of most cases."""
    by_test = [{(probe.capability, probe.test): probe for probe in pair.moved} for pair in pairs]
    found = [Worse(*key, [own[key] for own in by_test]) for key in by_test[0]]
    found = [worse for worse in found if any(worse.surely)]
    return sorted(
        found, key=lambda worse: (-sum(worse.surely), sum(probe.other - probe.this for probe in worse.of_pairs))
    )


def describe(pairs: Sequence[Pair]) -> str:
    """The table in percent and points, and the tests of the suite that the robust models surely fail more often."""
    many = len(pairs) > 1
    lines = []
    for row, *of_pairs in zip(pool(pairs), *(pair.rows for pair in pairs), strict=True):
        plain, robust = (
            f"{100 * own[0].value:.1f} {_range(own[1:]) if many else _interval(own[0])}"
            for own in ([held.other for held in (row, *of_pairs)], [held.this for held in (row, *of_pairs)])
        )
        met = "" if row.met is None else ("surely" if row.surely_met else "yes") if row.met else "no"
        difference = f"{100 * row.difference.value:+.1f} {_interval(row.difference, '+')}"
        lines.append([row.figure, f"{row.this.n:,}", plain, robust, difference, _target(row), met])
    text = table(("figure", "n", "plain", "robust", "robust - plain", "target", "met"), lines)
    if many:
        text += (
            f"\n\nn is of {len(pairs)} networks; in brackets the lowest and highest of them, for differences Student's "
            "95% interval over pairs."
        )
    return f"{text}\n\n{_describe_tests(pairs)}"


def _describe_tests(pairs: Sequence[Pair]) -> str:
    worse = worse_tests(pairs)
    better = [sum(probe.p < 0.05 and probe.this < probe.other for probe in pair.moved) for pair in pairs]
    text = f"Of {len(pairs[0].moved)} tests {_or_range(better)} are surely failed less often than by the plain run"
    if not worse:
        return f"{text}, none more often."
    if len(pairs) == 1:
        text += f", {len(worse)} more often:"
    else:
        text += f"; surely more often in every pair {sum(all(own.surely) for own in worse)}, in some {len(worse)}:"
    for own in worse[:TESTS_NAMED]:
        plain, robust, n = (sum(getattr(probe, name) for probe in own.of_pairs) for name in ("other", "this", "n"))
        where = "" if len(pairs) == 1 else f", in {sum(own.surely)} of {len(pairs)} pairs"
        text += f"\n  {own.capability}, {own.test}: {plain} -> {robust} of {n}{where}"
    return text


def table_rows(pairs: Sequence[Pair]) -> Iterator[dict[str, object]]:
    """The lines of the file: figures and tests of each pair, then of all."""
    worse = worse_tests(pairs)
    for number, pair in enumerate(pairs):
        yield from (_figure_line(number, row) for row in pair.rows)
        for own in worse:
            probe = own.of_pairs[number]
            difference = Estimate((probe.this - probe.other) / probe.n, None, None, probe.n)
            yield _test_line(number, own, [probe], difference, own.surely[number])
    yield from (_figure_line(ALL, row) for row in pool(pairs))
    for own in worse:
        differences = np.array([(probe.this - probe.other) / probe.n for probe in own.of_pairs])
        yield _test_line(ALL, own, own.of_pairs, mean_with_interval(differences), all(own.surely))


def write_rows(pairs: Sequence[Pair], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in table_rows(pairs):
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else "" if v is None else v for k, v in row.items()})


def _figure_line(pair: int | str, row: Held) -> dict[str, object]:
    judged = {"target": _target(row), "met": row.met, "surely_met": row.surely_met}
    return {"pair": pair, "figure": row.figure} | _shares(row.other, row.this, row.difference) | judged


def _test_line(
    pair: int | str, own: Worse, probes: Sequence[MovedProbe], difference: Estimate, surely: bool
) -> dict[str, object]:
    n = sum(probe.n for probe in probes)
    plain, robust = (proportion(sum(getattr(probe, name) for probe in probes), n) for name in ("other", "this"))
    about = {"pair": pair, "figure": f"test: {own.capability}, {own.test}"}
    return about | _shares(plain, robust, difference) | {"surely_worse": surely}


def _shares(plain: Estimate, robust: Estimate, difference: Estimate) -> dict[str, object]:
    named = {"plain": plain, "robust": robust, "difference": difference}
    return {"n": robust.n} | {
        f"{name}{end}": getattr(own, attribute)
        for name, own in named.items()
        for end, attribute in (("", "value"), ("_low", "low"), ("_high", "high"))
    }


def _surely_worse(probe: MovedProbe) -> bool:
    return probe.p < 0.05 and probe.this > probe.other


def _target(row: Held) -> str:
    if row.below is not None:
        return f"< {100 * row.below:g}%"
    # Of nothing that may be lost, no -0.
    return "" if row.may_lose is None else f">= {0.0 - 100 * row.may_lose:+g}"


def _interval(own: Estimate, sign: str = "") -> str:
    return f"[{100 * own.low:{sign}.1f}, {100 * own.high:{sign}.1f}]"


def _range(own: Sequence[Estimate]) -> str:
    values = [100 * each.value for each in own]
    return f"[{min(values):.1f}, {max(values):.1f}]"


def _or_range(counts: Sequence[int]) -> str:
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def main() -> None:
    args = parse_args()
    pairs = [
        compare(load_subject(robust, against=plain, threads=args.threads), args.seed)
        for robust, plain in zip(args.robust, args.plain, strict=True)
    ]
    print(describe(pairs))
    if args.keep:
        write_rows(pairs, args.keep)


if __name__ == "__main__":
    run_script(main)
