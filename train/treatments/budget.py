"""What fits into a budget of time: how long the runs of a treatment are and how many, from what the run itself took."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.errors import UserError
from eval.run_directory import RunDirectory
from train.studies.progress import duration

FEWEST_SEEDS, MOST_SEEDS = 3, 6
"""A difference is told from chance by three runs of each arm or more; after six, time is better spent on steps."""
EVALUATIONS, EVALUATION_ROWS = 20, 400
"""Evaluations of a run, and rows of each: their loss is what most treatments judge by."""
FEWEST_EVALUATION_ROWS = 200
MOST_WORKERS = 4
"""When none are given: each takes a copy of the network."""
BESIDE = 0.7
"""What a run beside another one adds to the speed of the whole: they share memory, and some cores are half ones."""

FORWARD = 0.35
"""A row evaluated, in rows trained on."""
STEP = 8
"""What a step costs beside its rows, the optimiser's pass over the weights above all, in rows trained on."""
FIXED = 0.008
"""Seconds of a step that hang on neither the rows nor the network: what a tiny network spends its time on."""
LEAST = 0.2
"""The share of a run that its rows took, at least."""
STUDY, RUN = 20.0, 3.0
"""Seconds for what surrounds the runs of an experiment (imports, the report), and the steps of a run (its data)."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a run was."""

    seconds_a_row: float
    """Of a row trained on."""
    steps: int
    """What it took, evaluation included."""
    seconds: float
    source: str
    """How that is known, in words."""


@dataclass(frozen=True, slots=True)
class Load:
    """What an arm costs: the rows of a step, and the work of a row compared with the run's own network."""

    rows: int
    work: float = 1.0


@dataclass(frozen=True, slots=True)
class Size:
    """What is run: steps of each run, seeds of both phases, evaluations and their rows, and what that takes."""

    steps: int
    seeds: int
    cure_seeds: int
    evaluations: int
    evaluation_rows: int
    seconds: float
    wanted: "Size | None" = None
    """What would have been run with time enough."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time there is, the runs at a time, and the seeds where they are prescribed."""

    seconds: float
    workers: int | None = 1
    """None: as many as there are cores for."""
    seeds: int | None = None

    def fit(
        self,
        speed: Speed,
        arms: Sequence[Load],
        *,
        wanted: int,
        least: int,
        validation_rows: int,
        cores: int | None = None,
        studies: int = 1,
        evaluations: int = EVALUATIONS,
        enough_seeds: int = FEWEST_SEEDS,
    ) -> Size:
        """As many seeds and, up to `wanted`, steps as both phases have time for.

        `enough_seeds` of them come before longer runs.

        `arms`: one for each arm of the experiment, the control first; the cure is reckoned with the dearest of them.
        `studies`: of the experiment. Raises UserError that names the least budget where `least` steps with the fewest
        seeds do not fit.
        """
        at_once = self.at_once(cores)
        least = min(least, wanted)
        cure = [arms[0], max(arms, key=lambda arm: arm.work * (arm.rows + STEP))]

        def cost(steps: int, seeds: int, rows: int) -> float:
            runs = [(arm, seeds) for arm in arms] + [(arm, self._cure_seeds(seeds)) for arm in cure]
            total = sum(count * run_seconds(speed, arm, steps, evaluations, rows) for arm, count in runs)
            return total / at_once + STUDY * (studies + 1)

        def steps_within(seeds: int, rows: int) -> int:
            # The cost is a straight line in the steps.
            none, one = cost(0, seeds, rows), cost(1, seeds, rows)
            return max(0, math.floor((self.seconds - none) / (one - none)))

        choices = [self.seeds] if self.seeds else list(range(MOST_SEEDS, FEWEST_SEEDS - 1, -1))
        all_rows = min(EVALUATION_ROWS, validation_rows)
        few_rows = min(FEWEST_EVALUATION_ROWS, validation_rows)
        lengths = (wanted, max(least, math.ceil(wanted / 2)), least)
        for enough, fewest in [(length, seeds) for seeds in (enough_seeds, FEWEST_SEEDS) for length in lengths]:
            for rows in dict.fromkeys((all_rows, few_rows)):
                for seeds in [count for count in choices if count >= fewest or self.seeds]:
                    steps = min(wanted, steps_within(seeds, rows))
                    if steps >= enough:
                        seconds = cost(steps, seeds, rows)
                        most = Size(wanted, choices[0], choices[0] + 1, evaluations, all_rows, 0.0)
                        return Size(steps, seeds, self._cure_seeds(seeds), evaluations, rows, seconds, most)
        needed = cost(least, choices[-1], few_rows)
        raise UserError(
            f"--budget {self.seconds:g}s is too short: the smallest experiment, {len(arms)} arms of "
            f"{choices[-1]} runs with {least} steps, and its cure take about {duration(needed)}: "
            f"--budget {math.ceil(needed / 60)}m"
        )

    def regrown(self, size: Size, experiment: float, cure: float, studies: int = 1) -> tuple[int, int]:
        """The seeds of the experiment and of the cure that there is time for, now that runs have told what they take.

        experiment, cure: seconds that all arms of one seed took, and those of the control and the dearest arm. Only the
        clock decides, never what the runs found. Runs that took longer than was reckoned cost seeds of the cure, down
        to the fewest.
        """
        if self.seeds:
            return size.seeds, size.cure_seeds
        # More seeds of the experiment are one more start of its workers.
        for seeds in range(MOST_SEEDS, size.seeds, -1):
            if STUDY * (2 * studies + 1) + seeds * experiment + (seeds + 1) * cure <= self.seconds:
                return seeds, seeds + 1
        left = self.seconds - STUDY * (studies + 1) - size.seeds * experiment
        fit = math.floor(left / cure) if cure else size.cure_seeds
        return size.seeds, min(size.cure_seeds, max(FEWEST_SEEDS, fit))

    def _cure_seeds(self, seeds: int) -> int:
        # Two arms instead of many: more seeds for little.
        return seeds if self.seeds else seeds + 1

    def workers_for(self, cores: int | None) -> int:
        """Runs at a time; `cores`: threads of a run, None where it takes all there are."""
        fit = max(1, usable_cores() // (cores or usable_cores()))
        return min(fit, MOST_WORKERS) if self.workers is None else self.workers

    def at_once(self, cores: int | None) -> float:
        """How many times faster the runs of a study go for going on side by side, on cores of their own."""
        side_by_side = min(self.workers_for(cores), max(1, usable_cores() // (cores or usable_cores())))
        return 1 + BESIDE * (side_by_side - 1)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cut_of(size: Size) -> list[str]:
    """What was left out for want of time, in words."""
    most = size.wanted
    if most is None:
        return []
    cut = [f"{size.steps} steps a run instead of {most.steps}"] * (size.steps < most.steps)
    cut += [f"{size.seeds} seeds instead of {most.seeds}"] * (size.seeds < most.seeds)
    few = size.evaluation_rows < most.evaluation_rows
    return cut + [f"{size.evaluation_rows} rows an evaluation instead of {most.evaluation_rows}"] * few


def run_seconds(speed: Speed, arm: Load, steps: int, evaluations: int, rows: int) -> float:
    """Seconds that a run of an arm takes, with its evaluations and the last two, of validation and test."""
    trained = steps * (arm.rows + STEP)
    evaluated = FORWARD * (evaluations + 2) * rows
    return RUN + steps * FIXED + speed.seconds_a_row * arm.work * (trained + evaluated)


def speed_of(run: RunDirectory, journal: Sequence[Mapping], *, step_rows: int, evaluation_rows: int) -> Speed:
    """How fast a run was, by the end of training in its journal; of one that broke off, by the times of its files.

    `step_rows`: rows of one of its steps; `evaluation_rows`: those of one of its evaluations. Raises UserError where
    it took no step.
    """
    last = max((line["step"] for line in journal), default=0)
    begun = max((line["step"] for line in journal if line.get("event") == "resume"), default=0)
    ends = [line for line in journal if line.get("event") == "train_end" and line.get("seconds")]
    if ends and ends[-1]["step"] > begun:
        steps, seconds, source = ends[-1]["step"] - begun, float(ends[-1]["seconds"]), "its journal"
    elif last:
        steps, begun, source = last, 0, "the times of its files"
        # The config is written when a run begins; its start-up counts as well, so this is no less than it took.
        seconds = max(run.journal.stat().st_mtime - run.config.stat().st_mtime, 0.005 * steps)
    else:
        raise UserError(f"{run.path} has taken no step: there is nothing to treat")
    evaluations = sum(line["kind"] == "eval" and line["step"] > begun for line in journal)
    rows = steps * (step_rows + STEP) + FORWARD * evaluations * evaluation_rows
    return Speed(max(seconds - steps * FIXED, LEAST * seconds) / rows, steps, seconds, source)
