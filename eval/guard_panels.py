"""Guards as they are drawn, on paper and in the app: each as a loss, those of one unit on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.metrics import Estimate
from eval.study_sections import guard_unit
from eval.units import plain_name


@dataclass(frozen=True, slots=True)
class Row:
    """A guard of effects.json, with its loss in the unit of its panel: above 0 where the figure became worse."""

    guard: dict
    loss: Estimate
    seeds: list[float]
    """The loss with each seed."""
    margin: float
    """The most that may be lost."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Guards that can share an axis."""

    quantity: str
    rows: list[Row]
    low: float
    high: float
    """The ends of an axis that holds nothing, every loss and every margin."""


def guard_panels(guards: Sequence[dict]) -> list[Panel]:
    """The panels of the guards of effects.json: one for all that is read in points, and one for each other figure."""
    panels: dict[str, list[Row]] = {}
    for guard in guards:
        unit = guard_unit(guard["figure"], guard["margin"])
        quantity = f"{unit.name} worse" if unit.name else f"{plain_name(guard['figure'])}, worse by"
        panels.setdefault(quantity, []).append(_row(guard, unit.scale))
    return [_panel(quantity, rows) for quantity, rows in panels.items()]


def _row(guard: dict, scale: float) -> Row:
    sign = -scale if guard["higher_is_better"] else scale
    value, *ends = (
        None if guard["estimate"][key] is None else sign * guard["estimate"][key] for key in ("value", "low", "high")
    )
    low, high = ends if None in ends else sorted(ends)
    seeds = [sign * difference for difference in guard["differences"]]
    return Row(guard, Estimate(value, low, high, guard["estimate"]["n"]), seeds, scale * guard["margin"])


def _panel(quantity: str, rows: list[Row]) -> Panel:
    drawn = [0.0]
    for row in rows:
        found = (row.loss.value, row.loss.low, row.loss.high, row.margin, *row.seeds)
        drawn += [value for value in found if value is not None]
    low, high = min(drawn), max(drawn)
    reach = 0.08 * (high - low) or 1.0
    # What is allowed is shaded from the left edge on: it shall be seen of a guard of 0 too.
    return Panel(quantity, rows, low - reach, high + reach)
