"""Two gloo processes on the CPU do what one does at the same global batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eval.run_directory import RunDirectory, read_journal, read_metrics, read_test_predictions

pytestmark = pytest.mark.multiprocess

ROOT = Path(__file__).parents[2]
GLOBAL_BATCH = 8


@pytest.fixture(scope="module")
def runs(tiny_bert, tiny_corpus, tmp_path_factory) -> dict[int, RunDirectory]:
    """The same run on one process and on two: dropout off, rows in order, fp32."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for processes in (1, 2):
        run = folder / f"{processes}"
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)),
            *("--master_port", str(29600 + processes), "train/run.py"),
            *("--model", str(tiny_bert), "--data_dir", str(tiny_corpus), "--output_dir", str(run)),
            *("--dropout", "0", "--train_sampling_strategy", "sequential", "--precision", "fp32"),
            *("--per_device_train_batch_size", str(GLOBAL_BATCH // processes), "--grad_norm_steps", "1"),
            *("--learning_rate", "1e-2", "--num_train_epochs", "2", "--logging_steps", "1"),
            # In half a batch's rows another row may be the longest; padding is masked but sums differ in the last bits.
            *("--max_length", "32", "--cpu_threads", "1"),
            # The 32 test rows are no multiple of what the processes take at once.
            *("--per_device_eval_batch_size", "5"),
        ]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        found[processes] = RunDirectory(run)
    return found


def lines(run: RunDirectory, kind: str) -> list[dict]:
    return [line for line in read_journal(run.journal) if line["kind"] == kind]


def test_as_many_processes_as_asked_for_took_part(runs):
    for processes, run in runs.items():
        begin = next(line for line in lines(run, "event") if line["event"] == "train_begin")
        assert begin["world_size"] == processes


def test_gradient_norms_are_the_same(runs):
    one, two = (lines(runs[processes], "grad_norms") for processes in (1, 2))
    assert len(one) == len(two) == 96 // GLOBAL_BATCH * 2
    for a, b in zip(one, two, strict=True):
        assert a["step"] == b["step"]
        assert b["total"] == pytest.approx(a["total"], rel=1e-4)
        for layer, figures in a["layers"].items():
            assert b["layers"][layer]["norm"] == pytest.approx(figures["norm"], rel=1e-4, abs=1e-7)


def test_the_journal_has_the_same_shape_and_one_writer(runs):
    one, two = (
        [(line["kind"], line["step"], sorted(line)) for line in read_journal(runs[processes].journal)]
        for processes in (1, 2)
    )
    assert one == two


def test_losses_are_the_same(runs):
    one, two = (lines(runs[processes], "train") for processes in (1, 2))
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-4)


def test_metrics_are_the_same(runs):
    one, two = (read_metrics(runs[processes].metrics) for processes in (1, 2))
    for split in ("validation", "test"):
        for name, estimate in one[split].items():
            assert two[split][name]["n"] == estimate["n"]
            assert two[split][name]["value"] == pytest.approx(estimate["value"], abs=1e-3), (split, name)


def test_test_predictions_are_the_same_row_by_row(runs):
    (labels, one), (others, two) = (read_test_predictions(runs[processes].test_predictions) for processes in (1, 2))
    assert labels.tolist() == others.tolist() and len(labels) == 32
    assert len(np.unique(one[:, 1])) > len(one) / 2, "rows must differ for their order to show"
    assert two == pytest.approx(one, rel=1e-3, abs=1e-6)


def test_only_rank_0_leaves_files(runs):
    def names(run: RunDirectory) -> set[str]:
        files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
        return {name for name in files if not name.startswith("tensorboard") and "rng_state" not in name}

    assert names(runs[1]) == names(runs[2])
    assert len(list(runs[2].tensorboard.iterdir())) == 1
