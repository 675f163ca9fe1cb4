"""Committed results as a template asks for them: each figure writes itself, with its unit and its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cli.errors import UserError
from eval.metrics import Estimate, mean_with_interval
from eval.run_directory import read_json
from eval.study_sections import guard_unit
from eval.units import Unit, unit_of


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more one arm has of a figure than another, which reads `-2.8 points [-3.4, -2.2]`."""

    value: float
    low: float
    high: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.unit.signed(self.value)} {self.unit.name}".rstrip() + self._interval

    @property
    def bare(self) -> str:
        """Without the unit, for a table: `-2.8 [-3.4, -2.2]`."""
        return self.unit.signed(self.value) + self._interval

    @property
    def _interval(self) -> str:
        return f" [{self.unit.signed(self.low)}, {self.unit.signed(self.high)}]"

    @property
    def size(self) -> str:
        """Without sign and interval: `2.8 points`."""
        return self.unit.size(self.value)


@dataclass(frozen=True, slots=True)
class Arm:
    """A level of a study's factor against the baseline: what it does to the risk and to each guarded figure."""

    level: str
    baseline: str
    effect: Difference
    verdict: str
    """One of eval/verdicts.py."""
    guards: dict[str, Difference]
    held: dict[str, str]
    """The verdict of each guard (eval/guards.py)."""


class StudyResult:
    """A finished study: its arms by level, and the mean of any figure of its runs."""

    def __init__(self, folder: Path):
        """Read effects.json and runs.csv; raises UserError where one is missing."""
        self.name = folder.name
        self.folder = folder
        self.effects = read_json(folder / "effects.json")
        self.seeds = len(self.effects["seeds"])
        # Studies made before there were hypotheses and guards have neither.
        self.hypothesis = self.effects.get("protocol", {}).get("hypothesis")
        self.metric = self.effects["metric"]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run, as runs.csv has them."""
        return read_table(self.folder / "runs.csv")

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """Every level that is no baseline."""
        return {effect["level"]: self._arm(effect) for effect in self.effects["effects"]}

    @property
    def arm(self) -> Arm:
        """The arm of a study that has one."""
        (only,) = self.arms.values()
        return only

    @property
    def detectable(self) -> str:
        """The smallest effect that so many seeds find with 80% power, by the spread that was seen."""
        value = self.effects["resolution"]["detectable"]
        return unit_of(self.metric, value).size(value)

    @property
    def needed(self) -> int:
        """The seeds that would find an effect of the margin with 80% power, by the spread that was seen."""
        return self.effects["resolution"]["seeds_for_margin"]

    @property
    def minutes(self) -> int:
        """What its runs took in all, one after the other."""
        return round(self.runs["seconds"].sum() / 60)

    def mean(self, figure: str, level: str) -> Estimate:
        """The mean of a figure over the seeds of a level, with Student's interval; n counts seeds."""
        (factor,) = (factor["name"] for factor in self.effects["factors"])
        own = self.runs[self.runs[factor].astype(str).str.lower() == level.lower()]
        if own.empty or figure not in own:
            raise UserError(f"{self.folder} has no {figure} of {level}")
        return mean_with_interval(own[figure].to_numpy())

    def change(self, figure: str, level: str) -> Difference:
        """The difference of any figure of the runs between a level and the baseline, paired by seed."""
        (factor,) = (factor["name"] for factor in self.effects["factors"])
        by_level = self.runs.assign(level=self.runs[factor].astype(str).str.lower()).pivot(
            index="seed", columns="level", values=figure
        )
        paired = by_level[level.lower()] - by_level[self.arms[level].baseline.lower()]
        return _difference(mean_with_interval(paired.to_numpy()).to_dict(), unit_of(figure, 0.01))

    def _arm(self, effect: dict) -> Arm:
        own = [guard for guard in self.effects.get("guards", []) if guard["level"] == effect["level"]]
        typical = self.effects["resolution"]["detectable"] or self.effects["margin"]
        return Arm(
            effect["level"],
            effect["baseline"],
            _difference(effect["estimate"], unit_of(self.metric, typical)),
            effect["verdict"],
            {guard["figure"]: _difference(guard["estimate"], guard_unit(guard["figure"], 0.01)) for guard in own},
            {guard["figure"]: guard["verdict"] for guard in own},
        )


def read_table(path: Path) -> pd.DataFrame:
    """A committed CSV; raises UserError where it is missing."""
    try:
        return pd.read_csv(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there: run the command that writes it") from error


def _difference(estimate: Mapping[str, float], unit: Unit) -> Difference:
    return Difference(estimate["value"], estimate["low"], estimate["high"], unit)
