"""The Space of a model: the app with what it needs, as it runs at home."""

import shutil
from pathlib import Path, PurePosixPath

from huggingface_hub import SpaceCard

from cli.errors import UserError
from train.publishing.needs import ROOT, needed_data, needed_modules

APP, ENTRY = "space/app.py", "app.py"
MARK = '"""The app on a Space. Written by train/publish.py, which writes it again."""'
START = """{mark}

import os

os.environ.setdefault("MODEL_ID", {model_id!r})

from cli.script import run_script  # noqa: E402
from space.app import main  # noqa: E402

run_script(main)
"""
"""What the owner of the Space says in its settings, MODEL_ID, comes before ours."""


def space_files(*, model_id: str, title: str | None = None) -> dict[str, bytes]:
    """Everything that a Space needs to show a model of the Hub, {path in its repository: content}, sorted by path.

    The same model and title give the same bytes. `title` is the Space's on the Hub, space/README.md's by default.
    """
    modules = needed_modules(ROOT / APP)
    paths = modules.union(*map(needed_data, modules))
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}
    files["README.md"] = _card(model_id, title).encode()
    files["requirements.txt"] = (ROOT / "space" / "requirements.txt").read_bytes()
    files[ENTRY] = START.format(mark=MARK, model_id=model_id).encode()
    return dict(sorted(files.items()))


def stage(folder: Path, *, model_id: str, title: str | None = None) -> list[Path]:
    """Write a Space's files into a folder and return their paths in it.

    A folder that was staged before is brought up to date: in the folders that the Space has, nothing else is left.
    Raises UserError, one line, where there is something else in the way.
    """
    _check(folder)
    files = space_files(model_id=model_id, title=title)
    try:
        # First the mark by which the folder is known as ours: where this is cut short, it can be repeated.
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ENTRY).write_bytes(files[ENTRY])
        for name in {PurePosixPath(path).parts[0] for path in files if "/" in path}:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}): name a new folder") from error
    return [Path(path) for path in files]


def _card(model_id: str, title: str | None) -> str:
    card = SpaceCard((ROOT / "space" / "README.md").read_text(encoding="utf-8"), ignore_metadata_errors=False)
    card.data.app_file, card.data.models = ENTRY, [model_id]
    card.data.title = title or card.data.title
    return str(card)


def _check(folder: Path) -> None:
    try:
        taken = folder.exists() and any(folder.iterdir())
        ours = taken and (folder / ENTRY).is_file() and (folder / ENTRY).read_text("utf-8", "replace").startswith(MARK)
    except OSError as error:
        raise UserError(f"{folder} cannot hold a Space ({error.strerror}): name a new folder") from error
    if taken and not ours:
        raise UserError(f"{folder} holds something that is no Space of ours: name a new or an empty folder")
