"""An evaluation split over two processes gives the figures of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.run_directory import read_json

ROOT = Path(__file__).parents[2]


@pytest.mark.multiprocess
def test_two_processes_give_the_figures_of_one(tiny_classifier, tiny_corpus, tmp_path):
    folders = {}
    for processes in (1, 2):
        folder = folders[processes] = tmp_path / str(processes)
        launch = [sys.executable]
        if processes > 1:
            launch += ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
        flags = ["--data_dir", tiny_corpus, "--only", "metrics,probes", "--threads", "1", "--output_dir", folder]
        command = [*launch, "eval/run.py", tiny_classifier, *flags]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("is the whole report") == 1  # one of them speaks and writes
    one, two = (read_json(folders[processes] / "metrics.json")["test"] for processes in (1, 2))
    assert one.keys() == two.keys()
    for name in one:
        assert two[name]["value"] == pytest.approx(one[name]["value"], abs=1e-3)
    one, two = (read_json(folders[processes] / "probes.json")["own"] for processes in (1, 2))
    assert one["failure_rate"]["n"] == two["failure_rate"]["n"]
    assert two["failure_rate"]["value"] == pytest.approx(one["failure_rate"]["value"], abs=0.01)
