"""Run every cell of a study, with seeds, and judge its factors. Killed or stopped, the same command goes on.

python train/study.py train/configs/studies/ablation.yaml
python train/study.py train/configs/studies/ablation.yaml --dry_run      what would run, and what it costs
python train/study.py STUDY.yaml --workers 4                             four runs at a time on this machine
python train/study.py STUDY.yaml --storage postgresql://user@host/db     and on every machine that says so
python train/study.py STUDY.yaml --data_dir DIR …                        flags of train/run.py, for every run

Exit status: 0 done, 1 failed, 2 a mistake in the file or a flag, 130 stopped by Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

from cli.errors import UsageError
from cli.parser import OneLineErrors
from cli.script import run_script


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our flags, and those left for train/run.py."""
    parser = _Parser(
        prog="python train/study.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("study", type=Path, help="the study's YAML file, before all flags; docs/studies.md says how")
    for name, settings in {
        "study_dir": {"type": Path, "help": "where its results go; studies/NAME when left out"},
        "storage": {"help": "URL of a database that workers share; else a file in the folder"},
        "workers": {"type": int, "default": 1, "help": "runs at a time on this machine"},
        "grace": {"type": int, "default": 90, "help": "seconds without a sign of life before a run is taken up again"},
        "max_cells": {"type": int, "default": 500, "help": "refuse a study of more runs than this"},
        "dry_run": {"action": "store_true", "help": "list the cells and their cost, check them, run nothing"},
        "json": {"action": "store_true", "help": "print effects.json on standard output, nothing else there"},
    }.items():
        # Spelt with dashes, too, as the flags of train/run.py may be.
        parser.add_argument(*dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]), **settings)
    args, flags = parser.parse_known_args(argv)
    for name in ("workers", "grace", "max_cells"):
        if getattr(args, name) < 1:
            raise UsageError(f"--{name} is {getattr(args, name)}: it must be a whole number above 0")
    args.study_dir = args.study_dir or Path("studies") / args.study.stem
    return args, flags


def main() -> int:
    args, flags = parse(sys.argv[1:])
    # After parsing: these import torch.
    from train.studies.command import run_study
    from train.studies.dry_run import dry_run
    from train.studies.study_file import read_study

    study = read_study(args.study, flags, max_cells=args.max_cells)
    if args.dry_run:
        print(dry_run(study, args.study_dir, args.workers))
        return 0
    return run_study(
        study,
        args.study_dir,
        storage=args.storage,
        workers=args.workers,
        grace=args.grace,
        as_json=args.json,
    )


if __name__ == "__main__":
    run_script(main)
