"""Which runs are scored: those that do as their label says, by runs with and without the cause.

A candidate is a base with a cause planted, `BASE-PLANTED`. Its label holds where

- rate: the base as it should be is calm, with the rate it swings, and with batches TIMES larger it still does;
- batch: the base as it should be is calm, which is this run with large batches, and with the small ones it swings;
- both: the base is calm, with either planted alone it swings, and with both.

In all of them the base as it should be learns. Nothing of this asks a treatment.
"""

from collections.abc import Mapping
from math import log

from benchmarks.treatment.recipes import BASES, CAUSES, HEALTHY, TWIN, settings_of
from eval.treatment.causes import MOVES, NOT_CONFIRMED, SHOWN

NUMBER = {"rate": 7, "batch": 7, "both": 6, HEALTHY: 10}
"""How many runs of each are scored."""
HEALTHY_RUNS = NUMBER[HEALTHY]
SICK_RUNS = sum(NUMBER.values()) - HEALTHY_RUNS
SEED = 200
"""Of the first base; while the rules were written, seeds were 101 to 104."""
APART = 10
"""From the seed of a base to that of the next: a treatment takes those that follow a run's own."""


LEARNED = 0.99 * log(2)
"""The validation loss of a base that learns, at most: the runs are short."""


def candidates(seed: int = 0) -> dict[str, dict]:
    """The settings of every run that may be scored or tells whether another may, by its key."""
    return {
        f"{name}-{planted}": settings_of(base, planted, SEED + seed + APART * place)
        for place, (name, base) in enumerate(BASES.items())
        for planted in (HEALTHY, *CAUSES, TWIN)
    }


def planted_of(key: str) -> str:
    return key.rpartition("-")[2]


def label_of(key: str) -> str:
    """The verdict that is right."""
    return CAUSES.get(planted_of(key), NOT_CONFIRMED)


def swings(run: Mapping) -> bool:
    """Whether a run swings as an experiment asks of its control."""
    share = run["swing"] / run["level"]
    return share >= SHOWN or (share >= MOVES and run["oscillation"])


def why_not(key: str, looked: Mapping[str, Mapping]) -> str | None:
    """What speaks against the label of a candidate; None where nothing does. `looked`: what was seen of every run."""
    base, planted = key.rpartition("-")[0], planted_of(key)

    def of(other: str) -> Mapping:
        return looked[f"{base}-{other}"]

    if of(HEALTHY)["swing"] >= MOVES * of(HEALTHY)["level"]:
        return "it swings without anything planted"
    if of(HEALTHY)["best"] > LEARNED:
        return "it learns nothing without anything planted"
    must = {"rate": ("rate", TWIN), "batch": ("batch",), "both": ("both", "rate", "batch"), HEALTHY: ()}[planted]
    calm = [other for other in must if not swings(of(other))]
    words = {TWIN: "the rate with larger batches", "both": "rate and batch"}
    return f"calm with {words.get(calm[0], f'the {calm[0]} alone')}" if calm else None


def chosen(looked: Mapping[str, Mapping]) -> list[str]:
    """The keys that are scored: of each kind the first ones whose label holds."""
    return [
        key
        for planted, number in NUMBER.items()
        for key in [f"{base}-{planted}" for base in BASES if not why_not(f"{base}-{planted}", looked)][:number]
    ]


def reasons(looked: Mapping[str, Mapping]) -> dict[str, str]:
    """The candidates whose label does not hold, and why."""
    keys = [f"{base}-{planted}" for planted in NUMBER for base in BASES]
    return {key: why for key in keys if (why := why_not(key, looked))}
