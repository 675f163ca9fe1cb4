"""How the figures of a study are written: points for shares, three digits or so for all else."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10

from eval.verdicts import RELIABILITY, in_points


@dataclass(frozen=True, slots=True)
class Unit:
    """A metric's unit for differences: what a figure is multiplied by, its name and how many decimals it has."""

    scale: float
    name: str
    decimals: int

    def size(self, value: float) -> str:
        """A difference without its sign, with the unit: `1.2 points`."""
        return f"{self.scale * abs(value):.{self.decimals}f} {self.name}".strip()

    def signed(self, value: float) -> str:
        """A difference with its sign, without the unit: `+1.2`."""
        return f"{self.scale * value:+.{self.decimals}f}"

    def interval(self, figure: Mapping) -> str:
        """An estimate of a difference: `+1.2 [-0.3, +2.7]`; `undefined` where it has no value."""
        if figure["value"] is None:
            return "undefined"
        if figure["low"] is None:
            return self.signed(figure["value"])
        return f"{self.signed(figure['value'])} [{self.signed(figure['low'])}, {self.signed(figure['high'])}]"

    def level(self, value: float) -> str:
        """The metric itself, not a difference, in full: `0.845`."""
        return f"{value:.{self.decimals + round(log10(self.scale))}f}"


def unit_of(metric: str, typical: float | None) -> Unit:
    """The unit of a metric, with two digits for a difference of `typical` size."""
    scale, name = (100.0, "points") if in_points(metric) else (1.0, "")
    decimals = 1 - floor(log10(scale * abs(typical))) if typical else 2
    return Unit(scale, name, min(max(decimals, 0), 6))


def plain_name(metric: str) -> str:
    """`test log loss` for test.log_loss, `confident errors` for reliability.confident_errors."""
    return metric.removeprefix(f"{RELIABILITY}.").replace(".", " ").replace("_", " ")
