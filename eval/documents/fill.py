"""A template of docs/templates and what its expressions may name."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError
from scipy.stats import binom

from cli.errors import UserError
from eval.documents.pictures import PICTURES
from eval.documents.sources import Arm, Difference, StudyResult, read_table
from eval.markup import table
from eval.metrics import Estimate
from eval.pages import png
from eval.parts.reliability import NAMES
from eval.power import LEVEL, detectable_effect
from eval.probes.generate import generate
from eval.run_directory import read_json, write_bytes, write_text
from eval.targets import TARGETS
from eval.verdicts import BOUNDED, HELPS, HURTS, UNRESOLVED

WORDS = {
    HELPS: "helps",
    HURTS: "hurts",
    BOUNDED: "no effect that matters",
    UNRESOLVED: "cannot be told from chance",
}
"""A verdict in a sentence."""
FALSE_ALARMS = 0.001
NOTE = "<!-- Made from docs/templates/{name} by eval/document.py: change that file. -->"


def write(template: Path) -> Path:
    """Fill a template in and draw its pictures; returns the document, which lies a folder above it.

    Raises UserError where the file is none of a folder of templates, besides what `fill` raises.
    """
    if not template.is_file() or template.resolve().parent.name != "templates":
        raise UserError(f"{template} is no template: name a file of docs/templates")
    document = template.resolve().parents[1] / template.name
    pictures: dict[str, Callable] = {}
    write_text(document, fill(template, pictures))
    for name, draw in pictures.items():
        write_bytes(document.parent / name, png(draw()))
    return document


def fill(template: Path, pictures: dict[str, Callable] | None = None) -> str:
    """The text of a template, filled in; raises UserError where a source is missing or has not what is asked of it.

    pictures: receives {path beside the document: what draws it}, in the order of the document.
    """
    template = template.resolve()
    docs = template.parents[1]
    root = docs.parent
    studies: dict[str, StudyResult] = {}
    found = pictures if pictures is not None else {}

    def study(name: str) -> StudyResult:
        if name not in studies:
            studies[name] = StudyResult(docs / "studies" / name)
        return studies[name]

    def picture(name: str, description: str) -> str:
        if name not in PICTURES:
            raise UserError(
                f"{template.name}: there is no picture {name}; eval/documents/pictures.py draws {', '.join(PICTURES)}"
            )
        path = f"images/{template.stem}_{name}.png"
        found[path] = lambda: PICTURES[name](study, lambda file: read_table(root / file))
        return f"![{description}]({path})"

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"percent": percent, "share": share}
    names = {
        "study": study,
        "picture": picture,
        "csv": lambda file: read_table(root / file),
        "json": lambda file: read_json(root / file),
        "markdown_table": table,
        "sizes": sizes,
        "alarm": alarm,
        "words": WORDS,
        "exchange": exchange,
        "targets": NAMES,
        "met": met,
        "target": target,
        "plain_met": plain_met,
        "recurring": recurring,
    }
    try:
        text = environment.from_string(template.read_text(encoding="utf-8")).render(names)
    except (TemplateError, KeyError, FileNotFoundError) as error:
        raise UserError(f"{template.name} cannot be filled in: {' '.join(str(error).split())}") from error
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{NOTE.format(name=template.name)}\n{rest}"


def percent(figure: Estimate | float, digits: int = 1) -> str:
    """A share in per cent, with its interval where it has one: `17.2% [16.4%, 18.1%]`."""
    if isinstance(figure, Estimate):
        text = share(figure.value, digits)
        return text if figure.low is None else f"{text} [{share(figure.low, digits)}, {share(figure.high, digits)}]"
    return share(figure, digits)


def share(figure: Estimate | float, digits: int = 1) -> str:
    """A share in per cent, without its interval."""
    return f"{100 * (figure.value if isinstance(figure, Estimate) else figure):.{digits}f}%"


def sizes(seeds: int, comparisons: int = 1) -> str:
    """The smallest effect that so many pairs find with 80% power, in standard deviations of the pairs' differences."""
    return f"{detectable_effect(1.0, seeds, level=LEVEL / comparisons):.1f}"


def met(row: Mapping[str, object]) -> str:
    """What a row of benchmarks/robust_recipe.py says of its target: surely, yes, no, or nothing without one."""
    if pd.isna(row["met"]):
        return ""
    return ("surely" if row["surely_met"] else "yes") if row["met"] else "no"


def target(row: Mapping[str, object]) -> str:
    """The target of such a row in a narrow column."""
    return "" if pd.isna(row["target"]) else row["target"].replace(">= +0", "no loss").replace(">= -", "loss < ")


def plain_met(table: pd.DataFrame) -> int:
    """How many targets the plain networks meet, by rows of benchmarks/robust_recipe.py with a row a figure."""
    return sum(bool(table.loc[figure, "plain"] < most) for figure, most in TARGETS.items())


def recurring(seed: int) -> float:
    """The share of the suite's cases of a seed that are those of seed 0 too."""
    known = {(case.test, case.texts) for case in generate(0)}
    cases = generate(seed)
    return sum((case.test, case.texts) in known for case in cases) / len(cases)


def exchange(arm: Arm, accuracy: Difference) -> str:
    """Points of a risk for each point of accuracy, at the worst end of its interval; `free` where that is a gain.

    A dash where the arm is not told to help.
    """
    if arm.verdict != HELPS:
        return "–"
    return "free" if accuracy.low >= 0 else f"{arm.effect.value / accuracy.low:.1f}"


def alarm(n: int, share: float) -> int:
    """The smallest count of n which chance alone exceeds or reaches in at most FALSE_ALARMS of days, at that share."""
    return int(binom.isf(FALSE_ALARMS, n, share)) + 1
