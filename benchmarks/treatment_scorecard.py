"""How often a treatment tells the cause of swings: runs with a planted cause, and healthy ones treated by mistake.

python benchmarks/treatment_scorecard.py --workers 2      trains, treats and scores; killed, it goes on

20 runs swing by a rate that is too high (7), by batches that are too small (7), or by both (6); 10 are healthy and are
treated with --verdict oscillation. What is planted stands in benchmarks/treatment/recipes.py. Before anything is
treated, every label is checked by runs with and without the cause; what does not do as it says is left out.
"""

import argparse
import csv
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

WORK = Path(__file__).parents[1] / "runs" / "treatment_scorecard"
RESULTS = Path(__file__).parent / "results"
NAME = "treatment_scorecard"
FIELDS = ("key", "planted", "label", "told", "right", "diagnosis", "swing", "level", "lowered", "enlarged", "seconds")
ARMS = ("as_it_was", "larger_batches", "lower_rate", "both")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, of one thread each")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table and the printed text")
    parser.add_argument("--seed", type=int, default=0, help="added to the seeds of all runs: another score")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    from benchmarks.treatment.cohort import HEALTHY_RUNS, SICK_RUNS, candidates, chosen, reasons

    args = parse_args(argv)
    args.work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ProcessPoolExecutor(max(1, args.workers), mp_context=get_context("spawn"), initializer=start_worker) as pool:
        try:
            looked = work_off(pool, partial(look, args.work, args.seed), list(candidates()), "run")
            selected = chosen(looked)
            told = work_off(pool, partial(treat, args.work), selected, "treatment")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    rows = [row_of(key, looked[key], told[key]) for key in selected]
    text = scored(rows, reasons(looked), SICK_RUNS, HEALTHY_RUNS)
    print(f"\n{text}")
    args.results.mkdir(parents=True, exist_ok=True)
    write_rows(args.results / f"{NAME}.csv", rows)
    (args.results / f"{NAME}.txt").write_text(text, encoding="utf-8")


# In a worker


def start_worker() -> None:
    """One thread, and the end of the command is its end."""
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def look(work: Path, seed: int, key: str) -> dict:
    """Train a candidate."""
    from benchmarks.treatment.cohort import candidates
    from benchmarks.treatment.treating import train_and_look

    return train_and_look(candidates(seed)[key], work / key, work)


def treat(work: Path, key: str) -> dict:
    """Have the cause told of a run that was trained."""
    from benchmarks.treatment.treating import tell_cause

    return tell_cause(work / key)


# In the command


def work_off(pool: ProcessPoolExecutor, one: Callable[[str], dict], keys: Sequence[str], what: str) -> dict[str, dict]:
    """What comes of each key, said as it goes on."""
    start, found = time.monotonic(), {}
    for number, (key, done) in enumerate(zip(keys, pool.map(one, keys), strict=True), 1):
        found[key] = done
        left = (time.monotonic() - start) / number * (len(keys) - number) / 60
        said = done.get("cause", f"swing {done.get('swing', float('nan')):.3g}")
        print(f"{what} {number}/{len(keys)} {key}: {said}, {done['seconds']:.0f} s; {left:.0f} min to go", flush=True)
    return found


def row_of(key: str, looked: Mapping, told: Mapping) -> dict[str, object]:
    """A line of the table: what was planted, what was told, and the swing of each arm in nats."""
    from benchmarks.treatment.cohort import label_of, planted_of

    figures = dict(zip(ARMS, told["swings"].values(), strict=True))
    return {
        "key": key,
        "planted": planted_of(key),
        "label": label_of(key),
        "told": told["cause"],
        "right": told["cause"] == label_of(key),
        "diagnosis": looked["diagnosis"],
        "swing": f"{looked['swing']:.4g}",
        "level": f"{looked['level']:.4g}",
        "lowered": told["times"]["lowered"],
        "enlarged": told["times"]["enlarged"],
        "seconds": told["seconds"],
    } | {name: f"{value:.4g}" if value is not None else "" for name, value in figures.items()}


def write_rows(path: Path, rows: Sequence[Mapping]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*FIELDS, *ARMS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def scored(rows: Sequence[Mapping], left_out: Mapping[str, str], sick_runs: int, healthy_runs: int) -> str:
    """The scorecard as text."""
    from benchmarks.treatment.recipes import CAUSES, HEALTHY
    from cli.table import table
    from eval.metrics import proportion
    from eval.treatment.causes import NOT_CONFIRMED

    sick, healthy = ([row for row in rows if (row["planted"] == HEALTHY) == well] for well in (False, True))
    right = sum(row["right"] for row in sick)
    alarms = sum(row["told"] != NOT_CONFIRMED for row in healthy)
    lines = [
        f"{right} of {len(sick)} causes are told right ({_interval(proportion(right, len(sick)))}); "
        f"{alarms} of {len(healthy)} healthy runs get a cause ({_interval(proportion(alarms, len(healthy)))})"
    ]
    if (len(sick), len(healthy)) != (sick_runs, healthy_runs):
        lines.append(f"{sick_runs} and {healthy_runs} were wanted; too few candidates do as their label says")
    verdicts = [*CAUSES.values(), NOT_CONFIRMED]
    counts = [
        [planted, *(sum(row["planted"] == planted and row["told"] == told for row in rows) for told in verdicts)]
        for planted in (*CAUSES, HEALTHY)
    ]
    lines += ["", table(["planted", *verdicts], [[str(cell) for cell in row] for row in counts]), ""]
    columns = ["run", "told", *(name.replace("_", " ") for name in ARMS)]
    shown = [
        [row["key"], f"{row['told']}{'' if row['right'] else ' (wrong)'}", *(row[a] for a in ARMS)] for row in rows
    ]
    heading = "The swing of the validation loss in nats, a geometric mean over the seeds (2% of the level at least):"
    lines += [heading, table(columns, shown), ""]
    lines += ["Left out before anything was treated:", *(f"  {key}: {why}" for key, why in left_out.items())]
    return "\n".join(lines) + "\n"


def _interval(share) -> str:
    return f"95% interval {share.low:.0%} to {share.high:.0%}"


if __name__ == "__main__":
    main()
