"""From a YAML file and flags to settings, and back to the config.yaml of a run."""

import dataclasses
import difflib
import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NoReturn, get_args, get_type_hints

import yaml
from transformers import HfArgumentParser

from cli.errors import UsageError
from eval.run_directory import RunDirectory, write_text
from train.arguments import RunArguments, TrainerArguments, resolve_precision

DEFAULT_CONFIG = Path(__file__).parent / "configs" / "quickstart.yaml"

# Settings of a launch, not of a run: they may differ when a run is taken up again.
NOT_COMPARED = {"output_dir", "resume", "overwrite", "json", "disable_tqdm"}


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (--help lists every flag)")


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
    parser = build_parser()
    flags = _parse_known(parser, argv)
    config = flags.config or DEFAULT_CONFIG
    defaults = read_config(config)
    known = {action.dest for action in parser._actions} - {"help", "config"}
    for key in defaults:
        if key not in known:
            raise UsageError(f"{config}: unknown key {key!r}{_nearest(key, known)}")
    # Nothing and an empty list cannot be said in flags.
    parser.set_defaults(**{key: value for key, value in defaults.items() if value == [] or _means_none(key, value)})
    settings = vars(_parse_known(parser, [*_as_flags(defaults), *argv]))

    settings = {key: value.value if isinstance(value, Enum) else value for key, value in settings.items()}
    settings.pop("config")
    settings["output_dir"] = settings["output_dir"] or f"runs/{config.stem}"
    settings["precision"] = resolve_precision(settings["precision"])
    settings["bf16"] = settings["precision"] == "bf16"
    settings["fp16"] = settings["precision"] == "fp16"
    settings["use_cpu"] = settings["use_cpu"] or _no_accelerator()
    ours = {key: settings[key] for key in (field.name for field in dataclasses.fields(RunArguments))}
    trainers = {key: value for key, value in settings.items() if key not in ours}
    try:
        return RunArguments(**ours), TrainerArguments(**trainers), settings
    except ValueError as error:
        raise UsageError(" ".join(str(error).split())) from error


def read_config(path: Path) -> dict:
    """The mapping in a YAML file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such config file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}: not valid YAML{where}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: a config is a mapping of `key: value` lines, not a {type(content).__name__}")
    return content


def save_config(run: RunDirectory, settings: dict) -> None:
    """Write every resolved setting to the run's config.yaml; --config with that file repeats the run."""
    kept = {key: value for key, value in settings.items() if key not in NOT_COMPARED - {"output_dir"}}
    heading = "# Every setting of this run; `--config` with this file repeats it.\n"
    write_text(run.config, heading + yaml.safe_dump(kept))


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
        if extras[0].startswith("-"):
            raise UsageError(f"unknown flag --{name}{_nearest(name, flags, prefix='--')}")
        raise UsageError(f"unexpected argument {extras[0]!r}: settings are given as --name value")
    return namespace


def _nearest(name: object, known: set[str], prefix: str = "") -> str:
    match = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{match[0]}?" if match else " (--help lists every name)"


def _as_flags(defaults: dict) -> list[str]:
    """YAML values in the words of the command line, so that both pass through one set of checks."""
    flags = []
    for key, value in defaults.items():
        if isinstance(value, list) and value:
            flags += [f"--{key}", *map(str, value)]
        elif isinstance(value, dict):
            flags.append(f"--{key}={json.dumps(value)}")
        elif value is not None and value != []:
            flags.append(f"--{key}={value}")
    return flags


def _means_none(key: str, value: object) -> bool:
    hints = get_type_hints(RunArguments) | get_type_hints(TrainerArguments)
    return value is None and type(None) in get_args(hints[key])


def _plain(value: object) -> object:
    return yaml.safe_load(yaml.safe_dump(value))


def _no_accelerator() -> bool:
    import torch

    return not torch.accelerator.is_available()
