"""What to do with the run directory that was named: start, go on, or say that it is finished."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cli.errors import UsageError, UserError
from eval.run_directory import RunDirectory
from train.arguments import RunArguments
from train.checkpoints import checkpoint_to_resume
from train.config import first_difference, save_config


@dataclass(frozen=True, slots=True)
class Opening:
    """`finished`: there is nothing left to do. `checkpoint`: where to go on from, None for a fresh start."""

    finished: bool = False
    checkpoint: Path | None = None


def open_run(run: RunDirectory, args: RunArguments, settings: dict) -> Opening:
    """Prepare a run directory; called on one process.

    Nothing that belongs to another run is touched without --overwrite. Raises UsageError for a directory that holds
    something else, UserError for one that cannot be written.
    """
    _make_writable(run.path)
    if args.overwrite:
        _clear(run)
    if not run.config.exists() and any(run.path.iterdir()):
        raise UsageError(f"{run.path} is not empty and holds no run: name another --output_dir")
    if not (run.journal.exists() or run.checkpoints or run.metrics.exists()):
        # New, or stopped by a mistake before training began.
        save_config(run, settings)
        return Opening()
    difference = first_difference(run, settings)
    if difference:
        raise UsageError(f"{run.path} holds a run with {difference}: name another --output_dir, or add --overwrite")
    if run.metrics.exists():
        return Opening(finished=True)
    if args.resume:
        return Opening(checkpoint=checkpoint_to_resume(run, args.resume))
    if run.checkpoints:
        raise UsageError(f"{run.path} holds this run, unfinished: add --resume to go on, or --overwrite to start again")
    # It ended before its first checkpoint: nothing is lost by starting again.
    run.journal.unlink(missing_ok=True)
    shutil.rmtree(run.tensorboard, ignore_errors=True)
    return Opening()


def _make_writable(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UserError(f"{path} cannot be written ({os.strerror(error.errno)}): name another --output_dir") from error


def _clear(run: RunDirectory) -> None:
    """Delete a run; a folder that holds none is left for open_run to refuse."""
    if run.config.exists():
        shutil.rmtree(run.path)
        run.path.mkdir()
