"""A study's YAML file, and the flags after it: read, and checked as far as that goes without train/run.py."""

import argparse
import math
import os
import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cli.errors import UsageError
from eval.risks import FIGURES
from eval.verdicts import RELIABILITY, in_points
from train.arguments import read_mapping
from train.config import DEFAULT_CONFIG, INSTEAD, PUSHING, build_parser, nearest, read_config
from train.studies.checking import METRICS
from train.studies.designs import FRACTIONAL, ONE_AT_A_TIME, SEARCH, check_design, make_cells
from train.studies.plan import Range, Study

SAMPLERS = ("tpe", "random")
KEEP = ("results", "models")

KEYS = (
    *("hypothesis", "base", "settings", "design", "generators", "resolution", "factors", "seeds", "metric", "margin"),
    *("guards", "processes", "keep", "samplers", "trials", "pruning", "confirm_seeds"),
)
OF_A_SEARCH = ("samplers", "trials", "pruning", "confirm_seeds")
NOT_OF_A_SEARCH = ("hypothesis", "guards")
OF_A_FRACTION = ("generators", "resolution")

# What every run of a study gets from the study itself, and what says it there.
OWN = {
    "seed": "seeds in the study's file",
    "output_dir": "--study_dir",
    "config": "base in the study's file",
    "json": "--json before the other flags",
    "resume": "the same command again, which goes on",
    "overwrite": "another --study_dir",
    **dict.fromkeys(sorted(PUSHING), "python train/publish.py for the run that is to be shared"),
}

OPTIONS = ("study_dir", "storage", "workers", "grace", "max_cells", "dry_run", "json")
"""Flags of train/study.py."""

# The columns of runs.csv beside those of the factors.
COLUMNS = ("cell", "sampler", "seed", "status", "reason", "run", "seconds", "training_seconds", "steps")

NOT_THERE = "there is no such config file"

SHIPPED = Path(__file__).parents[1] / "configs" / "studies"
MOST_VALUES = 10_000
LONGEST = 300
"""Characters of a message: a value in it may be of any length."""
LARGEST_WHOLE = 2**63
SEED_END = 2**32
"""Where numpy's seeds end."""


def read_study(path: Path, flags: list[str], max_cells: int | None = None) -> Study:
    """Read a study's file; `flags` are those of train/run.py that every run shall have.

    Raises UsageError, one line that names the key, for whatever cannot be meant and for a design of more than
    `max_cells` runs; what train/run.py makes of the levels is seen by check_cells().
    """
    content = _read(path)
    try:
        study = _study(path, content, flags, max_cells)
        if study.factors:
            make_cells(
                study.levels,
                study.design,
                generators=study.generators,
                resolution=study.resolution,
                limit=max_cells,
            )
        if max_cells is not None and study.planned > max_cells:
            raise UsageError(
                f"{study.planned:,} runs and --max_cells is {max_cells}: raise it, or drop seeds or levels"
            )
        _check_names(study)
    except UsageError as error:
        raise UsageError(f"{path}: {textwrap.shorten(str(error), LONGEST, placeholder=' …')}") from error
    _check_flags_after(study)
    return study


def _read(path: Path) -> dict:
    """The mapping in the file at `path`, of plain values only; a key with nothing after it is left out."""
    try:
        content = read_config(path)
        _check_plain(content)
    except UsageError as error:
        message = str(error) if str(path) in str(error) else f"{path}: {error}"
        if message.endswith(NOT_THERE):
            shipped = [other.stem for other in SHIPPED.glob("*.yaml")]
            near = nearest(path.stem, shipped, prefix=f"{os.path.relpath(SHIPPED)}/")
            message = f"{path}: there is no such study"
            message += f"{near.removesuffix('?')}.yaml?" if "mean" in near else ": its file comes first, flags follow"
        raise UsageError(message) from error
    return {key: value for key, value in content.items() if value is not None}


def _study(path: Path, content: Mapping, flags: list[str], max_cells: int | None) -> Study:
    for key in content:
        if key not in KEYS:
            near = nearest(key, KEYS)
            hint = near if "mean" in near else f": a study has {', '.join(KEYS)}"
            if key in _flags():
                hint = ": as a flag of train/run.py it stands under settings"
            raise UsageError(f"unknown key {key!r}{hint}")
    for key, example in (("factors", "`factors: {dropout: [0.1, 0.0]}`"), ("metric", "`metric: test.accuracy`")):
        if not content.get(key):
            raise UsageError(f"{key} is missing: write {example}, say")
    design = content.get("design", ONE_AT_A_TIME)
    check_design(design)
    searching = design == SEARCH
    for keys, wanted in ((OF_A_SEARCH, SEARCH), (OF_A_FRACTION, FRACTIONAL)):
        if given := [key for key in keys if key in content and design != wanted]:
            raise UsageError(f"{given[0]} is for design: {wanted}, not {design}: leave it out")
    if given := [key for key in NOT_OF_A_SEARCH if key in content and searching]:
        raise UsageError(f"{given[0]} is for designs that compare arms, and a search finds settings: leave it out")
    factors, ranges = _read_factors(content["factors"], searching=searching)
    processes, pruning = _whole(content, "processes", 1), content.get("pruning", False)
    if not isinstance(pruning, bool):
        raise UsageError(f"pruning is {pruning!r}: it is true or false")
    if pruning and processes > 1:
        raise UsageError("pruning is for runs on one process: leave it out, or processes")
    confirm_seeds = _whole(content, "confirm_seeds", 5) if searching else 0
    metric = _read_figure("metric", content["metric"])
    if pruning and metric.startswith(f"{RELIABILITY}."):
        raise UsageError(f"pruning looks at a run on its way, and {metric} is measured at its end: leave it out")
    return Study(
        name=path.stem,
        source=str(path),
        base=_read_base(path, content.get("base")),
        settings=_read_flags("settings", content.get("settings", {})),
        flags=list(flags),
        design=design,
        generators=_read_generators(content.get("generators")),
        resolution=content.get("resolution"),
        factors=factors,
        ranges=ranges,
        seeds=_read_seeds(content.get("seeds", 1 if searching else 5), max_cells, confirm_seeds, searching=searching),
        metric=metric,
        margin=_read_margin(content.get("margin"), metric),
        processes=processes,
        keep=_one_of(content, "keep", KEEP),
        samplers=_read_samplers(content.get("samplers", list(SAMPLERS))) if searching else [],
        trials=_whole(content, "trials", 20) if searching else 0,
        pruning=pruning,
        confirm_seeds=confirm_seeds,
        hypothesis=_read_hypothesis(content.get("hypothesis")),
        guards=_read_guards(content.get("guards", {})),
    )


def _read_base(path: Path, base: object) -> dict:
    """The base config, without what a study says itself."""
    if base is not None and (not isinstance(base, str) or not base):
        raise UsageError(f"base is {base!r}: it is the path of a config of train/run.py, such as ../quickstart.yaml")
    where = path.parent / base if base else DEFAULT_CONFIG
    try:
        content = read_config(where)
        _check_plain(content)
        return _read_flags("base", {key: value for key, value in content.items() if key not in OWN}, none=True)
    except UsageError as error:
        raise UsageError(str(error) if str(error).startswith("base") else f"base: {error}") from error


def _read_factors(factors: object, *, searching: bool) -> tuple[dict[str, dict[str, dict]], dict[str, Range]]:
    """The factors with levels and, of a search, those with ranges."""
    if not isinstance(factors, dict):
        raise UsageError("factors is a mapping of a factor's name to its levels: `factors: {dropout: [0.1, 0.0]}`")
    levelled, ranges, owners = {}, {}, {}
    for key, given in factors.items():
        name = _check_name("factor", _level_name(key))
        if name in levelled or name in ranges:
            raise UsageError(f"factor {name} stands twice")
        if _is_range(given):
            if not searching:
                raise UsageError(f"factor {name} is a range, which is for design: {SEARCH}: list its levels")
            _check_flag(f"factor {name}", name)
            ranges[name] = _read_range(name, given)
            touched = {name}
        else:
            levelled[name] = _read_levels(name, given)
            touched = {leaf for flags in levelled[name].values() for leaf in _leaves(flags)}
            if not touched:
                raise UsageError(f"factor {name} sets no flag: its levels are flags, `lora: {{tuning: lora}}`")
        for leaf in sorted(touched):
            for other, owner in owners.items():
                if _overlap(leaf, other):
                    raise UsageError(f"factors {owner} and {name} both set {leaf}: one would undo the other")
        owners |= dict.fromkeys(touched, name)
    if searching and not ranges:
        raise UsageError(
            "a search draws from ranges and none is given: write `learning_rate: {low: 1.0e-5, high: 1.0e-3}`, "
            "say, or use design: grid"
        )
    return levelled, ranges


def _read_levels(name: str, given: object) -> dict[str, dict]:
    """{level: flags} of a factor, from a list of values of the flag of its name or from named levels."""
    if isinstance(given, list):
        _check_flag(f"factor {name}", name)
        pairs = [(_level_name(value), {name: value}) for value in given]
    elif isinstance(given, dict):
        pairs = [(_level_name(level), flags) for level, flags in given.items()]
    elif given is None:
        pairs = []
    else:
        raise UsageError(f"factor {name} is {given!r}: it is a list of values, or a mapping of level names to flags")
    levels = {}
    for level, flags in pairs:
        _check_name(f"factor {name}: level", level)
        if level in levels:
            raise UsageError(f"factor {name} has the level {level} twice")
        levels[level] = _read_flags(f"factor {name}, level {level}", flags)
    if len(levels) < 2:
        had = f"only the level {', '.join(levels)}" if levels else "no levels"
        raise UsageError(f"factor {name} has {had}: give the baseline and one more, or drop it")
    return levels


def _is_range(given: object) -> bool:
    # Levels may be called low and high, too: then they are mappings of flags.
    return (
        isinstance(given, dict)
        and bool({"low", "high"} & set(given))
        and not any(isinstance(value, dict) for value in given.values())
    )


def _read_range(name: str, given: dict) -> Range:
    for key in given:
        if key not in ("low", "high", "log"):
            raise UsageError(f"factor {name} has {key!r}: a range has low, high and log")
    low, high, log = _number(given.get("low")), _number(given.get("high")), given.get("log", False)
    if not isinstance(log, bool):
        raise UsageError(f"factor {name}: log is {log!r}: it is true or false")
    if low is None or high is None or not low < high or (log and low <= 0):
        raise UsageError(
            f"factor {name} goes from {given.get('low')} to {given.get('high')}: low and high are numbers, low below "
            "high, and above 0 where log is true"
        )
    if _flags()[name].type is float:
        # From 0 to 1 such a flag has more to offer than its ends.
        low, high = float(low), float(high)
    return Range(low, high, log)


def _read_flags(where: str, flags: object, *, none: bool = False) -> dict:
    """Flags of train/run.py with their values, those that are mappings as such; `none`: a base may say nothing."""
    if flags is None and not none:
        return {}
    if not isinstance(flags, dict):
        raise UsageError(f"{where} is {flags!r}: flags are written as a mapping, `learning_rate: 1.0e-4`")
    read = {}
    for key, value in flags.items():
        _check_flag(where, key)
        if key == "model_config" and isinstance(value, str):
            try:
                value = read_mapping(value)
            except ValueError as error:
                raise UsageError(f"{where}: model_config is {value!r}: {error}") from error
        read[key] = value
    return read


def _check_flag(where: str, key: object) -> None:
    """Refuse what is no flag of train/run.py, or one that the study sets itself."""
    if key in OWN:
        raise UsageError(f"{where}: {key} is set by the study itself: use {OWN[key]}")
    if key in INSTEAD:
        raise UsageError(f"{where}: {key} is no flag of train/run.py: use {INSTEAD[key]}")
    if key not in _flags():
        if isinstance(key, str) and key.split(".")[0] == "model_config":
            hint = ": name its levels, `with: {}` and `without: {model_config: {residual: false}}`"
        else:
            hint = nearest(key, _flags())
            hint = hint if "mean" in hint else ": python train/run.py --help lists them"
        raise UsageError(f"{where}: {key} is no flag of train/run.py{hint}")


def _check_name(what: str, name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise UsageError(f"{what} {name!r}: give it a name that can be printed")
    return name


def _check_names(study: Study) -> None:
    """Refuse names that files cannot tell apart."""
    for name in (*study.factors, *study.ranges):
        if name in COLUMNS or name.split(".")[0] in ("validation", "test", "training", RELIABILITY):
            raise UsageError(f"factor {name}: runs.csv has another column of this name: call it otherwise")
    seen = {}
    for cell in study.cells():
        # Some file systems do not tell a from A.
        other = seen.setdefault(cell.key.casefold(), cell)
        if other is not cell:
            raise UsageError(f"the cells {other.name} and {cell.name} would share a folder: rename a factor or a level")


def _check_flags_after(study: Study) -> None:
    """Refuse flags after the file that train/run.py does not know, or that would win over every level of a factor."""
    given = _parse_flags(study.flags)
    for name in given:
        if name in OWN:
            raise UsageError(f"--{name} is set by the study itself: use {OWN[name]}")
    owners = {name: name for name in study.ranges}
    owners |= {leaf: name for name, levels in study.factors.items() for one in levels.values() for leaf in _leaves(one)}
    for leaf in sorted(_leaves(given)):
        for other, owner in owners.items():
            if _overlap(leaf, other):
                raise UsageError(
                    f"--{leaf.split('.')[0]} would win over every level of the factor {owner} of {study.source}, which "
                    f"sets {other}: leave it out"
                )


def _parse_flags(flags: list[str]) -> dict:
    """Those flags of train/run.py that are named in `flags`."""
    parser = build_parser()
    for action in parser._actions:
        # model_config is merged with what is there, so something must be.
        action.default = None if action.dest == "model_config" else argparse.SUPPRESS
    try:
        namespace, strange = parser.parse_known_args(flags)
    except UsageError as error:
        raise UsageError(str(error).replace("(--help", "(python train/run.py --help")) from error
    if strange:
        name = strange[0].split("=")[0]
        if not name.startswith("--"):
            raise UsageError(f"unexpected argument {name!r}: the study's file comes first, then --name value")
        name = name.lstrip("-").replace("-", "_")
        if name in INSTEAD:
            raise UsageError(f"--{name} is no flag of train/run.py: use {INSTEAD[name]}")
        hint = nearest(name, [*OPTIONS, *_flags()], prefix="--").replace("(--help", "(python train/run.py --help")
        raise UsageError(f"unknown flag --{name}{hint}")
    return {key: value for key, value in vars(namespace).items() if value is not None}


@cache
def _flags() -> dict[str, argparse.Action]:
    """The flags of train/run.py by their names."""
    return {action.dest: action for action in build_parser()._actions if action.dest not in ("help", "config")}


def _leaves(flags: Mapping) -> set[str]:
    """The flags that are set, those within a mapping by `flag.key`."""
    return {
        leaf
        for key, value in flags.items()
        for leaf in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key])
    }


def _overlap(one: str, other: str) -> bool:
    """Whether two leaves are the same, or one is the whole mapping that the other is a part of."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _read_seeds(seeds: object, limit: int | None, confirm: int, *, searching: bool) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool) and seeds > 0:
        if seeds > (limit or SEED_END):
            raise UsageError(f"seeds is {seeds:,} and --max_cells is {limit}: seeds is how many, or a list of them")
        seeds = list(range(seeds))
    ours = isinstance(seeds, list) and bool(seeds)
    if not ours or any(isinstance(seed, bool) or not isinstance(seed, int) or seed < 0 for seed in seeds):
        raise UsageError(f"seeds is {seeds!r}: how many, or a list of whole numbers from 0 on")
    if twice := [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]:
        raise UsageError(f"seeds has {twice[0]} twice: each seed is run once")
    if searching and len(seeds) > 1:
        raise UsageError("a search makes all its trials with one seed: leave seeds out (confirm_seeds is for the end)")
    if max(seeds) + confirm >= SEED_END:
        raise UsageError(f"seeds has {max(seeds)}: they end at {SEED_END - 1 - confirm}")
    return seeds


def _read_figure(where: str, figure: object) -> str:
    """What a run is judged by: a metric of one of its splits, or a figure of its reliability."""
    group, _, name = str(figure).partition(".")
    if group == RELIABILITY:
        if name not in FIGURES:
            hint = nearest(name, FIGURES, prefix=f"{RELIABILITY}.")
            hint = hint if "mean" in hint else f": it is one of {', '.join(FIGURES)}"
            raise UsageError(f"{where} is {figure}, which nothing measures{hint}")
        return f"{group}.{name}"
    names = list(dict.fromkeys(name for measured in METRICS.values() for name in measured))
    if group not in ("validation", "test") or name not in names:
        near = nearest(name if group in ("validation", "test") else group, names, prefix="test.")
        raise UsageError(
            f"{where} is {figure}: it is validation or test, a dot, and one of {', '.join(names)}, or "
            f"{RELIABILITY} and one of its figures{near if 'mean' in near else ''}"
        )
    return f"{group}.{name}"


def _read_guards(guards: object) -> dict[str, float]:
    """{figure: how much of it may be lost at most}."""
    if not isinstance(guards, dict):
        raise UsageError("guards is a mapping of figures to what may be lost of them: `guards: {test.accuracy: 0.005}`")
    read = {}
    for key, given in guards.items():
        figure, margin = _read_figure("guards: a figure", key), _number(given)
        if margin is None or margin < 0:
            raise UsageError(f"guards: {figure} is {given}: it is how much may be lost of it, 0 or more")
        if in_points(figure) and margin >= 1:
            raise UsageError(f"guards: {figure} is {given}: it goes up to 1, and a point of it is 0.01")
        read[figure] = float(margin)
    return read


def _read_hypothesis(hypothesis: object) -> str | None:
    if hypothesis is None:
        return None
    text = " ".join(hypothesis.split()) if isinstance(hypothesis, str) else ""
    if not text:
        raise UsageError(f"hypothesis is {hypothesis!r}: it is what the study is to show, in a sentence")
    if len(text) > LONGEST:
        raise UsageError(f"hypothesis has {len(text)} characters: say it in a sentence of {LONGEST} at most")
    return text


def _read_margin(margin: object, metric: str) -> float | None:
    number = _number(margin)
    if margin is not None and (number is None or number <= 0):
        raise UsageError(f"margin is {margin}: it is the smallest difference that matters, a number above 0")
    if number is not None and in_points(metric) and number >= 1:
        raise UsageError(f"margin is {margin}: {metric} goes up to 1, and a point of it is 0.01")
    return number


def _read_generators(generators: object) -> str | None:
    if generators is not None and not isinstance(generators, str):
        raise UsageError(f"generators is {generators!r}: it is a word a factor, `generators: a b ab`")
    return generators


def _read_samplers(samplers: object) -> list[str]:
    if not isinstance(samplers, list) or not samplers or any(sampler not in SAMPLERS for sampler in samplers):
        raise UsageError(f"samplers is {samplers!r}: it is a list of {' and '.join(SAMPLERS)}")
    return list(dict.fromkeys(samplers))


def _whole(content: Mapping, key: str, default: int) -> int:
    value = content.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{key} is {value!r}: it is a whole number above 0")
    return value


def _one_of(content: Mapping, key: str, choices: tuple[str, ...]) -> str:
    value = content.get(key, choices[0])
    if value not in choices:
        raise UsageError(f"{key} is {value!r}: it is {' or '.join(choices)}")
    return value


def _number(value: object) -> float | int | None:
    """A finite number, also from a text: 1e-5 is one to YAML, which wants 1.0e-5; else None."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _level_name(value: object) -> str:
    # The words of YAML, not of Python.
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={_level_name(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ",".join(map(_level_name, value))
    return str(value)


def _check_plain(content: Mapping) -> None:
    """Refuse what no flag can hold (dates, sets, whole numbers of any length) and what refers to itself."""
    left, seen = [content], 0
    while left:
        value, seen = left.pop(), seen + 1
        if seen > MOST_VALUES:
            raise UsageError(f"more than {MOST_VALUES:,} values, or one that refers to itself")
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, int) and abs(value) >= LARGEST_WHOLE:
            raise UsageError("a whole number has more than 18 digits")
        elif isinstance(value, str) and not value.replace("\n", " ").replace("\t", " ").isprintable():
            raise UsageError(f"{value[:40]!r} holds a character that cannot be printed")
        elif not isinstance(value, str | int | float | None):
            raise UsageError(f"{value!r:.40} is read as a {type(value).__name__}: write it in quotes")
