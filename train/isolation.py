"""Runs that follow one another in one process, each as in a process of its own."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import transformers
from accelerate.state import AcceleratorState, GradientState


@contextmanager
def fresh_state() -> Iterator[None]:
    """Within it a run finds its process as the first one did: `with fresh_state(): main(*parse(flags))`.

    At the beginning what the run before left to the garbage collector (its network, its open files) is freed, and
    accelerate forgets that run's precision and gradient accumulation. At the end the environment, torch's threads and
    switches, log levels and warnings are what they were. The seed is not touched: every run sets its own.
    """
    gc.collect()
    AcceleratorState._reset_state()
    GradientState._reset_state()
    environment, threads, verbosity = dict(os.environ), torch.get_num_threads(), transformers.logging.get_verbosity()
    fp32_precision = torch.backends.fp32_precision
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    try:
        with warnings.catch_warnings():
            yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        torch.set_num_threads(threads)
        transformers.logging.set_verbosity(verbosity)
        torch.backends.fp32_precision = fp32_precision
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
