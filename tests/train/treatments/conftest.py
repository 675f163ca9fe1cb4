"""Runs that were never trained: their settings and a journal, which is all that planning a treatment looks at."""

import json
from pathlib import Path

import numpy as np
import pytest

from eval.diagnosis.finding import Action, Finding, Name, Onset
from eval.diagnosis.reading import read_history
from eval.run_directory import RunDirectory
from train.checkpoints import mark_complete
from train.config import resolve, save_config
from train.treatments.budget import Budget
from train.treatments.command import case_of


class WrittenRun:
    """A run directory with settings and a log of `steps` steps."""

    def __init__(self, folder: Path, data: Path, *, steps: int = 300, seconds: float = 30.0, **settings):
        self.run = RunDirectory(folder)
        folder.mkdir(parents=True)
        told = {"model": "deep_mlp", "model_config": {"depth": 6, "width": 16}, "data_dir": str(data)} | settings
        told |= {"output_dir": str(folder), "cpu_threads": 1, "precision": "fp32", "max_length": 32}
        save_config(self.run, resolve(told, [], where="a test", name="run")[2])
        falling = np.exp(-np.linspace(0, 6, 30))
        self.losses(0.3 + 0.4 * falling, 0.5 + 0.2 * falling[2::3], steps=steps, seconds=seconds)

    def losses(self, train, validation, *, steps: int = 300, seconds: float = 30.0) -> None:
        """Write a journal of these losses, spread evenly over the steps."""

        def at(values):
            return zip(np.linspace(steps / len(values), steps, len(values)).astype(int).tolist(), values, strict=True)

        rate = {"learning_rate": 5e-5, "grad_norm": 1.0}
        lines = [{"kind": "train", "step": step, "loss": float(loss), **rate} for step, loss in at(train)]
        # A metric that stands still would be that of a network which answers all alike.
        metric = (0.8 + 0.02 * np.sin(range(len(validation)))).tolist()
        lines += [
            {"kind": "eval", "step": step, "loss": float(loss), "accuracy": accuracy}
            for (step, loss), accuracy in zip(at(validation), metric, strict=True)
        ]
        lines = sorted(lines, key=lambda line: line["step"])
        lines.insert(0, {"kind": "event", "step": 0, "event": "train_begin", "max_steps": steps})
        lines.append({"kind": "event", "step": steps, "event": "train_end", "seconds": seconds})
        text = "".join(json.dumps(line | {"epoch": line["step"] / 12}) + "\n" for line in lines)
        self.run.journal.write_text(text)

    def checkpoint(self, step: int) -> Path:
        """A checkpoint that is whole, of nothing."""
        folder = self.run.path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        mark_complete(folder)
        return folder

    def case(self, name: Name, *actions: Action, onset: float | None = None, budget: float = 1e5, **of_budget):
        """The run, sick of `name`, with a budget for everything."""
        found = Finding(
            name=name,
            severity=0.5,
            confidence=0.9,
            onset=None if onset is None else Onset(onset, None),
            evidence={},
            causes=[],
            today=list(actions),
        )
        return case_of(self.run, read_history(self.run.path), found, Budget(budget, **of_budget))


@pytest.fixture
def write_run(tmp_path, tiny_corpus):
    """A function that writes a run with these settings."""

    def write(name: str = "run", **settings) -> WrittenRun:
        return WrittenRun(tmp_path / name, tiny_corpus, **settings)

    return write
