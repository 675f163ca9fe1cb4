"""How much of a study's wall time is training: the whole command, from its start to its report, with one worker.

python benchmarks/study_overhead.py                          16 runs of about 20 s, 7 minutes on 2 idle cores
python benchmarks/study_overhead.py --cells 4 --seconds 5    in small

| part    | what                                                                                |
|---------|-------------------------------------------------------------------------------------|
| train   | the training loops, `training_seconds` in runs.csv                                  |
| run     | the rest of the runs: texts, tokens, network, evaluation, saving                    |
| between | from the end of one run to the begin of the next: the database                      |
| start   | until the first run begins: imports of the command and of its worker, the database  |
| end     | from the end of the last run: the table, the analysis, the report                   |
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import optuna
import yaml

from cli.errors import UserError
from cli.script import run_script

ROOT = Path(__file__).parents[1]
STEPS_A_SECOND = 9
"""What MiniLM-L6 makes of batches of 32 short reviews on two idle cores."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--cells", type=int, default=16, help="runs, an even number")
    parser.add_argument("--seconds", type=float, default=20, help="of training in each, about")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    if args.cells < 4 or args.cells % 2 or args.seconds <= 0:
        parser.error("it takes an even number of runs, 4 or more, of some seconds each")
    return args


def study(cells: int, seconds: float) -> dict:
    """Two levels with cells / 2 seeds each; a run ends after as many steps as take about `seconds`."""
    return {
        "settings": {
            "max_steps": max(1, round(seconds * STEPS_A_SECOND)),
            "max_eval_samples": 256,
            "eval_strategy": "no",
            "save_strategy": "no",
            "load_best_model_at_end": False,
            "report_to": "none",
        },
        "seeds": cells // 2,
        "metric": "test.accuracy",
        "factors": {"warmup_steps": [0.1, 0.0]},
    }


def measure(cells: int, seconds: float, folder: Path) -> dict[str, float]:
    """Run the study in `folder`; the seconds of each part and `wall`, their sum."""
    file = folder / "overhead.yaml"
    file.write_text(yaml.safe_dump(study(cells, seconds)))
    begin = datetime.now()
    started = time.monotonic()
    command = [sys.executable, "train/study.py", str(file), "--study_dir", str(folder / "study")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    wall = time.monotonic() - started
    if done.returncode:
        raise UserError(f"the study ended with status {done.returncode}: {done.stderr.strip()}")
    with open(folder / "study" / "runs.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = f"sqlite:///{folder / 'study' / 'study.db'}"
    trials = optuna.load_study(study_name="overhead", storage=storage).get_trials(
        states=(optuna.trial.TrialState.COMPLETE,)
    )
    return parts(rows, [(trial.datetime_start, trial.datetime_complete) for trial in trials], begin, wall)


def parts(
    rows: Sequence[dict], spans: Sequence[tuple[datetime, datetime]], begin: datetime, wall: float
) -> dict[str, float]:
    """The parts of a wall time that began at `begin`, of runs one after the other that lasted `spans`."""
    train = sum(float(row["training_seconds"]) for row in rows)
    start = (min(first for first, _ in spans) - begin).total_seconds()
    busy = sum((last - first).total_seconds() for first, last in spans)
    last = (max(last for _, last in spans) - begin).total_seconds()
    return {
        "train": train,
        "run": busy - train,
        "between": last - start - busy,
        "start": start,
        "end": wall - last,
        "wall": wall,
    }


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args.cells, args.seconds, Path(folder))
    share = found["train"] / found["wall"]
    if args.json:
        print(json.dumps({"cells": args.cells, "share": share, "seconds": found}))
        return
    for name, seconds in found.items():
        print(f"{name:8} {seconds:7.1f} s {seconds / found['wall']:6.1%}")
    print(f"\n{share:.1%} of the wall time of {args.cells} runs of {found['train'] / args.cells:.1f} s is training.")


if __name__ == "__main__":
    run_script(main)
