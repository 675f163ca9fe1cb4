"""How often a diagnosis is right: planted faults and healthy controls, ours against published rules.

python benchmarks/diagnosis_scorecard.py                        judges the traces in benchmarks/diagnosis/traces
python benchmarks/diagnosis_scorecard.py --collect --workers 2  trains what is missing of them; killed, it goes on

The runs are those of benchmarks/diagnosis/faults.py and healthy.py, the verdicts that count as right those of
labels.yaml, and what makes a control healthy stands in healthy.yaml.
"""

import argparse
import fnmatch
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from unittest.mock import patch

TRACES = Path(__file__).parent / "diagnosis" / "traces"
WORK = Path(__file__).parents[1] / "runs" / "diagnosis_scorecard"
OURS = "this project"
LOOKED_AT = {0, 1}
"""Seeds whose runs were looked at while the rules were written; docs/results.md says what came later."""
SURE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Values of eval.diagnosis.verdict.SURE that are tried on three architectures for the fourth."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collect", action="store_true", help="train the runs of which there is no trace")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, of one thread each")
    parser.add_argument("--only", default="*", help="pattern of the keys to collect: 'dead_relu-*', '*-mlp-0'")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for the journals of a collection")
    parser.add_argument("--traces", type=Path, default=TRACES, help="folder of faults.parquet and controls.parquet")
    return parser.parse_args(argv)


def planned() -> dict[str, dict]:
    """Every recipe by key, by the file its trace belongs into."""
    from benchmarks.diagnosis.faults import all_faulty
    from benchmarks.diagnosis.healthy import all_controls

    return {"faults": all_faulty(), "controls": all_controls()}


# Collecting


def collect(args: argparse.Namespace) -> int:
    """Train what is missing and write the traces; returns how many runs failed."""
    from benchmarks.diagnosis.collecting import done
    from benchmarks.diagnosis.traces import read_traces

    recipes = planned()
    kept = {name: read_traces(args.traces / f"{name}.parquet") for name in recipes}
    missing = [
        (name, key)
        for name, of_file in recipes.items()
        for key, recipe in of_file.items()
        if fnmatch.fnmatch(key, args.only)
        and not (key in kept[name] and kept[name][key].plan == recipe.plan)
        and not done(args.work / key, recipe)
    ]
    # Seed by seed, so that a collection that is cut short has some of everything.
    missing.sort(key=lambda one: one[1].rpartition("-")[2])
    print(f"{len(missing)} runs are missing", flush=True)
    args.work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start, failed = time.monotonic(), 0
    with ProcessPoolExecutor(max(1, args.workers), mp_context=get_context("spawn"), initializer=start_worker) as pool:
        tasks = [(name, key, args.work) for name, key in missing]
        try:
            for number, said in enumerate(pool.map(train_one, tasks), 1):
                failed += said.startswith("FAILED")
                left = (time.monotonic() - start) / number * (len(missing) - number) / 60
                print(f"{number}/{len(missing)} {said}, {left:.0f} minutes to go", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            pack(args, recipes, kept)
    return failed


def start_worker() -> None:
    """In a worker: one thread, and the end of the command is its end."""
    one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"

    import torch

    torch.set_num_threads(1)


def train_one(task: tuple[str, str, Path]) -> str:
    """Make one run in a warm process; returns a line on it."""
    from benchmarks.diagnosis.collecting import make_run

    name, key, work = task
    try:
        done = make_run(planned()[name][key], work / key, work)
    except Exception as error:
        return f"FAILED {key}: {' '.join(str(error).split())[:200]}"
    return f"{key}: {done['seconds']:.0f} s, {done['end'][:60]}"


def pack(args: argparse.Namespace, recipes: dict[str, dict], kept: dict[str, dict]) -> None:
    """Write the traces of all runs that were made, and of those that stood there already."""
    from benchmarks.diagnosis.collecting import done
    from benchmarks.diagnosis.traces import Trace, compact, write_traces
    from eval.run_directory import read_journal

    for name, of_file in recipes.items():
        traces = []
        for key, recipe in of_file.items():
            if found := done(args.work / key, recipe):
                records = compact(read_journal(args.work / key / "journal.jsonl"))
                traces.append(Trace(key=key, plan=found["plan"], records=records, seconds=found["seconds"]))
            elif key in kept[name] and kept[name][key].plan == recipe.plan:
                traces.append(kept[name][key])
        if traces:
            write_traces(args.traces / f"{name}.parquet", traces)


# Judging


def judge(trace) -> dict:
    """What each says of a trace: after the fact, with other values of SURE, and live."""
    from benchmarks.diagnosis.rivals import RIVALS, verdicts
    from benchmarks.diagnosis.scoring import first_alarm
    from eval.diagnosis import verdict

    history = trace.history()
    by_sure = {}
    for sure in SURE:
        # The one constant of ours that is tuned here; all others come from logs that are not among these.
        with patch.object(verdict, "SURE", sure):
            by_sure[sure] = verdict.diagnose(history).verdict
    said = {OURS: (verdict.diagnose(history).verdict,)} | {tool: verdicts(tool, history) for tool in RIVALS}
    return {"history": history, "said": said, "by_sure": by_sure, "live": first_alarm(history)}


def score(args: argparse.Namespace) -> None:
    from benchmarks.diagnosis.rivals import RIVALS
    from benchmarks.diagnosis.traces import read_traces

    faults, controls = (read_traces(args.traces / f"{name}.parquet") for name in ("faults", "controls"))
    if not faults or not controls:
        sys.exit(f"error: {args.traces} lacks traces: collect them with --collect")
    traces = [*faults.values(), *controls.values()]
    with ProcessPoolExecutor(max(1, args.workers), initializer=one_thread) as pool:
        judged = dict(zip((t.key for t in traces), pool.map(judge, traces, chunksize=8), strict=True))
    cases = cases_of(faults, controls, judged)
    clinical = [case for case in cases if not case.subclinical]

    say_inventory(cases, controls, judged)
    for tool in (OURS, *RIVALS):
        say_score(tool, clinical, judged)
    for tool in RIVALS:
        say_comparison(tool, clinical, judged)
    say_alarms(clinical, judged)
    say_subclinical(cases, judged)
    say_by_architecture(clinical, judged)
    say_by_seed(clinical, judged)
    say_by_fault(clinical, judged)
    say_confusion(clinical, judged)
    say_misses(clinical, judged)


def cases_of(faults: dict, controls: dict, judged: dict) -> list:
    """Each run with what may be said of it.

    Left out are faulty runs without a twin, which cannot be judged, and controls that are not healthy by their rule.
    """
    from benchmarks.diagnosis.healthy import why_not_healthy
    from benchmarks.diagnosis.scoring import Case, accepted_of, is_subclinical
    from eval.diagnosis.finding import Name

    cases = []
    for trace in [*faults.values(), *controls.values()]:
        control = trace.key in controls
        twin = f"plain-{trace.architecture}-{trace.seed}"
        if not control and twin not in judged:
            print(f"{trace.key} has no healthy twin yet: left out")
            continue
        if control and why_not_healthy(judged[trace.key]["history"]):
            continue
        cases.append(
            Case(
                key=trace.key,
                cell=trace.key.rpartition("-")[0],
                architecture=trace.architecture,
                seed=trace.seed,
                accepted=(Name.HEALTHY,) if control else accepted_of(trace.of),
                control=control,
                subclinical=not control and is_subclinical(judged[trace.key]["history"], judged[twin]["history"]),
            )
        )
    return cases


def answers(cases: list, judged: dict, tool: str = OURS) -> list:
    return [judged[case.key]["said"][tool] for case in cases]


def say_inventory(cases: list, controls: dict, judged: dict) -> None:
    from benchmarks.diagnosis.healthy import why_not_healthy
    from benchmarks.diagnosis.scoring import SILENT

    planted = [case for case in cases if not case.control]
    print(
        f"{len(planted)} runs with a fault ({len({case.cell for case in planted})} cells), of which "
        f"{sum(case.subclinical for case in planted)} are subclinical and count apart; "
        f"{len(cases) - len(planted)} healthy controls"
    )
    broken = {key: why for key in controls if (why := why_not_healthy(judged[key]["history"]))}
    silent = sum(judged[key]["said"][OURS][0] in SILENT and not judged[key]["live"] for key in broken)
    print(
        f"left out are {len(broken)} runs that were meant as controls and are not healthy by the rule of healthy.yaml, "
        f"whatever is said of them (of {silent} nothing)"
    )


def say_score(tool: str, cases: list, judged: dict) -> None:
    from benchmarks.diagnosis.scoring import SILENT, interval, macro_f1, resampled_f1

    said = answers(cases, judged, tool)
    low, high = interval(resampled_f1(cases, said))
    right = sum(case.right(names) for case, names in zip(cases, said, strict=True))
    alarms = sum(case.control and names[0] not in SILENT for case, names in zip(cases, said, strict=True))
    controls = sum(case.control for case in cases)
    print(
        f"{tool:18} macro-F1 {macro_f1(cases, said):.3f} [{low:.3f}, {high:.3f}], right {right} of {len(cases)}, "
        f"healthy called sick {alarms} of {controls}"
    )


def say_comparison(tool: str, cases: list, judged: dict) -> None:
    from benchmarks.diagnosis.scoring import interval, macro_f1, paired, resampled_f1

    ours, theirs = answers(cases, judged), answers(cases, judged, tool)
    low, high = interval(resampled_f1(cases, ours) - resampled_f1(cases, theirs))
    right = [[case.right(names) for case, names in zip(cases, said, strict=True)] for said in (ours, theirs)]
    only_ours, only_theirs, p_value = paired(*right)
    difference = macro_f1(cases, ours) - macro_f1(cases, theirs)
    print(
        f"ahead of {tool}: macro-F1 {difference:+.3f} [{low:+.3f}, {high:+.3f}]; right alone {only_ours} to "
        f"{only_theirs}, McNemar p = {p_value:.2g}"
    )


def say_alarms(cases: list, judged: dict) -> None:
    from benchmarks.diagnosis.scoring import SILENT

    controls, faults = ([c for c in cases if c.control == control] for control in (True, False))
    live = [case for case in controls if judged[case.key]["live"]]
    either = {c.key for c in live} | {c.key for c in controls if judged[c.key]["said"][OURS][0] not in SILENT}
    print(f"live, by callbacks/diagnosis.py's looks: an alarm in {len(live)} of {len(controls)} healthy runs")
    print(f"live or after the fact: {len(either)} of {len(controls)}")
    for case in controls:
        if case.key in either:
            print(f"  {case.key}: {judged[case.key]['said'][OURS][0]} in the end, live {live_text(judged[case.key])}")
    caught = sorted(judged[c.key]["live"][0] for c in faults if judged[c.key]["live"])
    if caught:
        print(f"live alarm in {len(caught)} of {len(faults)} sick runs, half of them by {caught[len(caught) // 2]:.0%}")


def live_text(said: dict) -> str:
    return f"{said['live'][1]} at {said['live'][0]:.0%}" if said["live"] else "nothing"


def say_subclinical(cases: list, judged: dict) -> None:
    from eval.diagnosis.finding import Name

    apart = [case for case in cases if case.subclinical]
    said = answers(apart, judged)
    healthy = sum(names[0] == Name.HEALTHY for names in said)
    own = sum(case.right(names) for case, names in zip(apart, said, strict=True))
    print(f"subclinical: {healthy} called healthy, {own} by their fault, {len(apart) - healthy - own} otherwise")


def say_by_architecture(cases: list, judged: dict) -> None:
    """Each architecture under the constants as they are, and under the SURE that is best on the others."""
    from benchmarks.diagnosis.scoring import macro_f1

    for architecture in dict.fromkeys(case.architecture for case in cases):
        held_out = [case for case in cases if case.architecture == architecture]
        others = [case for case in cases if case.architecture != architecture]
        by_sure = {sure: macro_f1(others, [(judged[case.key]["by_sure"][sure],) for case in others]) for sure in SURE}
        # Of equals the one that is nearest to what it is.
        best = max(SURE, key=lambda sure: (round(by_sure[sure], 6), -abs(sure - 0.5)))
        tuned = macro_f1(held_out, [(judged[case.key]["by_sure"][best],) for case in held_out])
        print(
            f"{architecture:12} macro-F1 {macro_f1(held_out, answers(held_out, judged)):.3f}; "
            f"with what is best on the others (sure {best}) {tuned:.3f}"
        )


def say_by_seed(cases: list, judged: dict) -> None:
    """Seeds that were looked at while the rules were written, and those that were not."""
    from benchmarks.diagnosis.scoring import interval, macro_f1, resampled_f1

    when = {"looked at while the rules were written": True, "not looked at before the first score": False}
    for words, looked_at in when.items():
        part = [case for case in cases if (case.seed in LOOKED_AT) == looked_at]
        if not any(not case.control for case in part):
            continue
        said = answers(part, judged)
        low, high = interval(resampled_f1(part, said))
        seeds = ", ".join(map(str, sorted({case.seed for case in part})))
        print(f"seeds {seeds}, {words}: macro-F1 {macro_f1(part, said):.3f} [{low:.3f}, {high:.3f}]")


def say_by_fault(cases: list, judged: dict) -> None:
    from cli.table import table

    architectures = list(dict.fromkeys(case.architecture for case in cases))
    rows = []
    for fault in dict.fromkeys(case.key.rsplit("-", 2)[0] for case in cases if not case.control):
        row = [fault]
        for architecture in architectures:
            of_cell = [case for case in cases if case.cell == f"{fault}-{architecture}"]
            right = sum(case.right(judged[case.key]["said"][OURS]) for case in of_cell)
            row.append(f"{right}/{len(of_cell)}" if of_cell else "")
        rows.append(row)
    print("\n" + table(["right by fault", *architectures], rows))


def say_confusion(cases: list, judged: dict) -> None:
    from benchmarks.diagnosis.scoring import CLASSES
    from cli.table import table

    answered = [case.counted(judged[case.key]["said"][OURS]) for case in cases]
    columns = list(dict.fromkeys([*CLASSES, *answered]))
    rows = []
    for truth in CLASSES:
        given = [answer for case, answer in zip(cases, answered, strict=True) if case.truth == truth]
        rows.append([truth, *(str(given.count(column) or "") for column in columns)])
    print("\n" + table(["truth \\ said", *(column.replace("_", " ") for column in columns)], rows))


def say_misses(cases: list, judged: dict) -> None:
    print("\nmisses:")
    for case in cases:
        said = judged[case.key]["said"][OURS]
        if not case.control and not case.right(said):
            print(f"  {case.key}: {said[0]}, where {', '.join(case.accepted)} would be right")


if __name__ == "__main__":
    arguments = parse_args()
    if arguments.collect:
        sys.exit(1 if collect(arguments) else 0)
    score(arguments)
