"""What a study is: its factors, and the runs that they come to."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cli.errors import UsageError
from train.studies.designs import SEARCH, cell_name, make_cells

JUDGEMENT = ("hypothesis", "metric", "margin", "guards", "seeds")
"""What of a study may be changed when it has begun, and is then said to have been."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run to make: a combination of levels and a seed; of a search, a trial whose numbers are still to be drawn."""

    name: str
    seed: int
    levels: dict[str, str]
    settings: dict
    sampler: str | None = None

    @property
    def key(self) -> str:
        """What the run's folder is called, and how two of the same are known."""
        return f"{self.name}-seed{self.seed}"


@dataclass(frozen=True, slots=True)
class Range:
    """Where a search draws a number: whole if both ends are, evenly in its logarithm if `log`."""

    low: float
    high: float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def read(self, text: str) -> float | int:
        """A number of this range from its text."""
        return int(text) if self.is_whole else float(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study as its file and the flags after it say; `factors` is {factor: {level: settings}}, the baseline first."""

    name: str
    source: str
    """The YAML file's name, for messages."""
    base: dict
    settings: dict
    flags: list[str]
    """Flags of train/run.py that every run gets and that win over all else."""
    design: str
    generators: str | None
    resolution: int | None
    factors: dict[str, dict[str, dict]]
    ranges: dict[str, Range]
    seeds: list[int]
    metric: str
    margin: float | None
    processes: int
    keep: str
    samplers: list[str]
    trials: int
    pruning: bool
    confirm_seeds: int
    hypothesis: str | None = None
    guards: dict[str, float] = field(default_factory=dict)
    """How much of a figure an arm may lose at most."""

    @property
    def is_search(self) -> bool:
        return self.design == SEARCH

    @property
    def levels(self) -> dict[str, list[str]]:
        """The names of every factor's levels, the baseline first."""
        return {factor: list(levels) for factor, levels in self.factors.items()}

    @property
    def planned(self) -> int:
        """How many runs it has."""
        if self.is_search:
            return len(self.samplers) * self.trials + (len(self.samplers) + 1) * self.confirm_seeds
        return len(self.combinations()) * len(self.seeds)

    @property
    def definition(self) -> dict:
        """What makes two studies the same one: seeds may be added, and the judgement may change."""
        free = ("source", "keep", *JUDGEMENT)
        fields = {key: value for key, value in dataclasses.asdict(self).items() if key not in free}
        # Where the same data lies, and on how many threads, is the machine's affair.
        fields["flags"] = _without(self.flags, ("data_dir", "cpu_threads"))
        return json.loads(json.dumps(fields, default=str))

    def combinations(self, limit: int | None = None) -> list[dict[str, str]]:
        """The combinations of levels that the design runs with every seed; a search has none of its own.

        Raises UsageError where they cannot be laid out or are more than `limit`.
        """
        if self.is_search:
            return []
        try:
            return make_cells(
                self.levels, self.design, generators=self.generators, resolution=self.resolution, limit=limit
            )
        except UsageError as error:
            raise UsageError(f"{self.source}: {error}") from error

    def cells(self) -> list[Cell]:
        """Every combination with every seed, a seed after the other, so that a study cut short is balanced."""
        named = [(cell_name(levels, self.levels), levels, self.settings_of(levels)) for levels in self.combinations()]
        return [Cell(name, seed, levels, settings) for seed in self.seeds for name, levels, settings in named]

    def settings_of(self, levels: Mapping[str, str]) -> dict:
        """What train/run.py is told in a cell, but for its seed and its folder."""
        merged = self.base
        for settings in (self.settings, *(self.factors[factor][level] for factor, level in levels.items())):
            merged = merge(merged, settings)
        return merged

    def with_levels(self, cell: Cell, levels: Mapping[str, str]) -> Cell:
        """A search's cell with the levels and, as text, the numbers that were drawn for it."""
        numbers = {name: one.read(levels[name]) for name, one in self.ranges.items()}
        settings = self.settings_of({name: levels[name] for name in self.factors})
        return dataclasses.replace(cell, levels=dict(levels), settings=merge(settings, numbers))


def merge(settings: Mapping, more: Mapping) -> dict:
    """`more` over `settings`; mappings within, such as model_config, key by key."""
    merged = dict(settings)
    for key, value in more.items():
        before = merged.get(key)
        merged[key] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _without(flags: list[str], names: tuple[str, ...]) -> list[str]:
    kept, skip = [], False
    for flag in flags:
        if flag.startswith("--"):
            # The parser knows --data-dir, too.
            skip = flag.split("=")[0].lstrip("-").replace("-", "_") in names
        if not skip:
            kept.append(flag)
    return kept
