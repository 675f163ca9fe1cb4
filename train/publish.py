"""Publish a run on the Hub: weights, tokenizer, card and evaluation in one commit, and its app as a Space.

python train/publish.py runs/quickstart --repo_id USER/NAME --dry_run    what would be published; nothing is sent
python train/publish.py runs/quickstart --repo_id USER/NAME              the model, then read back from the Hub
python train/publish.py RUN --repo_id USER/NAME --space USER/SPACE       and the app that shows it
python train/publish.py RUN --repo_id USER/NAME --dry_run --space_dir DIR  the app in a folder, without the Hub

The token is that of `hf auth login`, or HF_TOKEN. Stopped or failed, the same command sends only what is missing.
Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

from cli.parser import OneLineErrors
from cli.script import run_script

LICENSE = "apache-2.0"


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python train/publish.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run", type=Path, help="the run directory")
    for name, settings in {
        "repo_id": {"required": True, "metavar": "USER/NAME", "help": "the model's name on the Hub, made if missing"},
        "space": {"metavar": "USER/SPACE", "help": "publish the app too, as a Space that shows the model"},
        "space_dir": {"type": Path, "metavar": "DIR", "help": "write the app's folder there, as it is on a Space"},
        "private": {"action": "store_true", "help": "what is made is private"},
        "revision": {"metavar": "BRANCH", "help": "the model's branch, made where missing; main when left out"},
        "license": {"default": LICENSE, "help": f"the model's licence as the Hub calls it; {LICENSE} when left out"},
        "dry_run": {"action": "store_true", "help": "check and list all, send nothing; without token and network"},
        "json": {"action": "store_true", "help": "print what was published on standard output, nothing else there"},
    }.items():
        parser.add_argument(*dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]), **settings)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    args = parse_args(argv)
    # After parsing: these import torch.
    from train.publishing.command import publish
    from train.publishing.upload import Target

    return publish(
        args.run,
        Target(repo_id=args.repo_id, private=args.private, revision=args.revision),
        space=Target(repo_id=args.space, kind="space", private=args.private) if args.space else None,
        space_dir=args.space_dir,
        license=args.license,
        dry_run=args.dry_run,
        as_json=args.json,
    )


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
