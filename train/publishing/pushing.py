"""The Trainer's flags for the Hub, --push_to_hub and those that begin with --hub_, by way of upload.py.

The Trainer's own push uploads the run directory but for a few names, and writes over its card.
"""

import os
import shlex
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData
from transformers import TrainerCallback, TrainingArguments

from cli.errors import UsageError, UserError
from cli.processes import is_main_process, on_main_process
from eval.cards.check import check_card
from eval.model_card import LICENSE
from eval.run_directory import RunDirectory
from train.publishing.command import publish_model
from train.publishing.files import OURS, WEIGHTS, File, adapter_files, model_files, ready
from train.publishing.leaks import redact
from train.publishing.upload import Target, upload, user_name

STRATEGIES = ("every_save", "end")
SNAPSHOT = ".saving-push"
"""Begins as what train/opening.py clears away when a run was killed."""


class Pushing(TrainerCallback):
    """Publishes each checkpoint that is saved, beside the training, and at last the finished run.

    A push that fails stops no training. While one is under way, the next checkpoint is left out, or waits where
    hub_always_push says so.
    """

    def __init__(self, run: RunDirectory, target: Target, *, every_save: bool, always: bool = False):
        self.run, self.target, self.every_save, self.always = run, target, every_save, always
        self._push: threading.Thread | None = None

    def on_save(self, args, state, control, **kwargs) -> None:
        if not self.every_save or not state.is_world_process_zero:
            return
        if self._push is not None and self._push.is_alive() and not self.always:
            return
        self._wait()
        step = state.global_step
        try:
            files = self._snapshot(self.run.path / f"checkpoint-{step}", step, state.max_steps)
        except (UserError, OSError) as error:
            self._failed(step, error)
            return
        # A daemon: Ctrl-C does not wait for it, and what was not committed is not there.
        self._push = threading.Thread(target=self._send, args=(files, step), daemon=True)
        self._push.start()

    def finish(self, say=print) -> None:
        """Publish the finished run; raises UserError, with the command that does it later."""
        self._wait()
        try:
            publish_model(self.run, self.target, license=LICENSE, say=say)
        except UserError as error:
            raise UserError(
                f"{self.run.path} is trained, and not published: {redact(str(error))}; later: {self._command}"
            ) from None

    @property
    def _command(self) -> str:
        words = ["python", "train/publish.py", str(self.run.path), "--repo_id", self.target.repo_id]
        words += ["--private"] * self.target.private
        words += ["--revision", self.target.revision] if self.target.revision else []
        return shlex.join(words)

    def _wait(self) -> None:
        if self._push is not None:
            self._push.join()

    def _snapshot(self, checkpoint: Path, step: int, steps: int) -> dict[str, File]:
        """What is published of a checkpoint, which later ones may displace: its files get a second name."""
        card = card_in_progress(self.target.repo_id.split("/")[1], step, steps)
        files = model_files(checkpoint, card)
        if not any(path == "config.json" for path in files):
            files |= {f"adapter/{path}": file for path, file in adapter_files(checkpoint, card).items()}
        if not any(path.endswith(".safetensors") for path in files):
            raise UserError(f"{checkpoint} holds no {WEIGHTS.split('(')[0]}.safetensors, as where it is sharded")
        for path in (self.run.config, self.run.journal):
            if path.is_file():
                files[path.name] = File(path.read_bytes())
        folder = self.run.path / f"{SNAPSHOT}-{step}"
        for path, file in files.items():
            if isinstance(file.source, Path):
                files[path] = File(_linked(file.source, folder / path))
        return ready(files, self.run.path)

    def _send(self, files: dict[str, File], step: int) -> None:
        try:
            upload(files, self.target, f"Training in progress, step {step}", is_ours=OURS.fullmatch)
        except Exception as error:
            # Whatever it is, the training is worth more.
            self._failed(step, error)
        finally:
            shutil.rmtree(self.run.path / f"{SNAPSHOT}-{step}", ignore_errors=True)

    def _failed(self, step: int, error: Exception) -> None:
        reason = redact(" ".join(str(error).split())) or type(error).__name__
        print(f"warning: step {step} was not pushed, and training goes on: {reason}", file=sys.stderr, flush=True)


def pushing_asked_for(args: TrainingArguments) -> Pushing | None:
    """What the Trainer's flags ask for; None on other processes than the first, and where nothing is to be pushed.

    Asks the Hub who is logged in. Raises UsageError for what cannot be meant and UserError where nobody is logged in,
    on every process; a Hub that cannot be reached may be back by the first push, so that it is a warning.
    """
    if not args.push_to_hub:
        return None
    strategy = str(getattr(args.hub_strategy, "value", args.hub_strategy))
    if strategy not in STRATEGIES:
        raise UsageError(
            f"--hub_strategy {strategy} would publish the optimiser's state: take every_save, whose commits hold the "
            "weights of every checkpoint, or end"
        )
    target = on_main_process(lambda: _target(args))
    if not is_main_process():
        return None
    run = RunDirectory(args.output_dir)
    return Pushing(run, target, every_save=strategy == "every_save", always=args.hub_always_push)


def card_in_progress(name: str, step: int, steps: int) -> ModelCard:
    """The card of a checkpoint, of which nothing is measured yet."""
    data = ModelCardData(license=LICENSE, library_name="transformers", tags=["training-in-progress"])
    text = (
        f"# {name}\n\nTraining in progress: step {step:,} of {steps:,}. Nothing is known yet of how good this model "
        "is; journal.jsonl holds its curves so far. The model card comes when the training has ended."
    )
    card = ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n")
    check_card(card)
    return card


def _target(args: TrainingArguments) -> Target:
    name = args.hub_model_id or Path(args.output_dir).resolve().name
    where = {"private": bool(args.hub_private_repo), "revision": args.hub_revision}
    if "/" in name:
        # What is wrong with the name is said before anybody is asked.
        target = _named(name, where)
        try:
            user_name()
        except UserError as error:
            if _is_passing(error):
                print(f"warning: {error}; training begins all the same", file=sys.stderr)
            else:
                raise
        return target
    _named(f"USER/{name}", where)
    return _named(f"{user_name()}/{name}", where)


def _named(repo_id: str, where: dict) -> Target:
    try:
        return Target(repo_id=repo_id, **where)
    except UsageError as error:
        raise UsageError(str(error).replace("--repo_id", "--hub_model_id").replace("--rev", "--hub_rev")) from None


def _is_passing(error: UserError) -> bool:
    response = getattr(error.__cause__, "response", None)
    return error.__cause__ is not None and (response is None or response.status_code not in (401, 403))


def _linked(file: Path, name: Path) -> Path:
    """A second name for a file, or a copy where the file system knows none."""
    name.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        os.link(file, name)
    if not name.exists():
        shutil.copyfile(file, name)
    return name
