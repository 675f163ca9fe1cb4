"""A worker: a process that runs one cell after another, so that imports are paid for once."""

import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from pathlib import Path

import torch

from cli.processes import use_cpu_threads
from train.studies.phases import work_through
from train.studies.plan import Study
from train.studies.run_cell import run_cell


def start_worker(study: Study, folder: Path, url: str, grace: int, index: int, workers: int) -> None:
    """Run cells of a study until none is left; what a new process is started with.

    The `index`-th of `workers` on this machine takes its share of the cores and, where there are GPUs, its own. It ends
    with the command that started it, whatever ends that.
    """
    # Ctrl-C reaches every process of a terminal; the command's own tells its workers when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, _stop)
    with open(folder / log_name(index), "a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _work(study, folder, url, grace, index, workers)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    # Done: what is still told to stop is on its way out.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def log_name(index: int) -> str:
    """The file of a study in which a worker leaves what it says."""
    return f"worker-{index}.log"


def _work(study: Study, folder: Path, url: str, grace: int, index: int, workers: int) -> None:
    if workers > 1 and study.processes == 1:
        _take_share(index, workers)
    work_through(study, url, grace, lambda trial, cell, attempt: run_cell(study, folder, cell, trial, attempt))


def _take_share(index: int, workers: int) -> None:
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(torch.cuda.device_count())))).split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
    if "OMP_NUM_THREADS" not in os.environ:
        threads = max(1, use_cpu_threads(None) // workers)
        os.environ["OMP_NUM_THREADS"] = str(use_cpu_threads(threads))


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number, frame):
    raise SystemExit(128 + number)
