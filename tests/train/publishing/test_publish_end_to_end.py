"""The commands as a user types them, from the training to the Hub."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.publishing.conftest import DEMO, NET, held

ROOT = Path(__file__).parents[3]
SHORT = [
    *("--max_steps", "4", "--save_strategy", "steps", "--save_steps", "2", "--eval_strategy", "steps"),
    *("--eval_steps", "2", "--per_device_train_batch_size", "8", "--max_train_samples", "64"),
    *("--max_eval_samples", "64", "--cpu_threads", "1", "--push_to_hub", "true", "--hub_always_push", "true"),
]
REFERENCE = ["--model", "transformer", "--model_config", "depth=1,width=16,vocab_size=600"]

pytestmark = pytest.mark.slow


@pytest.fixture
def command(hub, tmp_path):
    """A function that runs a command of the project against the test Hub, in an empty home; what it printed."""

    def run(*words: str, status: int = 0) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        home = {"HOME": str(tmp_path / "home"), "HF_HOME": str(tmp_path / "home" / "hf"), "CUDA_VISIBLE_DEVICES": ""}
        environment = kept | {"PYTHONPATH": str(ROOT)} | home | hub.environment
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert hub.token not in done.stdout + done.stderr and "Traceback" not in done.stdout + done.stderr
        return done.stdout

    return run


def check(hub, key: str = NET) -> dict[str, bytes]:
    """Nothing of this machine and no token is in any commit; returns the files of the last one."""
    for commit in hub.repos[key].commits.values():
        for path, file in commit.files.items():
            assert hub.token.encode() not in file.content, path
            if path != "model.safetensors":
                assert str(ROOT).encode() not in file.content and b"/pytest-of-" not in file.content, path
    return held(hub, key)


def test_the_quickstart_is_trained_pushed_judged_and_published_with_its_space(hub, command, tmp_path):
    run = str(tmp_path / "runs" / "quickstart")
    launch = ("-m", "accelerate.commands.launch", "train/run.py")
    said = command(*launch, "--output_dir", run, *SHORT, "--hub_model_id", NET)
    assert "the same probabilities on 20 sentences" in said
    titles = [commit.title for commit in hub.repos[NET].commits.values()]
    assert titles[1:] == [*(f"Training in progress, step {step}" for step in (2, 4)), "Publish quickstart"]
    command("eval/run.py", run, "--only", "metrics,calibration")
    publish = ("train/publish.py", run, "--repo_id", NET, "--space", DEMO)
    listed = command(*publish, "--dry_run")
    assert "unchanged" in listed and len(hub.repos[NET].commits) == 4
    said = command(*publish, "--space_dir", str(tmp_path / "demo"))
    assert "the same probabilities on 20 sentences" in said and len(hub.repos[NET].commits) == 5
    model, space = check(hub), check(hub, f"spaces/{DEMO}")
    assert {"evaluation/report.html", "evaluation/calibration.json", "metrics.json", "journal.jsonl"} <= set(model)
    assert (tmp_path / "demo" / "app.py").read_bytes() == space["app.py"]
    hub.requests.clear()
    again = json.loads(command(*publish, "--json"))["published"]
    assert not hub.asked("PUT|/commit/") and {file["state"] for one in again for file in one["files"]} == {"unchanged"}


def test_a_trained_quickstart_and_its_space(hub, command, quickstart, tmp_path):
    run = tmp_path / "quickstart"
    shutil.copytree(quickstart, run, ignore=shutil.ignore_patterns("checkpoint-*", "treatment"))
    said = command("train/publish.py", str(run), "--repo_id", NET, "--space", DEMO)
    assert "the same probabilities on 20 sentences" in said
    model, space = check(hub), check(hub, f"spaces/{DEMO}")
    assert model["model.safetensors"] == (run / "model.safetensors").read_bytes()
    assert NET.encode() in space["app.py"] and not any("checkpoint" in path for path in model)


def test_ctrl_c_in_mid_upload_ends_it_at_once_and_leaves_nothing(hub, run):
    hub.slow("PUT /storage", 60)
    words = [sys.executable, "train/publish.py", str(run.path), "--repo_id", NET]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | hub.environment
    with subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as started:
        while not hub.asked("PUT /storage") and started.poll() is None:
            time.sleep(0.1)
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=20)
    assert started.returncode == 130 and said.strip() == "stopped: the same command again sends only what is missing"
    assert held(hub) == {}


@pytest.mark.multiprocess
def test_two_processes_push_once(hub, command, tmp_path):
    run = str(tmp_path / "runs" / "two")
    launch = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "train/run.py")
    flags = ("--use_cpu", "true", "--hub_model_id", NET)
    said = command(*launch, "--output_dir", run, *SHORT, *REFERENCE, *flags)
    assert said.count("the same probabilities on 20 sentences") == 1 and len(hub.repos[NET].commits) == 4


def test_a_reference_network_is_pushed_while_it_is_trained(hub, command, tmp_path):
    run = str(tmp_path / "runs" / "small")
    said = command("train/run.py", "--output_dir", run, *SHORT, *REFERENCE)
    assert f"{hub.endpoint}/ada/small commit" in said
    files = check(hub, "ada/small")
    assert b"auto_map" in files["config.json"] and "transformer.py" in files


def test_a_language_model_is_pushed_too_and_a_hub_that_fails_costs_no_training(hub, command, tmp_path):
    run = str(tmp_path / "runs" / "words")
    hub.fail("/commit/", 403, times=3)
    words = ("train/run.py", "--output_dir", run, *SHORT, *REFERENCE, "--task", "causal_lm", "--hub_model_id", NET)
    command(*words, status=1)
    assert held(hub) == {} and (Path(run) / "metrics.json").exists()
    assert "nothing" not in command("train/publish.py", run, "--repo_id", NET)
    assert "README.md" in check(hub)
