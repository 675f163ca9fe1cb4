"""What a treatment is: a question, the arms that answer it, and the study that runs them."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.diagnosis.finding import Finding, Name
from eval.diagnosis.history import History
from eval.run_directory import RunDirectory
from train.arguments import RunArguments, TrainerArguments
from train.checkpoints import is_complete
from train.studies.designs import ONE_AT_A_TIME
from train.studies.plan import Study
from train.studies.study_file import OWN
from train.treatments.budget import EVALUATIONS, FEWEST_SEEDS, Budget, Load, Size, Speed

CONTROL = "control"
REMEDY = "remedy"
"""The factor of a study whose levels are remedies, each by itself."""
METRICS = {"classification": "validation.log_loss", "causal_lm": "validation.loss"}
"""What the studies themselves report, by the task."""
CURE_SEEDS = 1000
"""How far the seeds of the cure are from those of the experiment."""
RECORDINGS = 10
"""Recordings of the gradients a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A sick run: what it was told, what its log says, what is wrong with it, and the time there is."""

    run: RunDirectory
    args: RunArguments
    trainer_args: TrainerArguments
    settings: dict
    """config.yaml without what a study sets itself."""
    history: History
    finding: Finding
    train_rows: int
    validation_rows: int
    speed: Speed
    budget: Budget

    @property
    def step_rows(self) -> int:
        """Rows of one of its steps."""
        args = self.trainer_args
        return args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size

    @property
    def steps(self) -> int:
        """Steps that it took."""
        return int(self.history.last_step)

    @property
    def cores(self) -> int | None:
        """The threads that it had, where it was told."""
        return self.args.cpu_threads

    def fit(
        self,
        arms: "Mapping[str, Arm]",
        *,
        wanted: int,
        least: int,
        studies: int = 1,
        evaluations: int = EVALUATIONS,
        enough_seeds: int = FEWEST_SEEDS,
    ) -> Size:
        """The size that fits into the budget; see Budget.fit."""
        loads = [arm.load for arm in arms.values()]
        return self.budget.fit(
            self.speed,
            loads,
            wanted=wanted,
            least=least,
            validation_rows=self.validation_rows,
            cores=self.cores,
            studies=studies,
            evaluations=evaluations,
            enough_seeds=enough_seeds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What is changed in some of the runs, in words and in flags of train/run.py."""

    words: str
    flags: dict
    load: Load
    cause: str | None = None
    """The cause that is confirmed where this alone helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """An experiment that shall tell the cause of a finding."""

    finding: Name
    question: str
    study: Study
    alone: Study | None = None
    """More arms, each by itself against the control, where the study is a factorial."""
    arms: dict[str, Arm]
    """By name, the control first: that of their cell in a factorial, else their level's."""
    outcome: str
    """What is judged by: a name of eval.treatment.outcomes."""
    also: tuple[str, ...] = ()
    """Further outcomes by which arms are ranked."""
    size: Size
    start: str
    """Where every run begins, in words."""
    times: dict[str, float] = field(default_factory=dict)
    """How many times lower and larger the levels of an oscillation's factorial are."""
    cut: tuple[str, ...] = ()
    """What was left out for want of time, in words."""

    @property
    def studies(self) -> dict[str, Study]:
        """The studies of the experiment by their folder."""
        return {"experiment": self.study} | ({"alone": self.alone} if self.alone else {})

    @property
    def is_continued(self) -> bool:
        """Whether its runs begin from a checkpoint of the run."""
        return "model" in self.study.settings

    @property
    def hypotheses(self) -> dict[str, str]:
        """{arm: the cause that it takes away}."""
        return {name: arm.cause for name, arm in self.arms.items() if arm.cause}

    def cure(self, remedy: str) -> Study:
        """The control and a remedy on seeds that the experiment has not seen."""
        seeds = [first_seed(self.study.seeds[0] + CURE_SEEDS) + index for index in range(self.size.cure_seeds)]
        factors = {REMEDY: {CONTROL: {}, remedy: self.arms[remedy].flags}}
        return one_study("cure", self.study.base, self.study.settings, ONE_AT_A_TIME, factors, seeds)


def plan_for(case: Case) -> Treatment:
    """The treatment of a finding. Raises UserError where there is none for this network, or no time for it."""
    # Each of them needs what is defined here.
    from train.treatments import depth, oscillation, overfitting, remedies

    if case.finding.name == Name.OSCILLATION:
        return oscillation.treatment(case)
    if case.finding.name == Name.OVERFITTING:
        return overfitting.treatment(case)
    if case.finding.name in (Name.VANISHING_GRADIENTS, Name.EXPLODING_GRADIENTS):
        return depth.treatment(case)
    return remedies.treatment(case)


def one_study(
    name: str,
    base: dict,
    settings: dict,
    design: str,
    factors: dict[str, dict[str, dict]],
    seeds: list[int],
    *,
    resolution: int | None = None,
) -> Study:
    """A study of the engine as a file would say it."""
    task = base.get("task", "classification")
    return Study(
        name=name,
        source=f"the {name}",
        base=base,
        settings=settings,
        flags=[],
        design=design,
        generators=None,
        resolution=resolution,
        factors=factors,
        ranges={},
        seeds=seeds,
        metric=METRICS[task],
        margin=None,
        processes=1,
        keep="results",
        samplers=[],
        trials=0,
        pruning=False,
        confirm_seeds=0,
    )


def remedies_study(case: Case, name: str, arms: Mapping[str, Arm], settings: dict, size: Size) -> Study:
    """Each arm alone against the control, which comes first."""
    factors = {REMEDY: {level: arm.flags for level, arm in arms.items()}}
    return one_study(name, case.settings, settings, ONE_AT_A_TIME, factors, seeds_of(case, size))


def seeds_of(case: Case, size: Size) -> list[int]:
    """The seeds of the experiment: not the run's own, which the finding rests on."""
    first = first_seed(case.trainer_args.seed + 1)
    return [first + index for index in range(size.seeds)]


def first_seed(seed: int) -> int:
    """A seed that others can follow: seeds end at 2**32."""
    return seed % (2**32 - 2 * CURE_SEEDS)


def common_settings(case: Case, size: Size, *, start: Path | None = None) -> dict:
    """What every run of an experiment has over the run's own settings: its length, what it logs, nothing saved."""
    settings = {
        "max_steps": size.steps,
        "max_eval_samples": size.evaluation_rows,
        "eval_strategy": "steps",
        "eval_steps": max(1, size.steps // size.evaluations),
        "eval_delay": 0,
        "logging_strategy": "steps",
        "logging_steps": max(1, size.steps // (3 * size.evaluations)),
        "grad_norm_steps": max(1, size.steps // RECORDINGS),
        "grad_norm_per_parameter": False,
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "early_stopping_patience": None,
        "on_finding": "ignore",
        "report_to": ["none"],
        "disable_tqdm": True,
    }
    if start is not None:
        settings |= {"model": str(start), "model_config": None, "tokenizer": None}
    return settings


def checkpoint_before(case: Case) -> Path | None:
    """The last whole checkpoint at or before the onset, which runs can begin from; None where none was kept."""
    step = case.finding.onset and case.finding.onset.step
    if step is None or case.args.tuning == "lora":
        # A checkpoint of adapters is no model by itself.
        return None
    kept = [path for path in case.run.checkpoints if int(path.name.rpartition("-")[2]) <= step and is_complete(path)]
    return kept[-1].resolve() if kept else None


def starting_point(case: Case, start: Path | None) -> str:
    """Where the runs of an experiment begin, in words."""
    return f"{case.run.path / start.name}" if start else "the run's own start"


def base_settings(settings: Mapping) -> dict:
    """The settings of a config.yaml without those that a study gives each run itself."""
    return {key: value for key, value in settings.items() if key not in OWN}


def flags_of(settings: Mapping) -> str:
    """Settings as flags of train/run.py."""
    words = []
    for key, value in settings.items():
        if isinstance(value, dict):
            value = ",".join(f"{name}={_flag(inner)}" for name, inner in value.items())
        words.append(f"--{key} {shlex.quote(_flag(value))}")
    return " ".join(words)


def settings_of_flags(flags: str) -> dict:
    """Flags of train/run.py, as a finding's advice gives them, as settings; {} where it is no such flags."""
    words = shlex.split(flags)
    if not words or not words[0].startswith("--"):
        return {}
    found: dict[str, object] = {}
    for flag, value in zip(words[::2], words[1::2], strict=True):
        found[flag.removeprefix("--")] = value
    return found


def _flag(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
