"""Prove what is wrong with a run by an experiment, and the remedy by a second one, within a budget of time.

python train/treat.py runs/quickstart                       the diagnosis, the experiment, the cure, the report
python train/treat.py RUN --dry_run                         what would run, and how long it takes
python train/treat.py RUN --budget 1h                       10m when left out; more time is more seeds and longer runs
python train/treat.py RUN --verdict oscillation             for this finding, whatever the diagnosis says
python train/treat.py --scenario 1                          a classic failure from its run to its story: 1 overfitting,
                                                            2 oscillation, 3 vanishing gradients

Killed or stopped, the same command goes on. Exit status: 0 done, or nothing to treat, 1 failed, 2 wrong usage, 130
stopped by Ctrl-C.
"""

import argparse
import re
import shlex
import sys
from pathlib import Path

from cli.errors import UsageError
from cli.parser import OneLineErrors
from cli.script import run_script
from eval.diagnosis.finding import Name

UNITS = {"s": 1, "m": 60, "h": 3600}
NOTHING_TO_TREAT = (Name.HEALTHY, Name.INSUFFICIENT_EVIDENCE)
BUDGET = 600.0
"""Seconds when none are given."""
OF_A_RUN = ("seeds", "verdict", "treatment_dir", "dry_run", "json")
"""Flags that say nothing to a scenario."""


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def seconds(text: str) -> float:
    """The seconds in 600s, 10m or 1.5h; raises ArgumentTypeError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 600s, 10m or 1h")
    return float(found[1]) * UNITS[found[2]]


def whole(text: str) -> int:
    """A whole number above 0; raises ArgumentTypeError for anything else."""
    if not re.fullmatch(r"\d{1,6}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python train/treat.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verdicts = [str(name) for name in Name if name not in NOTHING_TO_TREAT]
    parser.add_argument("run", type=Path, nargs="?", help="the run directory")
    for name, settings in {
        "budget": {
            "type": seconds,
            "metavar": "TIME",
            "help": "600s, 10m (when left out; a scenario has its own), 1h",
        },
        "seeds": {"type": whole, "help": "runs of each arm of the experiment; as many as fit when left out"},
        "verdict": {"choices": verdicts, "metavar": "NAME", "help": f"treat for this: {', '.join(verdicts)}"},
        "treatment_dir": {"type": Path, "metavar": "DIR", "help": "where it all goes; RUN/treatment when left out"},
        "workers": {"type": whole, "help": "runs at a time on this machine; as many as its cores hold when left out"},
        "dry_run": {"action": "store_true", "help": "list the arms and their cost, run nothing"},
        "json": {"action": "store_true", "help": "print treatment.json on standard output, nothing else there"},
        "scenario": {"type": int, "choices": (1, 2, 3), "help": "run a classic failure instead of treating a run"},
        "scenario_dir": {
            "type": Path,
            "default": Path("runs/scenarios"),
            "metavar": "DIR",
            "help": "where its runs go; runs/scenarios when left out",
        },
        "documents": {
            "type": Path,
            "metavar": "DIR",
            "help": "where its document and traces go; runs/scenarios/documents when left out",
        },
    }.items():
        parser.add_argument(*dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]), **settings)
    args = parser.parse_args(argv)
    if args.json and args.dry_run:
        raise UsageError("--json prints what a treatment found, and --dry_run treats nothing: leave one out")
    if args.seeds is not None and args.seeds < 3:
        raise UsageError(f"--seeds is {args.seeds}: a difference is told from chance by 3 runs of each arm or more")
    if args.scenario is None:
        if args.run is None:
            raise UsageError("name a run directory, or --scenario 1, 2 or 3 (--help lists every flag)")
        args.treatment_dir = args.treatment_dir or args.run / "treatment"
    else:
        if args.run is not None:
            raise UsageError(f"--scenario makes its own run: leave {args.run} out, or leave --scenario out")
        if given := [name for name in OF_A_RUN if getattr(args, name)]:
            raise UsageError(f"--{given[0]} says nothing to --scenario: leave it out")
    return args


def main(argv: list[str]) -> int:
    args = parse_args(argv)
    # After parsing: these import torch.
    if args.scenario is not None:
        from train.treatments.scenarios import run_scenario

        return run_scenario(
            args.scenario,
            args.scenario_dir,
            args.documents or args.scenario_dir / "documents",
            budget=args.budget,
            workers=args.workers,
        )
    from train.treatments.command import treat

    return treat(
        args.run,
        args.treatment_dir,
        budget=args.budget or BUDGET,
        seeds=args.seeds,
        verdict=args.verdict and Name(args.verdict),
        workers=args.workers,
        dry_run=args.dry_run,
        as_json=args.json,
        command=shlex.join(["python", "train/treat.py", *argv]),
    )


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
