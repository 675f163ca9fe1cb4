"""From a YAML file and flags to settings, and back to the config.yaml of a run."""

import argparse
import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import yaml
from transformers import HfArgumentParser

from cli.errors import UsageError
from cli.parser import OneLineErrors
from eval.run_directory import RunDirectory, write_text
from train.arguments import RunArguments, TrainerArguments

DEFAULT_CONFIG = Path(__file__).parent / "configs" / "quickstart.yaml"

# Fields of TrainingArguments that are no flags here, and what to say instead.
INSTEAD = {
    "resume_from_checkpoint": "--resume",
    "hub_token": "`hf auth login` or the environment's HF_TOKEN: a token in a command or a file is soon in a log",
}

# The first line of a config.yaml that a run wrote: how a run directory is known.
HEADING = "# Every setting of this run; `--config` with this file and another --output_dir repeats it.\n"

# Where a run is pushed: not in its config.yaml either, so that who repeats somebody's run does not push it there.
PUSHING = {"push_to_hub", "hub_model_id", "hub_strategy", "hub_private_repo", "hub_always_push", "hub_revision"}

# Settings of a launch, not of a run: they may differ when a run is taken up again.
NOT_COMPARED = {"output_dir", "resume", "overwrite", "json", "disable_tqdm", "on_finding"} | PUSHING


# What PyYAML raises beside its own errors: for a date there is none of, a list as a key, a text of brackets alone.
_NOT_YAML = (ValueError, TypeError, AttributeError, RecursionError)


class _UniqueKeys(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Parser(OneLineErrors, HfArgumentParser):
    pass


def build_parser() -> HfArgumentParser:
    """The parser of train/run.py: every field of RunArguments and TrainerArguments, and --config."""
    parser = _Parser(
        [RunArguments, TrainerArguments],
        prog="accelerate launch train/run.py",
        description="Fine-tune a sentiment classifier. YAML gives the defaults, flags win.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, default=None, help="YAML file; the quickstart's if left out")
    return parser


def parse(argv: Sequence[str]) -> tuple[RunArguments, TrainerArguments, dict]:
    """Read the flags and the YAML file that --config names.

    Returns our settings, the Trainer's, and all of them as one resolved mapping (what config.yaml holds).
    Raises UsageError, one line, for a key, a flag or a value that cannot be meant.
    """
    config = _parse_known(build_parser(), argv).config or DEFAULT_CONFIG
    return resolve(read_config(config), argv, where=config, name=config.stem)


def resolve(
    defaults: Mapping[str, object], argv: Sequence[str], *, where: str | Path, name: str
) -> tuple[RunArguments, TrainerArguments, dict]:
    """The settings of a run from the keys and values of a config and the flags that win over them.

    `where` is whose they are, for messages; `name` names the run directory under runs/ where --output_dir does not.
    Returns and raises as parse() does.
    """
    parser = build_parser()
    actions = {action.dest: action for action in parser._actions if action.dest not in ("help", "config")}
    for key in defaults:
        if key in INSTEAD:
            raise UsageError(f"{where}: {key} is no key here: use {INSTEAD[key]}")
        if key not in actions:
            raise UsageError(f"{where}: unknown key {key!r}{nearest(key, set(actions))}")
    # Nothing and an empty list cannot be said in flags.
    parser.set_defaults(**{key: value for key, value in defaults.items() if value == [] or _means_none(key, value)})
    flags = [flag for key, value in defaults.items() for flag in _as_flags(actions[key], value)]
    settings = vars(_parse_known(parser, [*flags, *argv]))

    settings = {key: value.value if isinstance(value, Enum) else value for key, value in settings.items()}
    settings.pop("config")
    settings["output_dir"] = settings["output_dir"] or f"runs/{name}"
    ours = {field.name: settings[field.name] for field in dataclasses.fields(RunArguments)}
    trainers = {key: value for key, value in settings.items() if key not in ours}
    try:
        args, trainer_args = RunArguments(**ours), TrainerArguments(**trainers)
    except (ValueError, TypeError, ImportError, OSError, RuntimeError) as error:
        raise UsageError(one_line(error)) from error
    if args.early_stopping_patience and trainer_args.eval_strategy == "no":
        raise UsageError("--early_stopping_patience counts evaluations: it needs --eval_strategy epoch or steps")
    metric = trainer_args.metric_for_best_model
    if args.task == "causal_lm" and (metric or "loss").removeprefix("eval_") != "loss":
        raise UsageError(f"--metric_for_best_model is {metric}: a language model is judged by eval_loss")
    return args, trainer_args, settings | {"precision": trainer_args.precision, "use_cpu": trainer_args.use_cpu}


def one_line(error: Exception) -> str:
    """The message of somebody else's exception on one line."""
    return " ".join(str(error).split())


def read_config(path: Path) -> dict:
    """The mapping in a YAML file."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such config file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise UsageError(f"{path}: not valid YAML{where} ({problem})") from error
    except _NOT_YAML as error:
        raise UsageError(f"{path}: not valid YAML ({one_line(error)})") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a config is a mapping of `key: value` lines, not a {type(content).__name__}")
    return content


def save_config(run: RunDirectory, settings: dict) -> None:
    """Write every resolved setting to the run's config.yaml; --config with that file repeats the run."""
    kept = {key: value for key, value in settings.items() if key not in NOT_COMPARED - {"output_dir"}}
    write_text(run.config, HEADING + yaml.safe_dump(kept))


def wrote_config(run: RunDirectory) -> bool:
    """Whether the config.yaml there is one that save_config wrote."""
    try:
        return run.config.read_text(encoding="utf-8").startswith(HEADING)
    except (OSError, UnicodeDecodeError):
        return False


def first_difference(run: RunDirectory, settings: dict) -> str | None:
    """The first setting in which the run's config.yaml differs from `settings`, in words, or None."""
    saved = read_config(run.config)
    for key, value in settings.items():
        if key not in NOT_COMPARED and key in saved and saved[key] != _plain(value):
            return f"{key}: {saved[key]} (now {value})"
    return None


def _parse_known(parser: HfArgumentParser, argv: Sequence[str]):
    namespace, extras = parser.parse_known_args(list(argv))
    if extras:
        flags = {option.lstrip("-") for option in parser._option_string_actions}
        name = extras[0].split("=")[0].lstrip("-").replace("-", "_")
        if name in INSTEAD:
            raise UsageError(f"--{name} is no flag here: use {INSTEAD[name]}")
        if extras[0].startswith("-"):
            raise UsageError(f"unknown flag --{name}{nearest(name, flags, prefix='--')}")
        raise UsageError(f"unexpected argument {extras[0]!r}: settings are given as --name value")
    return namespace


def nearest(name: object, known: Iterable[str], prefix: str = "") -> str:
    """What a message adds after a name that is not known."""
    match = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{match[0]}?" if match else " (--help lists every name)"


def _as_flags(action: argparse.Action, value: object) -> list[str]:
    """A YAML value in the words of the command line, so that both pass through one set of checks."""
    flag = f"--{action.dest}"
    if value is None or value == []:
        return []
    if isinstance(value, list):
        return [flag, *map(str, value)]
    if isinstance(value, dict):
        return [f"{flag}={json.dumps(value)}"]
    if value is False and action.nargs != "?":
        value = "no"  # YAML reads the word as a boolean
    return [f"{flag}={action.const if value is True and action.nargs == '?' else value}"]


def _means_none(key: str, value: object) -> bool:
    return value is None and type(None) in get_args(_hints()[key])


@cache
def _hints() -> dict[str, object]:
    # 1.5 ms, which a study asks for each setting of each of its runs.
    return get_type_hints(RunArguments) | get_type_hints(TrainerArguments)


def _plain(value: object) -> object:
    return yaml.safe_load(yaml.safe_dump(value))
