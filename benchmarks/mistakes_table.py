"""From the CSV of planted_mistakes.py to the figures of docs/code_review.md."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from statsmodels.stats.multitest import multipletests

from benchmarks.mistakes import MISTAKES, TASKS, Mistake
from eval.markup import text_table
from eval.paired import PairedTest, paired_t

COLUMNS = ("mistake", "task", "seed", "arm", "test_loss", "test_accuracy", "shown_loss", "step_ms", "stopped")
LEVEL = 0.05

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a mistake did to one metric."""

    mistake: str
    title: str
    task: str
    metric: str
    right: np.ndarray
    """(seeds,)."""
    mistaken: np.ndarray
    shown: tuple[float, float] | None
    """The training loss that the loop shows, mean over seeds, right and mistaken."""
    test: PairedTest
    """Of mistaken - right; for times, of the logarithm of their ratio."""
    holm: float | None = None
    """p after Holm's correction for all that are tested."""

    @property
    def p(self) -> float | None:
        """None where there is nothing to test: a run stops or does not."""
        return None if self.metric == "stopped" else self.test.p

    @property
    def found(self) -> bool:
        return self.p is not None and self.p < LEVEL


def write_rows(path: Path, rows: Sequence[Mapping]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{x:.6g}" if isinstance(x, float) else x for name, x in row.items()})


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def costs(rows: Rows) -> list[Cost]:
    """One for each mistake, task and metric that was measured, in the order of MISTAKES."""
    found = []
    for mistake in MISTAKES:
        for task in mistake.tasks:
            these = [row for row in rows if (row["mistake"], row["task"]) == (mistake.name, task)]
            usual = "test_loss" if "language_model" in TASKS[task] else "test_accuracy"
            found += [cost_of(mistake, task, metric, these) for metric in mistake.metrics or (usual,) if these]
    tested = [one for one in found if one.p is not None]
    corrected = multipletests([one.p for one in tested], method="holm")[1] if tested else ()
    holm = {id(one): float(p) for one, p in zip(tested, corrected, strict=True)}
    return [replace(one, holm=holm.get(id(one))) for one in found]


def cost_of(mistake: Mistake, task: str, metric: str, rows: Rows) -> Cost:
    right, mistaken = (column(rows, arm, metric) for arm in ("right", "mistaken"))
    losses = [float(column(rows, arm, "shown_loss").mean()) for arm in ("right", "mistaken")]
    return Cost(
        mistake=mistake.name,
        title=mistake.title,
        task=task,
        metric=metric,
        right=right,
        mistaken=mistaken,
        shown=None if np.isnan(losses).any() else tuple(losses),
        test=paired_t(np.log(mistaken / right) if metric == "step_ms" else mistaken - right),
    )


def column(rows: Rows, arm: str, name: str) -> np.ndarray:
    """(seeds,), in the order of seeds; NaN where nothing was measured."""
    mine = sorted((row for row in rows if row["arm"] == arm), key=lambda row: int(row["seed"]))
    return np.array([float(row[name] or "nan") for row in mine])


@dataclass(frozen=True, slots=True)
class Wording:
    """How the figures of a metric are written."""

    name: str
    level: str
    scale: float
    difference: str
    unit: str
    harm: int
    """1 where more is worse, -1 where less is."""

    def interval(self, test: PairedTest) -> str:
        """`-16.9 points [-18.0, -15.8]`."""
        value, low, high = (self.scaled(end) for end in (test.estimate.value, test.estimate.low, test.estimate.high))
        return f"{value}{self.unit}" if low is None else f"{value}{self.unit} [{low}, {high}]"

    def scaled(self, difference: float | None) -> str | None:
        if difference is None:
            return None
        return format(self.number(difference), f"+{self.difference}").replace("-", "\N{MINUS SIGN}")

    def number(self, difference: float) -> float:
        return 100 * np.expm1(difference) if self.unit == "%" else self.scale * difference

    def ruled_out(self, test: PairedTest) -> str | None:
        """The smallest harm that lies outside of the interval; None where even none does."""
        end = test.estimate.high if self.harm > 0 else test.estimate.low
        harm = None if end is None else self.harm * self.number(end)
        return None if harm is None or harm < 0 else f"{harm:{self.difference}}{self.unit}"


WORDING = {
    "test_accuracy": Wording("test accuracy", ".3f", 100, ".1f", " points", -1),
    "test_loss": Wording("test loss", ".3f", 1, ".3f", " nats", 1),
    "step_ms": Wording("milliseconds a step", ".1f", 100, ".1f", "%", 1),
}


def sentence(cost: Cost) -> str:
    """What a mistake cost, and where that cannot be told, what is ruled out."""
    if cost.metric == "stopped":
        return f"{stopped(cost.mistaken)} stop at the first batch, {stopped(cost.right)} without the mistake."
    wording = WORDING[cost.metric]
    figures = f"{wording.name} {levels(cost)}, {wording.interval(cost.test)}, {p_value(cost.p)}"
    if not cost.found:
        bound = wording.ruled_out(cost.test)
        ruled_out = f"; a cost of more than {bound} is ruled out" if bound else ""
        return f"nothing that {len(cost.right)} seeds can tell from chance: {figures}{ruled_out}."
    if cost.holm >= LEVEL:
        figures += f" ({p_value(cost.holm)} after Holm)"
    if wording.harm * cost.test.estimate.value < 0:
        return f"none, it did better here: {figures}."
    better_shown = cost.shown is not None and cost.shown[1] < cost.shown[0]
    flattery = f"; the training loss it shows is the better one, {shown(cost)}" if better_shown else ""
    return f"{figures}{flattery}."


def markdown_table(found: Sequence[Cost]) -> str:
    header = ("mistake", "measured on", "right → mistaken", "difference, 95%", "p", "Holm", "training loss shown")
    return text_table(header, (table_row(cost) for cost in found))


def table_row(cost: Cost) -> tuple[str, ...]:
    if cost.metric == "stopped":
        return cost.title, "runs that stop", f"{stopped(cost.right)} → {stopped(cost.mistaken)}", "", "", "", ""
    wording = WORDING[cost.metric]
    difference = wording.interval(cost.test)
    return (
        cost.title,
        f"{cost.task}: {wording.name}",
        levels(cost),
        f"**{difference}**" if cost.found else difference,
        *(p_value(p).removeprefix("p = ").removeprefix("p ") for p in (cost.p, cost.holm)),
        shown(cost),
    )


def levels(cost: Cost) -> str:
    spec = WORDING[cost.metric].level
    return f"{cost.right.mean():{spec}} → {cost.mistaken.mean():{spec}}"


def shown(cost: Cost) -> str:
    return "" if cost.shown is None else "{:.3f} → {:.3f}".format(*cost.shown)


def stopped(runs: np.ndarray) -> str:
    return f"{int(runs.sum())} of {len(runs)} runs"


def p_value(p: float | None) -> str:
    if p is None:
        return "no p"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def written(review: str, found: Sequence[Cost]) -> str:
    """The review with the table and each mistake's cost put between their markers, `<!-- NAME -->` and `<!-- end -->`.

    Raises ValueError for a mistake that has no such place, or more than one.
    """
    pieces = {"table": markdown_table(found)}
    for name, costs_of_mistake in groupby(found, key=lambda cost: cost.mistake):
        pieces[name] = paragraph(list(costs_of_mistake))
    for name, text in pieces.items():
        around = re.split(rf"<!-- {name} -->.*?<!-- end -->", review, flags=re.DOTALL)
        if len(around) != 2:
            raise ValueError(f"the review has {len(around) - 1} places for {name}, not one")
        review = f"<!-- {name} -->\n{text}\n<!-- end -->".join(around)
    return review


def paragraph(found: Sequence[Cost]) -> str:
    """The cost of one mistake, a line a task where it was measured in more than one."""
    if len(found) == 1:
        line = sentence(found[0])
        return f"**Cost.** {line[0].upper()}{line[1:]}"
    return "\n".join(["**Cost.**", "", *(f"- As a {cost.task}, {sentence(cost)}" for cost in found)])


def write_review(path: Path, found: Sequence[Cost]) -> None:
    path.write_text(written(path.read_text(encoding="utf-8"), found), encoding="utf-8")
