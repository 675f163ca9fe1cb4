"""SST-2 from the embedded weights: accuracy on the 872 test sentences, mean of some seeds, and the time to it.

python benchmarks/sst2.py                     SST-2 from the Hub, 15 minutes a seed on one core
python benchmarks/sst2.py --data_dir DIR      SST-2 from a folder
python benchmarks/sst2.py --all_rows          train on the validation sentences too, for the last figure
python benchmarks/sst2.py --threads 1         torch threads of a training

The settings are those of train/configs/sst2.yaml, chosen on the validation split alone. With --all_rows that split goes
back into training (67,349 rows for 59,218): nothing is chosen any more, and the last model is scored. Runs that are
finished under --runs are read, not repeated.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

from cli.table import table
from eval.run_directory import RunDirectory, read_journal, read_metrics

ALL_ROWS = ["--cut_validation", "false", "--eval_strategy", "no", "--load_best_model_at_end", "false"]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, help="folder with SST-2's train and validation")
    parser.add_argument("--all_rows", action="store_true", help="train on all rows and choose nothing")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the runs are kept")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="torch threads of a training")
    return parser.parse_args()


def finished_run(args: argparse.Namespace, seed: int) -> RunDirectory:
    """The run of one seed; train/run.py leaves a finished one with the same settings as it is."""
    run = RunDirectory(args.runs.resolve() / f"sst2{'-all-rows' if args.all_rows else ''}-seed-{seed}")
    command = [sys.executable, "train/run.py", "--config", "train/configs/sst2.yaml", "--resume"]
    command += ["--seed", str(seed), "--output_dir", str(run.path)]
    command += ALL_ROWS if args.all_rows else []
    command += ["--data_dir", str(args.data_dir.resolve())] if args.data_dir else []
    command += ["--cpu_threads", str(args.threads)] if args.threads else []
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=Path(__file__).parents[1])
    return run


def minutes(run: RunDirectory) -> str:
    """The time that training took, unknown where it was taken up again."""
    events = {line["event"]: line for line in read_journal(run.journal) if line["kind"] == "event"}
    return "-" if "resume" in events else f"{events['train_end']['seconds'] / 60:.1f}"


def main(args: argparse.Namespace) -> None:
    rows, accuracies = [], []
    for seed in range(args.seeds):
        run = finished_run(args, seed)
        metrics = read_metrics(run.metrics)
        test = metrics["test"]["accuracy"]
        accuracies.append(test["value"])
        # Sentences the model was trained on say nothing.
        validation = "-" if args.all_rows else f"{metrics['validation']['accuracy']['value']:.4f}"
        interval = f"{test['value']:.4f} [{test['low']:.4f}, {test['high']:.4f}]"
        rows.append([str(seed), validation, interval, minutes(run)])
    print(table(["seed", "validation accuracy", "test accuracy", "minutes"], rows))
    spread = f", standard deviation {stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
    print(f"mean test accuracy {mean(accuracies):.4f}{spread}")


if __name__ == "__main__":
    main(parse_args())
