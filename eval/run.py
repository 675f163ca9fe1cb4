"""Evaluate a model: metrics, calibration, errors, probes, bias, wording, consistency and the rest, in one report.

python eval/run.py runs/quickstart                            a run, on the corpus it was trained for
python eval/run.py runs/quickstart --corpus imdb              on another corpus
python eval/run.py USER/MODEL --corpus sst2 --output_dir DIR  any sentiment classifier of the Hub
python eval/run.py runs/a --against runs/b                    two models on the same rows
accelerate launch eval/run.py runs/quickstart                 the rows split over processes
"""

import argparse
import contextlib
import difflib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from cli.errors import UsageError, UserError
from cli.parser import OneLineErrors
from cli.script import run_script
from eval.parts import PART_NAMES


class _Parser(OneLineErrors, argparse.ArgumentParser):
    pass


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = _Parser(
        prog="python eval/run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", help="a run of train/run.py, a model folder or a Hub id")
    add("--corpus", help="reviews, imdb or sst2; the run's own when left out")
    add("--data_dir", help="folder with the corpus as csv, tsv, jsonl or parquet")
    add("--output_dir", type=Path, help="where the report goes; MODEL/evaluation when left out")
    add("--against", metavar="MODEL", help="a second model, compared on the same rows")
    add("--suite", type=Path, metavar="FILE", help="own behavioural tests as JSONL (docs/suites.md)")
    neutral = "probabilities of POSITIVE that count as neutral in a probe; 1/3 to 2/3 when left out"
    add("--neutral_band", type=float, nargs=2, default=(1 / 3, 2 / 3), metavar=("LOW", "HIGH"), help=neutral)
    add("--checkpoints", action="store_true", help="score every checkpoint of the run too")
    add("--only", type=_part_names, metavar="PARTS", help=f"some of {','.join(PART_NAMES)}")
    add("--allow_overlap", action="store_true", help="go on although the model was trained on test rows")
    add("--threads", type=int, help="threads on a CPU; one a core when left out")
    add("--seed", type=int, default=0, help="of resamples, probes and edits; 0 or more")
    add("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    low, high = args.neutral_band
    if not 0 <= low < high <= 1:
        parser.error(f"--neutral_band is {low:g} {high:g}: two probabilities, the lower first")
    if args.threads is not None and args.threads < 1:
        parser.error(f"--threads is {args.threads}: it must be 1 or more")
    if args.seed < 0:
        parser.error(f"--seed is {args.seed}: it must be 0 or more")
    return args


def _part_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PART_NAMES:
            close = difflib.get_close_matches(name, PART_NAMES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(PART_NAMES)}"
            raise argparse.ArgumentTypeError(f"unknown part {name!r}: {hint}")
    if not names:
        raise argparse.ArgumentTypeError(f"names no part: there are {', '.join(PART_NAMES)}")
    return [name for name in PART_NAMES if name in names]


def main(args: argparse.Namespace) -> dict:
    """Measure every part that was asked for, write it down, and write the report; returns what --json prints."""
    # After parsing, so that --help and a mistyped flag answer at once.
    import datasets
    import torch
    import transformers
    from accelerate import PartialState

    from cli.processes import is_main_process, say, use_cpu_threads
    from eval.model_card import write_model_card
    from eval.report import finished_parts, write_report
    from eval.subject import load_subject

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    PartialState(cpu=not torch.accelerator.is_available())
    use_cpu_threads(args.threads)
    folder = output_folder(args)
    progress = progress_bars()
    subject = load_subject(
        args.model,
        corpus=args.corpus,
        data_dir=args.data_dir,
        against=args.against,
        allow_overlap=args.allow_overlap,
        threads=args.threads,
        progress=progress,
    )
    if args.output_dir is None and subject.run and not subject.on_own_corpus:
        folder /= subject.corpus.name
    about = subject.describe()
    if is_main_process():
        open_folder(folder, about)
    say(f"{subject.name} on {len(subject.corpus.test):,} test rows of {subject.corpus.name}")
    try:
        measure(args, subject, folder, progress)
    except KeyboardInterrupt:
        if is_main_process() and finished_parts(folder):
            write_report(folder, about)
        say(f"\nstopped: finished parts stay in {folder}, --only NAME,… measures the others")
        raise
    if not is_main_process():
        return {}
    if not (parts := finished_parts(folder)):
        raise UserError("nothing was measured: comparison needs --against, checkpoints needs --checkpoints")
    summary = write_report(folder, about)
    if args.output_dir is None and subject.run and subject.on_own_corpus:
        write_model_card(subject.run)
    say(f"\n{summary}\n\n{folder / 'report.html'} is the whole report.")
    return {"about": about, "summary": asdict(summary), "metrics": parts.get("metrics")}


def output_folder(args: argparse.Namespace) -> Path:
    """Where the report goes; mistakes in a path are found before the work."""
    from eval.probes.suite import open_suite

    if args.suite:
        open_suite(args.suite)
    if args.output_dir:
        return args.output_dir
    if not Path(args.model).is_dir():
        raise UsageError(f"{args.model} is no folder: say with --output_dir where its report goes")
    return Path(args.model) / "evaluation"


def open_folder(folder: Path, about: dict) -> None:
    """Write down what is judged; parts that were measured on another model or other rows go: a report never mixes."""
    from eval.evidence import remove_evidence
    from eval.run_directory import read_json, write_json

    path = folder / "about.json"
    old = read_json(path) if path.is_file() else about
    if any(old.get(key) != about[key] for key in ("weights", "rows", "overlap")):
        for name in PART_NAMES:
            (folder / f"{name}.json").unlink(missing_ok=True)
        remove_evidence(folder)
    write_json(path, about)


def progress_bars():
    """A function that shows on a terminal how far a part is; elsewhere it shows nothing."""
    from tqdm import tqdm

    from cli.processes import is_main_process
    from eval.subject import no_progress

    if not (is_main_process() and sys.stderr.isatty()):
        return no_progress
    return lambda items, name, total=None: tqdm(items, desc=name, total=total, leave=False, position=1)


def measure(args: argparse.Namespace, subject, folder: Path, progress) -> None:
    """Run the parts one after the other; each is written as soon as it is finished."""
    from tqdm import tqdm

    from cli.processes import is_main_process, say
    from eval.parts import load_part
    from eval.report import save_part
    from eval.subject import Options

    options = Options(
        suite=args.suite,
        neutral_band=tuple(args.neutral_band),
        checkpoints=args.checkpoints,
        evidence=folder if args.output_dir is None and subject.on_own_corpus else None,
        seed=args.seed,
        progress=progress,
    )
    shown = is_main_process() and sys.stderr.isatty()
    with tqdm(args.only or PART_NAMES, unit="part", leave=False, disable=not shown) as names:
        for name in names:
            names.set_description(name)
            start = time.perf_counter()
            result = load_part(name).measure(subject, options)
            if is_main_process() and result is not None:
                save_part(folder, name, result)
                if not shown:
                    say(f"{name:12}{time.perf_counter() - start:6.1f} s")


def cli() -> int:
    args = parse_args()
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        result = main(args)
    if args.json:
        from cli.processes import say

        say(json.dumps(result))
    return 0


if __name__ == "__main__":
    run_script(cli)
