"""What to do with the run directory that was named: start, go on, or say that it is finished."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.errors import UsageError, UserError
from eval.run_directory import RunDirectory
from train.arguments import RunArguments
from train.checkpoints import checkpoint_to_resume
from train.config import first_difference, save_config, wrote_config

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Opening:
    """`finished`: there is nothing left to do. `checkpoint`: where to go on from, None for a fresh start."""

    finished: bool = False
    checkpoint: Path | None = None


def open_run(run: RunDirectory, args: RunArguments, settings: dict) -> Opening:
    """Prepare a run directory; called on one process, which holds its lock.

    Nothing that belongs to another run is touched without --overwrite. Raises UsageError for a directory that holds
    something else, UserError for one that cannot be written.
    """
    _refuse_what_is_no_run(run)
    if args.overwrite:
        _clear(run.path)
    for left_over in run.path.glob(".saving-*"):
        shutil.rmtree(left_over)
    if not (run.journal.exists() or run.checkpoints or run.metrics.exists()):
        # New, or stopped by a mistake before training began.
        save_config(run, settings)
        return Opening(checkpoint=checkpoint_to_resume(run, args.resume) if args.resume else None)
    difference = first_difference(run, settings)
    if difference:
        raise UsageError(f"{run.path} holds a run with {difference}: name another --output_dir, or add --overwrite")
    if run.metrics.exists():
        return Opening(finished=True)
    checkpoint = checkpoint_to_resume(run, args.resume) if args.resume else None
    if checkpoint is None:
        if run.checkpoints and not args.resume:
            raise UsageError(
                f"{run.path} holds this run, unfinished: add --resume to go on, or --overwrite to start again"
            )
        # It ended before its first whole checkpoint: nothing is lost by starting again.
        run.journal.unlink(missing_ok=True)
        shutil.rmtree(run.tensorboard, ignore_errors=True)
    return Opening(checkpoint=checkpoint)


@contextmanager
def lock(run: RunDirectory) -> Iterator[None]:
    """Keep other processes out of a run directory, which is made where it is missing; a killed process lets go."""
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        file = open(run.path / LOCK, "w")  # noqa: SIM115 (closed below, which lets go of the lock)
    except OSError as error:
        raise UserError(
            f"{run.path} cannot be written ({os.strerror(error.errno)}): name another --output_dir"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{run.path} is being trained by another process: name another --output_dir") from None
        yield


def _refuse_what_is_no_run(run: RunDirectory) -> None:
    if wrote_config(run) or all(path.name == LOCK for path in run.path.iterdir()):
        return
    (run.path / LOCK).unlink()
    raise UsageError(f"{run.path} is not empty and holds no run: name another --output_dir")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
