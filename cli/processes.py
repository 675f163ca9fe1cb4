"""One process decides, all follow."""

import os
from collections.abc import Callable
from typing import TypeVar

import psutil
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from cli import printing

Result = TypeVar("Result")


def on_main_process(action: Callable[[], Result]) -> Result:
    """Run `action` on rank 0 and return its result, or raise its exception, on every process."""
    outcome: list = [None, None]
    if is_main_process():
        try:
            outcome[0] = action()
        except Exception as error:
            outcome[1] = error
    broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def is_main_process() -> bool:
    """Whether this is rank 0."""
    return PartialState().is_main_process


def say(text: str) -> None:
    """Print on rank 0."""
    if is_main_process():
        printing.say(text)


def use_cpu_threads(wanted: int | None) -> int:
    """Give torch `wanted` threads, by default this process's share of the cores; returns how many it has.

    accelerate launch sets OMP_NUM_THREADS to 1 where nothing else is asked for: half the speed on two cores.
    """
    launched = "ACCELERATE_MIXED_PRECISION" in os.environ or "TORCHELASTIC_RUN_ID" in os.environ
    if wanted is None and ("OMP_NUM_THREADS" not in os.environ or launched):
        # macOS cannot say which cores a process may use.
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        cores = min(psutil.cpu_count(logical=False) or 1, usable)
        wanted = max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if wanted is not None:
        torch.set_num_threads(wanted)
    return torch.get_num_threads()
