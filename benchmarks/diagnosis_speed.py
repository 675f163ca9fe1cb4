"""How long a diagnosis of 10^6 points takes: the whole command, from its start to its end, in processor time.

python benchmarks/diagnosis_speed.py                    every log three times, 2 minutes
python benchmarks/diagnosis_speed.py --points 10000     smaller ones
python benchmarks/diagnosis_speed.py --only nan         those with this in their name

The logs are made in a folder that goes again. A sick one is diagnosed with its report and plots written. Processor
time is the user's and the system's together, so that a busy machine changes little; the least of the rounds is told.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cli.errors import UserError
from cli.script import run_script

ROOT = Path(__file__).parents[1]
WANTED = 3.0
"""Seconds."""
EVERY = 100
"""Steps from evaluation to evaluation, and from recording to recording of the gradients."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--points", type=int, default=10**6, help="lines of every log")
    parser.add_argument("--rounds", type=int, default=3, help="times that every log is diagnosed")
    parser.add_argument("--only", default="", help="only logs with this in their name")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser.parse_args(argv)


def losses(points: int, fate: str = "falls") -> np.ndarray:
    """(points,) training losses: one that falls, one that is lost halfway, or one that turns."""
    at = np.linspace(0, 1, points)
    values = 0.2 + 2 * np.exp(-6 * at) + np.random.default_rng(0).normal(0, 0.05, points)
    if fate == "nan":
        values[points // 2 :] = np.nan
    return values


def rows(points: int, fate: str = "falls") -> Iterator[dict]:
    """What a Trainer logs; an evaluation every EVERY steps, which turns halfway where it overfits."""
    for step, loss in enumerate(losses(points, fate).tolist(), start=1):
        epoch = step / points * 3
        yield {"epoch": epoch, "grad_norm": 1 + loss, "learning_rate": 5e-5 * (1 - step / points), "loss": loss} | {
            "step": step
        }
        if step % EVERY == 0:
            at = step / points
            rise = 2 * max(at - 0.5, 0) if fate == "overfits" else 0.0
            noise = 0.01 * np.sin(step)
            yield {"epoch": epoch, "eval_loss": 0.3 + 2 * np.exp(-6 * at) + rise + noise, "step": step} | {
                "eval_accuracy": 0.9 - 0.3 * np.exp(-6 * at) - rise / 5 + noise
            }


def write_state(path: Path, points: int, fate: str = "falls", change: Callable = dict, **options) -> None:
    content = {"log_history": [change(row) for row in rows(points, fate)], "max_steps": points}
    path.write_text(json.dumps(content, **options))


def without_nan(row: dict) -> dict:
    """As strict JSON has it."""
    return {name: None if value != value else value for name, value in row.items()}


def as_strings(row: dict) -> dict:
    return {name: str(value) for name, value in row.items()}


def write_table(path: Path, points: int, fate: str = "falls") -> None:
    with open(path, "w") as file:
        file.write("step,epoch,train_loss,learning_rate,eval_loss,eval_accuracy\n")
        for row in rows(points, fate):
            cells = [row.get(name, "") for name in ("step", "epoch", "loss", "learning_rate")]
            cells += [row.get(name, "") for name in ("eval_loss", "eval_accuracy")]
            file.write(",".join(map(str, cells)) + "\n")


def write_run(path: Path, points: int, fate: str = "falls") -> None:
    """A run directory whose journal has a line a step, an evaluation and eight layers every EVERY steps."""
    path.mkdir()
    figures = ("norm", "mean_abs", "zero_fraction", "weight_norm", "update_norm")
    with open(path / "journal.jsonl", "w") as file:

        def write(kind: str, row: dict) -> None:
            places = {"kind": kind, "step": row.pop("step"), "epoch": row.pop("epoch")}
            spelled = {name.removeprefix("eval_"): "NaN" if cell != cell else cell for name, cell in row.items()}
            file.write(json.dumps(places | spelled) + "\n")

        for row in rows(points, fate):
            if "eval_loss" in row:
                layers = {f"block.{number}": dict.fromkeys(figures, 0.1 + number) for number in range(8)}
                record = {"step": row["step"], "epoch": row["epoch"], "clipped": False, "total": 1.0, "layers": layers}
                write("grad_norms", record)
            write("eval" if "eval_loss" in row else "train", row)


def write_gradients(path: Path, points: int) -> None:
    """A row a layer and step: ten layers whose gradient halves from layer to layer."""
    with open(path, "w") as file:
        file.write("step,depth,grad_norm\n")
        draw = np.random.default_rng(0).normal(0, 0.1, points)
        for number, noise in enumerate(draw.tolist()):
            file.write(f"{number // 10},{number % 10},{0.1 ** (number % 10) * np.exp(noise)}\n")


LOGS: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "CSV, healthy": ("log.csv", write_table),
    "CSV, nan from halfway on": ("log.csv", lambda path, points: write_table(path, points, "nan")),
    "CSV, overfits": ("log.csv", lambda path, points: write_table(path, points, "overfits")),
    "CSV of gradients, vanishing": ("gradients.csv", write_gradients),
    "JSON, healthy": ("trainer_state.json", lambda path, points: write_state(path, points, indent=2)),
    "JSON, nan from halfway on": ("trainer_state.json", lambda path, points: write_state(path, points, "nan")),
    "JSON, null for nan": (
        "trainer_state.json",
        lambda path, points: write_state(path, points, "nan", change=without_nan),
    ),
    "JSON, numbers as strings": (
        "trainer_state.json",
        lambda path, points: write_state(path, points, "overfits", change=as_strings),
    ),
    "journal, healthy": ("run", write_run),
    "journal, nan from halfway on": ("run", lambda path, points: write_run(path, points, "nan")),
    "journal, overfits": ("run", lambda path, points: write_run(path, points, "overfits")),
}
"""What each log is called, and what writes it."""


def processor_seconds(log: Path, out: Path) -> tuple[float, str]:
    """Seconds of processor time of one diagnosis, and the verdict; raises UserError where it fails."""
    command = [sys.executable, "eval/diagnose.py", str(log), "--json", "--out", str(out)]
    before = os.times()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    after = os.times()
    if done.returncode:
        raise UserError(f"the diagnosis failed: {done.stderr.strip()}")
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, json.loads(done.stdout)["verdict"]


def benchmark(args: argparse.Namespace) -> dict[str, dict]:
    """Diagnose every log in turn; returns seconds, bytes and the verdict by log."""
    results = {}
    for name, (file, write) in LOGS.items():
        if args.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            log, out = Path(folder) / file, Path(folder) / "out"
            write(log, args.points)
            told = [processor_seconds(log, out) for _ in range(args.rounds)]
            size = (log / "journal.jsonl" if log.is_dir() else log).stat().st_size
            plots = len(list(out.rglob("*.png")))
        seconds = [second for second, _ in told]
        results[name] = {
            "seconds": round(min(seconds), 2),
            "most": round(max(seconds), 2),
            "bytes": size,
            "verdict": told[0][1],
            "plots": plots,
        }
    return results


def describe(results: dict[str, dict]) -> str:
    lines = [f"{'log':30}{'size':>8}{'verdict':>22}{'plots':>7}{'processor time':>17}"]
    for name, row in results.items():
        late = "" if row["seconds"] < WANTED else f"  more than {WANTED:g} s"
        size = f"{row['bytes'] / 1e6:.0f} MB"
        lines.append(f"{name:30}{size:>8}{row['verdict']:>22}{row['plots']:>7}{row['seconds']:>15.2f} s{late}")
    return "\n".join(lines)


def main() -> None:
    args = parse_args()
    results = benchmark(args)
    print(json.dumps(results) if args.json else describe(results))


if __name__ == "__main__":
    run_script(main)
