"""What train/run.py makes of the cells of a study, so that a level it rejects is found before hours are spent."""

from collections.abc import Mapping
from dataclasses import dataclass

from cli.errors import UsageError
from eval.metrics import METRIC_NAMES
from eval.risks import risk_of
from eval.verdicts import RELIABILITY
from train.arguments import RunArguments, TrainerArguments
from train.config import one_line, resolve
from train.studies.plan import Cell, Study, merge

METRICS = {"classification": METRIC_NAMES, "causal_lm": ("loss", "perplexity")}
"""What metrics.json holds of a split, by the task."""


@dataclass(frozen=True, slots=True)
class CheckedCell:
    """A cell, and the settings that train/run.py makes of it."""

    cell: Cell
    args: RunArguments
    trainer_args: TrainerArguments
    settings: dict


def check_cells(study: Study) -> list[CheckedCell]:
    """Every combination of levels once, as train/run.py reads it.

    Of a search, the ends of its ranges and each of its levels. Raises UsageError that names the factor and the level.
    """
    cells = {cell.name: cell for cell in (_corners(study) if study.is_search else study.cells())}
    checked = []
    for cell in cells.values():
        try:
            found = _resolve(study, cell.settings, study.flags, cell.seed)
        except UsageError as error:
            raise UsageError(f"{study.source}: {_culprit(study, cell, str(error))}: {error}") from error
        checked.append(CheckedCell(cell, *found))
        _check_figures(study, *found[:2])
    return checked


def _corners(study: Study) -> list[Cell]:
    """The cells of a search that are worth a look: both ends of all ranges, then each level at the low ends."""
    first = {factor: levels[0] for factor, levels in study.levels.items()}
    low, high = ({name: str(getattr(one, end)) for name, one in study.ranges.items()} for end in ("low", "high"))
    wanted = {"the low ends": first | low, "the high ends": first | high}
    for factor, levels in study.levels.items():
        wanted |= {f"{factor}={level}": first | low | {factor: level} for level in levels[1:]}
    return [study.with_levels(Cell(name, study.seeds[0], {}, {}), levels) for name, levels in wanted.items()]


def _resolve(study: Study, settings: Mapping, flags: list[str], seed: int) -> tuple:
    own = {"output_dir": "unused", "seed": seed}
    try:
        return resolve({**settings, **own}, flags, where=study.source, name=study.name)
    except UsageError as error:
        # The parser's hint is about another command.
        raise UsageError(str(error).removesuffix(" (--help lists every flag)")) from error
    except Exception as error:
        # Whatever transformers raises for a value it does not like.
        raise UsageError(one_line(error) or type(error).__name__) from error


def _culprit(study: Study, cell: Cell, message: str) -> str:
    """Who brings about what train/run.py says to a cell: the base config, a level by itself, or several together."""

    def is_so(settings: Mapping, flags: list[str]) -> bool:
        try:
            _resolve(study, settings, flags, cell.seed)
        except UsageError as error:
            return str(error) == message
        return False

    common = merge(study.base, study.settings)
    for words, settings, flags in (
        ("base", study.base, []),
        ("settings", common, []),
        ("the flags after the file", common, study.flags),
    ):
        if is_so(settings, flags):
            return words
    for factor, level in cell.levels.items():
        if factor in study.ranges:
            own, words = {factor: study.ranges[factor].read(level)}, f"factor {factor} at {level}"
        else:
            own, words = study.factors[factor][level], f"factor {factor}, level {level}"
        if is_so(merge(common, own), study.flags):
            return words
    together = " with ".join(f"{factor} {level}" for factor, level in cell.levels.items())
    return f"{together}, together"


def _check_figures(study: Study, args: RunArguments, trainer_args: TrainerArguments) -> None:
    for where, figure in (("metric is", study.metric), *(("guards names", figure) for figure in study.guards)):
        _check_figure(f"{study.source}: {where} {figure}", figure, args)
    if study.pruning and trainer_args.eval_strategy == "no":
        raise UsageError(
            f"{study.source}: pruning looks at the evaluations of a run, and eval_strategy is no: use epoch or steps"
        )


def _check_figure(who: str, figure: str, args: RunArguments) -> None:
    """Refuse a figure that a run with these settings does not have."""
    group, _, name = figure.partition(".")
    if group == RELIABILITY:
        risk = risk_of(name)
        if risk not in args.risks:
            measured = ",".join([*args.risks, risk])
            raise UsageError(f"{who}, which its runs do not measure: write `measure: {measured}` under settings")
    elif name not in METRICS[args.task]:
        raise UsageError(f"{who}, and --task {args.task} measures {', '.join(METRICS[args.task])}")
