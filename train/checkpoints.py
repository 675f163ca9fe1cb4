"""Which checkpoints can be resumed from: those whose writing was finished."""

import json
import shutil
import sys
from pathlib import Path

from safetensors import SafetensorError

from cli.errors import UserError
from eval.run_directory import RunDirectory, write_json

MARKER = "complete.json"

# What torch, safetensors and the system raise when a file cannot be written.
SAVE_ERRORS = (OSError, RuntimeError, SafetensorError)


def why_not_saved(folder: Path, error: Exception) -> str:
    """The reason for a failed save in a few words; torch's own says "unexpected pos" when the disk is full."""
    if shutil.disk_usage(folder).free < 2**24:
        return "the disk is full"
    return str(error).splitlines()[0]


def mark_complete(checkpoint: Path) -> None:
    """Note in `checkpoint` that every file is there, with its size; called once all processes have written."""
    files = {str(path.relative_to(checkpoint)): path.stat().st_size for path in _files(checkpoint)}
    write_json(checkpoint / MARKER, {"files": files})


def unmark(checkpoint: Path) -> None:
    """Take the note back before `checkpoint` is written over."""
    (checkpoint / MARKER).unlink(missing_ok=True)


def is_complete(checkpoint: Path) -> bool:
    """Whether the checkpoint's writing was finished and every file still has its size."""
    try:
        files = json.loads((checkpoint / MARKER).read_text())["files"]
        return all((checkpoint / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return False


def checkpoint_to_resume(run: RunDirectory, wanted: str) -> Path | None:
    """The checkpoint that `--resume` means: `last`, or the one named; None where the run has none yet."""
    if wanted != "last":
        for candidate in (Path(wanted), run.path / wanted):
            if candidate.is_dir():
                if not is_complete(candidate):
                    raise UserError(f"{candidate} is half-written: --resume alone takes the last whole checkpoint")
                return candidate
        raise UserError(f"--resume {wanted}: there is no such checkpoint; --resume alone takes the last one")
    for checkpoint in reversed(run.checkpoints):
        if is_complete(checkpoint):
            return checkpoint
        print(f"warning: {checkpoint} is half-written and is skipped", file=sys.stderr)
    return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
