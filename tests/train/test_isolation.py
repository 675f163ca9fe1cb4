"""Runs that share a process equal the same runs in processes of their own, bit for bit."""

import gc
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import psutil
import pytest
import torch
from transformers import PreTrainedModel, TrainerCallback

from eval.run_directory import RunDirectory, read_journal
from train.config import parse
from train.isolation import fresh_state
from train.run import main

ROOT = Path(__file__).parents[2]
TIMES = {"seconds", "train_runtime", "train_tokens_per_second"}


class Stop(TrainerCallback):
    """Raises in the middle of an epoch."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise InterruptedError


@pytest.fixture(scope="module")
def flags(tiny_corpus):
    return [
        *("--data_dir", str(tiny_corpus), "--learning_rate", "1e-2", "--num_train_epochs", "2", "--cpu_threads", "1"),
        *("--per_device_train_batch_size", "8", "--logging_steps", "4", "--grad_norm_steps", "4"),
    ]


@pytest.fixture(scope="module")
def settings(tiny_bert):
    """Runs that differ in what a process could carry from one to the next."""
    bert = ("--model", str(tiny_bert), "--dropout", "0.2")
    shape = ("--model_config", "depth=2,width=16,heads=2,vocab_size=300,dropout=0.1")
    return {
        "lora": [*bert, *("--tuning", "lora", "--precision", "fp32", "--gradient_accumulation_steps", "2")],
        "full": [*bert, *("--precision", "bf16", "--seed", "1", "--full_determinism", "true")],
        "language": ["--task", "causal_lm", "--model", "transformer", *shape, *("--precision", "fp32", "--seed", "2")],
    }


def run_here(folder: Path, flags: list[str], *callbacks: TrainerCallback) -> RunDirectory:
    with fresh_state():
        main(*parse([*flags, "--output_dir", str(folder)]), callbacks)
    return RunDirectory(folder)


def left_behind(run: RunDirectory) -> dict:
    """All that a run leaves but for times and its own name."""
    files = [path for path in run.path.glob("*") if path.suffix in (".safetensors", ".csv")]
    lines = [{key: value for key, value in line.items() if key not in TIMES} for line in read_journal(run.journal)]
    found = {path.name: path.read_bytes() for path in files} | {"metrics": run.metrics.read_text(), "journal": lines}
    assert "model.safetensors" in found
    return found


@pytest.mark.slow
def test_runs_in_one_process_equal_runs_in_their_own(flags, settings, tmp_path):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    alone = {
        name: subprocess.Popen(
            [sys.executable, "train/run.py", *flags, *more, "--output_dir", str(tmp_path / "alone" / name)],
            **{"cwd": ROOT, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE},
        )
        for name, more in settings.items()
    }
    for process in alone.values():
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()[-3000:]

    for position, name in enumerate(("lora", "full", "language", "full", "lora")):
        run = run_here(tmp_path / "warm" / str(position), [*flags, *settings[name]])
        assert left_behind(run) == left_behind(RunDirectory(tmp_path / "alone" / name)), (position, name)
        if position < 2:
            with pytest.raises(InterruptedError):
                run_here(tmp_path / "stopped" / name, [*flags, *settings[name]], Stop())


@pytest.mark.slow
def test_memory_does_not_grow(flags, settings, tmp_path):
    def used_after(runs: range) -> int:
        for number in runs:
            run_here(tmp_path / str(number), [*flags, *settings["full"], "--num_train_epochs", "1"])
        return psutil.Process().memory_info().rss

    before = used_after(range(5))
    assert used_after(range(5, 25)) - before < 10 * 2**20


@pytest.mark.slow
def test_nothing_of_a_stopped_run_stays(flags, settings, tmp_path):
    gc.collect()
    models = sum(issubclass(type(each), PreTrainedModel) for each in gc.get_objects())
    threads, files = set(threading.enumerate()), len(psutil.Process().open_files())
    with pytest.raises(InterruptedError):
        run_here(tmp_path / "run", [*flags, *settings["full"]], Stop())
    assert {thread.name for thread in set(threading.enumerate()) - threads} <= {"tqdm_monitor"}
    assert len(psutil.Process().open_files()) <= files
    with fresh_state():
        assert sum(issubclass(type(each), PreTrainedModel) for each in gc.get_objects()) <= models


@pytest.mark.slow
def test_settings_parsed_beforehand_are_trained_with_their_own_precision(flags, settings, tmp_path):
    more = ["--max_steps", "1", "--eval_strategy", "no", "--load_best_model_at_end", "false"]
    parsed = [
        parse([*flags, *settings["lora"], *more, "--precision", precision, "--output_dir", str(tmp_path / precision)])
        for precision in ("fp32", "bf16")
    ]
    for settings_of_one in parsed:
        with fresh_state():
            main(*settings_of_one)
        assert (Path(settings_of_one[1].output_dir) / "metrics.json").exists()


def test_what_a_run_switches_is_switched_back(monkeypatch):
    monkeypatch.setenv("KEPT", "before")
    threads, filters = torch.get_num_threads(), list(warnings.filters)
    with pytest.raises(RuntimeError), fresh_state():
        os.environ.update(KEPT="after", ADDED="after")
        torch.set_num_threads(threads + 1)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        torch.backends.fp32_precision = "tf32"
        warnings.simplefilter("error")
        raise RuntimeError
    assert os.environ["KEPT"] == "before" and "ADDED" not in os.environ
    assert torch.get_num_threads() == threads and warnings.filters == filters
    assert not torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.deterministic
    assert torch.backends.fp32_precision != "tf32"
