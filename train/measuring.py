"""How reliable a run's answers are, measured of its saved model and added to its metrics.json."""

import traceback

from cli.errors import UserError
from cli.processes import say
from cli.table import table
from data.corpora import Corpus
from eval.predictor import Predictor
from eval.reliability import asked
from eval.reliability import measure as measure_risks
from eval.run_directory import RunDirectory, read_metrics, write_json
from eval.subject import Subject
from eval.verdicts import RELIABILITY
from train.arguments import RunArguments
from train.config import one_line

OTHER_CASES = 1000
"""Added to the seed of a run: its cases are none that an evaluation shows, on which rules and words were made."""


def measure(args: RunArguments, run: RunDirectory, corpus: Corpus, seed: int) -> dict:
    """Measure a finished run by the risks that --measure names, on the rows of `corpus`; one process does.

    seed: that of the run, from which its cases are drawn.
    Returns what it adds to metrics.json, {"reliability": {figure: estimate}}; nothing where it fails, which is said:
    the run has its model and its other figures.
    """
    try:
        subject = Subject(str(run.path), Predictor.load(str(run.path)), corpus, run=run, on_own_corpus=True)
        own = asked(subject, answers=args.answers, remember=args.remember, seed=OTHER_CASES + seed)
        found = measure_risks(own, args.risks)
        figures = {name: estimate.to_dict() for name, estimate in found.items()}
        write_json(run.metrics, read_metrics(run.metrics) | {RELIABILITY: figures})
    except Exception as error:
        if not isinstance(error, UserError):
            traceback.print_exc()
        reason = one_line(error) or type(error).__name__
        say(f"The run is whole, but {args.measure} could not be measured ({reason}): the same command tries again.\n")
        return {}
    say(f"{reliability_table(figures)}\n")
    return {RELIABILITY: figures}


def reliability_table(figures: dict) -> str:
    """The figures of reliability, each with its 95% interval and how many cases it rests on."""
    rows = []
    for name, estimate in figures.items():
        value, low, high = (estimate[key] for key in ("value", "low", "high"))
        interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
        rows.append([name, "undefined" if value is None else f"{value:.3f}{interval}", f"{estimate['n']:,}"])
    return table(["reliability", "95% interval", "n"], rows)
