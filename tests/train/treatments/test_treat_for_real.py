"""The whole way with real trainings of a moment each."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def start(*words):
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process, status=0):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == status, output + errors
    return output, errors


@pytest.fixture(scope="module")
def noisy_run(tiny_corpus, tmp_path_factory):
    """Batches of one row, whose gradients are mostly noise, at a rate that larger batches bear."""
    folder = tmp_path_factory.mktemp("noisy") / "run"
    settings = {
        "model": "deep_mlp",
        "model_config": "depth=2,width=16,norm=pre",
        "data_dir": tiny_corpus,
        "optim": "sgd",
        "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "max_grad_norm": 0,
        "per_device_train_batch_size": 1,
        "train_sampling_strategy": "random",
        "max_length": 32,
        "max_steps": 120,
        "eval_strategy": "steps",
        "eval_steps": 6,
        "logging_steps": 2,
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "report_to": "none",
        "precision": "fp32",
        "cpu_threads": 1,
        "output_dir": folder,
    }
    finish(start("train/run.py", *(f"--{name}={value}" for name, value in settings.items())))
    return folder


def test_a_noisy_run_is_treated_and_goes_on_where_it_was_stopped(noisy_run):
    command = ("train/treat.py", noisy_run, "--verdict", "oscillation", "--seeds", 3, "--budget", "30m", "--json")
    process = start(*command)
    journals = noisy_run / "treatment/experiment/runs"
    while len(list(journals.glob("*/journal.jsonl"))) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    finish(process, 128 + signal.SIGTERM)
    first = {path: path.stat().st_mtime for path in journals.glob("*/metrics.json")}
    assert first

    treated = json.loads(finish(start(*command))[0])
    assert {path: path.stat().st_mtime for path in first} == first
    assert treated["finding"] == "oscillation" and treated["budget"]["seeds"] == 3
    assert len(list(journals.glob("*/metrics.json"))) == 12
    assert treated["arms"]["control"]["value"]["n"] == 3
    if treated["cause"]["remedy"]:
        assert treated["cure"]["before"]["n"] == 3
    assert json.loads(finish(start(*command))[0]) == treated
