"""Fit scaling laws to a table of runs, and say what it can and what it cannot answer.

python eval/scaling.py TABLE.csv                            the law, its constants with intervals, laws compared
python eval/scaling.py TABLE.csv --predict 10B 1T           the loss of 10B parameters on 1T tokens
python eval/scaling.py TABLE.csv --predict 1e22             the loss at a compute, on the table's own line
python eval/scaling.py TABLE.csv --budget 20PFd             the best parameters and tokens for a compute (or 1e21)
python eval/scaling.py TABLE.csv --out DIR                  report.html with pictures, report.md, scaling.json

A row a run; columns params, tokens, flops or pf_days, loss, by these or other names; cells such as 10B, 1T, 1e21. Exit
status: 0 analysed, whatever it says, 1 the table cannot be read, 2 wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

from cli.parser import OneLineErrors
from cli.printing import say
from cli.script import run_script

TABLES = (".csv", ".tsv", ".txt")


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python eval/scaling.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("table", nargs="?", help="a CSV with a row a run")
    add("--predict", nargs="+", metavar="N D", help="the loss of N parameters on D tokens, or at one compute")
    add("--budget", nargs="+", metavar="C", help="a compute to be used best: 20PFd, or FLOP such as 1e21")
    add("--resamples", type=int, default=400, help="resamples of the rows for the intervals")
    add("--seed", type=int, default=0, help="of the resamples")
    add("--out", type=Path, metavar="DIR", help="write the report, its pictures and scaling.json there")
    add("--json", action="store_true", help="print the analysis as JSON on standard output, nothing else there")
    args = parser.parse_args(argv)
    for texts in (args.predict, args.budget):
        # argparse gives a flag all that follows it, a table among it.
        if args.table is None and len(texts or []) > 1 and Path(texts[-1]).suffix in TABLES:
            args.table = texts.pop()
    if args.table is None:
        parser.error("name a table of runs first: TABLE.csv")
    args.table = Path(args.table)
    args.predict = args.predict and _run(parser, args.predict)
    args.budget = args.budget and _compute(parser, "--budget", " ".join(args.budget))
    if args.resamples < 50:
        parser.error("--resamples takes 50 or more")
    return args


def _run(parser: _Parser, texts: list[str]) -> tuple[float, float] | float:
    from eval.scaling_laws.units import parse_count

    if len(texts) == 1:
        return _compute(parser, "--predict", texts[0])
    if len(texts) > 2:
        parser.error("--predict takes parameters and tokens, such as 10B 1T, or one compute")
    try:
        parameters, tokens = map(parse_count, texts)
    except ValueError as error:
        parser.error(f"--predict {' '.join(texts)}: {error}; write parameters and tokens such as 10B 1T")
    if not (0 < parameters < float("inf") and 0 < tokens < float("inf")):
        parser.error("--predict takes numbers above 0")
    return parameters, tokens


def _compute(parser: _Parser, flag: str, text: str) -> float:
    from eval.scaling_laws.units import parse_compute

    try:
        value, with_unit = parse_compute(text)
    except ValueError as error:
        parser.error(f"{flag} {text}: {error}; write a compute such as 20PFd or 1e21")
    if not 0 < value < float("inf"):
        parser.error(f"{flag} takes a compute above 0")
    if not with_unit and value < 1e8:
        parser.error(f"{flag} {text} would be {value:g} FLOP: name the unit, such as {text}PFd")
    return value


def main(argv: list[str]) -> int:
    args = parse_args(argv)
    # After parsing, so that --help and a mistyped flag answer at once.
    from eval.scaling_laws.analysis import analyse
    from eval.scaling_laws.table import read_table
    from eval.scaling_laws.telling import told

    data = analyse(
        read_table(args.table), run=args.predict, budget=args.budget, resamples=args.resamples, seed=args.seed
    )
    say(json.dumps(data) if args.json else told(data))
    if args.out:
        from eval.scaling_laws.report import write_scaling_report

        page = write_scaling_report(args.out, data, args.table.name)
        if not args.json:
            say(f"\n{page} has the pictures.")
    return 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
