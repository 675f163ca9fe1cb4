"""Say what is wrong with a run, since when, why, and what to do: from its log alone, in seconds.

python eval/diagnose.py runs/quickstart                 a run; diagnosis.json, with an incident.md, goes into it
python eval/diagnose.py trainer_state.json              of any Hugging Face Trainer; nothing is written
python eval/diagnose.py CURVES.csv --out DIR            a row a step or epoch: train_loss, eval_loss, any metric
python eval/diagnose.py GRADIENTS.csv --order output    gradient magnitudes by layer, the first one next to the output

Exit status: 0 judged, whatever the verdict, 1 the log cannot be read, 2 wrong usage.
"""

import argparse
import contextlib
import json
import os
import shlex
import sys
import textwrap
import warnings
from pathlib import Path
from typing import NoReturn

from cli.errors import UsageError
from cli.script import run_script

PLOTS = "diagnosis"
"""The folder of the plots, beside incident.md."""
SHOWN = {
    "loss": "Training and evaluation loss with the onsets",
    "metrics": "Evaluation metrics with the onsets",
    "gradients": "Gradient norms by layer and step",
    "layers": "Gradient norms by layer at the start, halfway and at the end",
}
"""The plots and what they show."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (--help lists every flag)")


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
    from eval.diagnosis.document import document
    from eval.diagnosis.reading import read_history
    from eval.diagnosis.verdict import diagnose
    from eval.run_directory import RunDirectory, is_being_trained

    history = read_history(args.log, order=args.order)
    run = RunDirectory(args.log.parent if args.log.name == "journal.jsonl" else args.log)
    is_run = run.journal.is_file()
    diagnosis = diagnose(history, under_way=is_run and is_being_trained(run) is True)
    content = document(diagnosis)
    say(json.dumps(content) if args.json else told(diagnosis, history))
    if folder := args.out or (run.path if is_run else None):
        report = write(folder, diagnosis, history, content, commands_of(args, run, diagnosis))
        if report and not args.json:
            say(f"\n{report} is the whole report.")
    return 0


def say(text: str) -> None:
    """Print; where the reader has gone, as after `| head`, the work goes on in silence."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(diagnosis, history) -> str:
    """What is printed: the verdict in one line, what it rests on, the findings, and what to log."""
    from eval.diagnosis.finding import Name
    from eval.diagnosis.words import judged_by, named, since, weight

    findings = diagnosis.findings
    if diagnosis.verdict == Name.HEALTHY:
        lines = ["healthy: " + ("nothing was found to be wrong" if not findings else "nothing is surely wrong")]
    elif diagnosis.verdict == Name.INSUFFICIENT_EVIDENCE:
        lines = ["insufficient evidence: the log cannot tell"]
    else:
        lines = [f"{named(findings[0].name)}{since(findings[0])}, {weight(findings[0])}"]
    lines += _rows([("judged by", judged_by(history)), *(("note", note) for note in history.notes)])
    for number, finding in enumerate(findings, start=1):
        alone = len(findings) == 1 and finding.name == diagnosis.verdict
        heading = f"{number}. {named(finding.name)}{since(finding)}, {weight(finding)}"
        lines += ["", *([] if alone else [heading]), *_told_of(finding)]
    if diagnosis.insufficient:
        lines += ["", "To know more, log", *_rows(("", what) for what in diagnosis.insufficient)]
    return "\n".join(lines)


def _told_of(finding) -> list[str]:
    from eval.diagnosis.words import SYMPTOMS, figures, in_a_row, named

    rows = [("symptom", SYMPTOMS[finding.name]), ("numbers", in_a_row(figures(finding)))]
    if finding.causes:
        cause = finding.causes[0]
        rows.append(("cause", cause.cause + (f" ({'; '.join(cause.for_)})" if cause.for_ else "")))
    rows += [("not", f"{named(other.name)}: {other.why}") for other in finding.ruled_out]
    rows += [("today", action.action + (f": {action.flags}" if action.flags else "")) for action in finding.today]
    rows += [("next week", later) for later in finding.next_week]
    rows += [("confirm by", what) for what in finding.confirm_by]
    return _rows(rows)


def _rows(rows) -> list[str]:
    """Texts beside their headings, wrapped; a heading that comes again is left out."""
    from eval.diagnosis.words import line

    lines, last = [], None
    for heading, text in rows:
        shown = "" if heading == last else heading
        folded = textwrap.wrap(line(text), 100, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {shown if index == 0 else '':12}{part}" for index, part in enumerate(folded)]
        last = heading
    return lines


def commands_of(args: argparse.Namespace, run, diagnosis) -> dict[str, str]:
    """What an incident says can be typed next, {what it does: the command}."""
    order = f" --order {args.order}" if args.order else ""
    commands = {"The diagnosis again": f"python eval/diagnose.py {shlex.quote(str(args.log))}{order}"}
    remedies = [action.flags for finding in diagnosis.findings[:1] for action in finding.today]
    if run.config.is_file() and remedies and remedies[0].startswith("--"):
        path = run.path if run.path.name not in ("", "..") else run.path.resolve()
        settings, mended = shlex.quote(str(run.config)), shlex.quote(f"{path}-mended")
        commands["The run with the first remedy"] = (
            f"accelerate launch train/run.py --config {settings} --output_dir {mended} {remedies[0]}"
        )
    return commands


def write(folder: Path, diagnosis, history, content: dict, commands: dict[str, str]) -> Path | None:
    """Write the diagnosis into a folder; returns the path of its incident.md, if it has one.

    What an earlier diagnosis left there goes. diagnosis.json comes last: whoever sees it finds what it is about.
    """
    from eval.diagnosis.incident import NO_INCIDENT, incident
    from eval.run_directory import RunDirectory, remove, write_bytes, write_json, write_text

    files = RunDirectory(folder)
    if diagnosis.verdict in NO_INCIDENT:
        pictures = {}
        remove(files.incident)
    else:
        pictures = draw(history, diagnosis.findings)
        for name, picture in pictures.items():
            write_bytes(folder / PLOTS / f"{name}.png", picture)
        shown = {f"{PLOTS}/{name}": SHOWN[name] for name in pictures}
        write_text(files.incident, incident(diagnosis, history, plots=shown, commands=commands))
    for name in SHOWN.keys() - pictures.keys():
        remove(folder / PLOTS / f"{name}.png")
    with contextlib.suppress(OSError):
        # Only an empty one goes.
        (folder / PLOTS).rmdir()
    write_json(files.diagnosis, content)
    return None if diagnosis.verdict in NO_INCIDENT else files.incident


def draw(history, findings) -> dict[str, bytes]:
    """The plots of what the log holds as PNG, by names of SHOWN."""
    from eval.diagnosis.verdict import OF_GRADIENTS
    from eval.pages import png
    from eval.plots.diagnosis import draw_loss, draw_metrics

    figures = {"loss": draw_loss(history, findings), "metrics": draw_metrics(history, findings)}
    if history.gradients is not None and len(history.gradients.step):
        from eval.plots.gradients import draw_heat_map, draw_profile, layer_by_step

        data = layer_by_step(history.gradients)
        onset = findings[0].onset
        figures["gradients"] = draw_heat_map(data, onset and onset.step)
        if findings[0].name in OF_GRADIENTS:
            figures["layers"] = draw_profile(data)
    with warnings.catch_warnings():
        # Names in a script that the font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        return {name: png(figure) for name, figure in figures.items() if figure}


if __name__ == "__main__":
    run_script(lambda: main(sys.argv[1:]))
