"""Say what is wrong with a run, since when, why, and what to do: from its log alone, in seconds.

python eval/diagnose.py runs/quickstart                 a run; diagnosis.json, with an incident.md, goes into it
python eval/diagnose.py trainer_state.json              of any Hugging Face Trainer; nothing is written
python eval/diagnose.py CURVES.csv --out DIR            a row a step or epoch: train_loss, eval_loss, any metric
python eval/diagnose.py GRADIENTS.csv --order output    gradient magnitudes by layer, the first one next to the output

Exit status: 0 judged, whatever the verdict, 1 the log cannot be read, 2 wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

from cli.parser import OneLineErrors
from cli.printing import say
from cli.script import run_script


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="python eval/diagnose.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("log", type=Path, help="a run directory, a trainer_state.json or other JSON log, or a CSV")
    add("--order", choices=["input", "output"], help="where the layers of a CSV of gradients begin")
    add("--out", type=Path, metavar="DIR", help="where the files go; into the run itself when left out")
    add("--json", action="store_true", help="print diagnosis.json on standard output, nothing else there")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    args = parse_args(argv)
    # After parsing, so that --help and a mistyped flag answer at once.
    from eval.diagnosis.document import commands_of, document, write
    from eval.diagnosis.incident import NO_INCIDENT
    from eval.diagnosis.reading import read_history
    from eval.diagnosis.telling import told
    from eval.diagnosis.verdict import diagnose
    from eval.run_directory import RunDirectory, is_being_trained

    history = read_history(args.log, order=args.order)
    run = RunDirectory(args.log.parent if args.log.name == "journal.jsonl" else args.log)
    is_run = run.journal.is_file()
    diagnosis = diagnose(history, under_way=is_run and is_being_trained(run) is True)
    say(json.dumps(document(diagnosis)) if args.json else told(diagnosis, history))
    if folder := args.out or (run.path if is_run else None):
        pictures = {}
        if diagnosis.verdict not in NO_INCIDENT:
            from eval.diagnosis.pictures import draw

            pictures = draw(history, diagnosis.findings)
        commands = commands_of(args.log, run, diagnosis, args.order)
        report = write(folder, diagnosis, history, commands=commands, pictures=pictures)
        if report and not args.json:
            say(f"\n{report} is the whole report.")
    return 0


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
