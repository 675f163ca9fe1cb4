"""Fill in a document whose figures are read from committed results, and draw its pictures.

python eval/document.py docs/templates/safety_reliability.md        docs/safety_reliability.md and its pictures
python eval/document.py docs/templates/*.md                         all of them

A template is Markdown with figures in braces: {{ study("memory").arm.effect }}. No figure is typed by hand.
Exit status: 0 written, 1 a source is missing or has not what the template asks for, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from cli.parser import OneLineErrors
from cli.script import run_script


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python eval/document.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("templates", type=Path, nargs="+", metavar="TEMPLATE", help="a file of docs/templates")
    return parser.parse_args(argv)


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    # After parsing, so that --help and a mistyped flag answer at once.
    from eval.documents.fill import write

    for template in args.templates:
        print(write(template))


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
