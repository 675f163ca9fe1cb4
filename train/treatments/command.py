"""From a sick run to its report: the experiment, the cause, the remedy on fresh seeds."""

import contextlib
import dataclasses
import fcntl
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from cli.errors import UsageError, UserError
from cli.table import table
from eval.diagnosis.finding import Diagnosis, Finding, Name
from eval.diagnosis.history import History
from eval.diagnosis.reading import read_history
from eval.diagnosis.verdict import diagnose
from eval.diagnosis.words import named
from eval.run_directory import RunDirectory, is_being_trained, read_journal, read_json
from train.config import read_config, resolve
from train.studies.command import DEFINITION, run_study
from train.studies.plan import Study
from train.studies.progress import duration
from train.treatments.budget import Budget, cut_of, run_seconds, speed_of
from train.treatments.judging import CURE, TREATMENT, cells_of, judged, judged_cure, report, summary
from train.treatments.plan import Case, Treatment, base_settings, flags_of, plan_for

NOT_SICK = {
    Name.HEALTHY: "is healthy: there is nothing to treat (--verdict NAME treats for a finding all the same)",
    Name.INSUFFICIENT_EVIDENCE: "cannot be judged: there is nothing to treat yet; to tell more, log ",
}


def treat(
    path: Path,
    folder: Path,
    *,
    budget: float,
    seeds: int | None = None,
    verdict: Name | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    as_json: bool = False,
    command: str,
) -> int:
    """Treat the run at `path`, everything that is made going into `folder`; returns the exit status.

    `budget`: seconds. `workers`: runs at a time; as many as there are cores for when left out. `verdict`: the finding
    to treat for instead of the diagnosis's. `command` is what was typed.
    Raises UserError, one line, for a run that cannot be treated and for a budget that holds no experiment.
    """
    out = sys.stderr if as_json else sys.stdout
    run = RunDirectory(path)
    _check_run(run)
    history = read_history(path)
    diagnosis = diagnose(history)
    name = verdict or diagnosis.verdict
    if (file := folder / TREATMENT).exists() and not dry_run:
        return _already_treated(run, file, name, as_json)
    if name in NOT_SICK:
        lacking = "; ".join(diagnosis.insufficient) if name == Name.INSUFFICIENT_EVIDENCE else ""
        print(f"{path} {NOT_SICK[name]}{lacking}", file=out)
        if as_json:
            print(json.dumps({"schema": 1, "finding": str(name), "cause": None, "cure": None}))
        return 0
    case = case_of(run, history, finding_of(diagnosis, name), Budget(budget, workers, seeds))
    treatment = plan_for(case)
    print(_announced(treatment), file=out, flush=True)
    if dry_run:
        print(f"\n{_listed(treatment, case)}", file=out)
        return 0
    with _lock(folder):
        status = _run_both(treatment, case, folder, diagnosis, command, out)
    if status == 0:
        _close(run, folder, as_json)
    return status


def case_of(run: RunDirectory, history: History, finding: Finding, budget: Budget) -> Case:
    """A run as treatments need it. Raises UserError where its settings or its data are gone."""
    from train.run import prepare_corpus

    told = read_config(run.config)
    settings = base_settings(told)
    # The experiment's seeds are others than the run's own, which is no setting of a study.
    own = {"output_dir": str(run.path)} | ({"seed": told["seed"]} if "seed" in told else {})
    try:
        args, trainer_args, _ = resolve(settings | own, [], where=run.config, name="run")
        corpus, _ = prepare_corpus(args)
    except UserError as error:
        raise UserError(f"{run.path} cannot be repeated, which a treatment does: {error}") from error
    model = Path(args.model)
    if (args.model.startswith((".", "/", "~")) or "checkpoint-" in args.model) and not model.exists():
        raise UserError(f"{run.path} began from {args.model}, which is gone: put it back, and run the same command")
    step_rows = (
        trainer_args.per_device_train_batch_size * trainer_args.gradient_accumulation_steps * trainer_args.world_size
    )
    speed = speed_of(run, read_journal(run.journal), step_rows=step_rows, evaluation_rows=len(corpus.validation))
    return Case(
        run=run,
        args=args,
        trainer_args=trainer_args,
        settings=settings,
        history=history,
        finding=finding,
        train_rows=len(corpus.train),
        validation_rows=len(corpus.validation),
        speed=speed,
        budget=budget,
    )


def finding_of(diagnosis: Diagnosis, name: Name) -> Finding:
    """The diagnosis's finding of a name; where it has none, one that says nothing but the name."""
    for finding in diagnosis.findings:
        if finding.name == name:
            return finding
    return Finding(name=name, severity=0.0, confidence=0.0, onset=None, evidence={}, causes=[])


def _check_run(run: RunDirectory) -> None:
    if not run.path.is_dir():
        raise UserError(f"{run.path}: there is no such run: name the directory that train/run.py wrote")
    for file in (run.journal, run.config):
        if not file.is_file():
            raise UserError(f"{run.path} holds no {file.name}, so it is no run of train/run.py: name one that is")
    if is_being_trained(run):
        raise UserError(f"{run.path} is still being trained: run the same command when it has ended")


def _already_treated(run: RunDirectory, file: Path, name: Name, as_json: bool) -> int:
    treated = read_json(file)
    if treated.get("finding") != name and name not in NOT_SICK:
        raise UsageError(
            f"{file.parent} holds the treatment of {named(str(treated.get('finding')))}, and this is "
            f"{named(name)}: name another --treatment_dir"
        )
    print(
        f"{run.path} is treated already; another --treatment_dir treats it again.",
        file=sys.stderr if as_json else sys.stdout,
    )
    _close(run, file.parent, as_json)
    return 0


def _run_both(treatment: Treatment, case: Case, folder: Path, diagnosis: Diagnosis, command: str, out) -> int:
    """Both phases, then the report; returns the exit status."""
    workers = case.budget.workers_for(case.cores)

    def say(text: str) -> None:
        print(text, file=out, flush=True)

    say(f"\nThe experiment: {sum(study.planned for study in treatment.studies.values())} runs")
    if status := _run_all(treatment, folder, workers):
        return status
    tables = [cells_of(folder / name, study, treatment) for name, study in treatment.studies.items()]
    grown = _grown(treatment, case, tables)
    if grown.size.seeds > treatment.size.seeds:
        say(f"\nThere is time for {grown.size.seeds} seeds of each arm")
        if status := _run_all(grown, folder, workers):
            return status
        tables = [cells_of(folder / name, study, grown) for name, study in grown.studies.items()]
    cause, rankings = judged(grown, tables)
    cure, cured = None, None
    if cause.remedy is not None:
        study = grown.cure(cause.remedy)
        say(f"\nThe cure, {grown.arms[cause.remedy].words}: {study.planned} runs on seeds that chose nothing")
        if status := _run(study, folder / CURE, workers):
            return status
        cured = cells_of(folder / CURE, study, grown)
        cure = judged_cure(grown, cured, cause.remedy)
    report(grown, case, folder, diagnosis, cause, rankings, cure, [*tables, cured], command)
    return 0


def _run_all(treatment: Treatment, folder: Path, workers: int) -> int:
    """Run the studies of an experiment; returns the exit status."""
    for name, study in treatment.studies.items():
        if status := _run(study, folder / name, workers):
            return status
    return 0


def _grown(treatment: Treatment, case: Case, tables: Sequence[pd.DataFrame]) -> Treatment:
    """The treatment with as many seeds as there is time for, by what its runs took."""
    at_once = case.budget.at_once(case.cores)
    took = pd.concat(tables).groupby("cell")["seconds"].mean() / at_once
    control = next(iter(treatment.arms))
    experiment, cure = float(took.sum()), float(took.get(control, 0.0) + took.max())
    seeds, cure_seeds = case.budget.regrown(treatment.size, experiment, cure, len(tables))
    size = dataclasses.replace(treatment.size, seeds=seeds, cure_seeds=cure_seeds)
    first = treatment.study.seeds[0]
    studies = {
        name: study and dataclasses.replace(study, seeds=[first + index for index in range(seeds)])
        for name, study in (("study", treatment.study), ("alone", treatment.alone))
    }
    return dataclasses.replace(treatment, size=size, **studies)


def _run(study: Study, folder: Path, workers: int) -> int:
    """Run a study, its progress on standard error; what it has to say of its own metric stays in its report.

    Raises UserError, in the words of this command, where its folder holds another one. Runs that fail are outcomes:
    only a study in which nothing came to anything at all is an error.
    """
    _check_start(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return run_study(study, folder, storage=None, workers=workers, as_json=True)
    except UsageError as error:
        raise UsageError(str(error).replace("--study_dir", "--treatment_dir")) from error
    except UserError:
        if not _is_complete(study, folder):
            raise
        return 0


def _is_complete(study: Study, folder: Path) -> bool:
    """Whether all runs of a study are finished and some took steps, whatever became of them."""
    try:
        rows = pd.read_csv(folder / "runs.csv", dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        return False
    return len(rows) >= study.planned and any((folder / "runs").glob("*/journal.jsonl"))


def _check_start(folder: Path) -> None:
    """Raise UserError where a study has begun from a checkpoint that is no more."""
    if not (folder / DEFINITION).exists():
        return
    start = (read_config(folder / DEFINITION).get("settings") or {}).get("model")
    if start is not None and not Path(start).is_dir():
        raise UserError(
            f"{start}, where the runs in {folder} begin, is gone: put it back, or name another --treatment_dir"
        )


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other commands out of a treatment; a killed one lets go."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / ".lock", "w")  # noqa: SIM115 (closed below, which lets go of the lock)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): name another --treatment_dir") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder} is being worked on by the same command: wait for its end") from None
        yield


def _announced(treatment: Treatment) -> str:
    """What will run, how long that takes and what was cut, in a line or two."""
    size, arms = treatment.size, len(treatment.arms)
    runs = sum(study.planned for study in treatment.studies.values()) + 2 * size.cure_seeds
    cut = [*cut_of(size), *treatment.cut]
    return (
        f"{named(treatment.finding)}: {arms} arms of {size.seeds} seeds, then the cure on {size.cure_seeds} fresh "
        f"ones: {runs} runs of {size.steps} steps from {treatment.start}, about {duration(size.seconds)}"
        + (f"\nFor want of time: {'; '.join(cut)}." if cut else "")
    )


def _listed(treatment: Treatment, case: Case) -> str:
    """The arms with their flags and cost."""
    size = treatment.size
    rows = [
        [
            name,
            arm.words,
            f"{arm.load.rows:,}",
            duration(run_seconds(case.speed, arm.load, size.steps, size.evaluations, size.evaluation_rows)),
            flags_of(arm.flags) or "-",
        ]
        for name, arm in treatment.arms.items()
    ]
    return f"{treatment.question}\n\n" + table(["arm", "what it changes", "rows/step", "a run", "flags"], rows)


def _close(run: RunDirectory, folder: Path, as_json: bool) -> None:
    if as_json:
        print((folder / TREATMENT).read_text(), end="")
    else:
        print(f"\n{summary(run, folder, read_json(folder / TREATMENT))}")
