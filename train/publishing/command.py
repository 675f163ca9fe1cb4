"""From a run to its model and its Space on the Hub: everything is checked before anything is sent."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.errors import UsageError, UserError
from cli.table import table
from eval.diagnosis.words import line
from eval.run_directory import RunDirectory, is_being_trained, read_json, read_settings
from train.publishing.asking import leaving_at_once
from train.publishing.files import OURS, File, check_leaks, files_of, size_in_words
from train.publishing.leaks import redact
from train.publishing.upload import Plan, Published, Target, plan_for, upload


def publish(
    path: Path,
    target: Target,
    *,
    space: Target | None = None,
    space_dir: Path | None = None,
    license: str,  # noqa: A002 (the Hub's word)
    dry_run: bool = False,
    as_json: bool = False,
) -> int:
    """Publish the run at `path` as a model, read it back, then its Space; returns the exit status.

    `space_dir`: a folder to write the Space into. `dry_run`: check and list everything and send nothing, for which
    neither a token nor a network is needed. Raises UserError, one line, in which no secret stands.
    """
    try:
        run = RunDirectory(path)
        _check_run(run)
        if space and target.revision:
            raise UsageError("--space shows the model on main, and --revision puts it elsewhere: leave one out")
        files = files_of(run, repo_id=target.repo_id, revision=target.revision, license=license)
        space_files = _space_files(run, target, space) if space or space_dir else {}
        if space_dir:
            _stage(space_dir, target, space)
        repositories = [(target, files, OURS.fullmatch)]
        if space:
            repositories.append((space, space_files, _in_folders_of(space_files)))
        at_home = _answers_at_home(run)
        say = _sayer(as_json)
        for note in _notes(run, target, space, files):
            say(f"note: {note}")
        if space_dir:
            say(f"{space_dir} holds the Space: {_counted(space_files)}")
        documents = []
        for where, content, is_ours in repositories:
            if dry_run:
                plan = plan_for(content, where, is_ours=is_ours)
                documents.append(_document(where, content, plan))
                say(f"\n{_listed(where, content, plan)}")
                continue
            with leaving_at_once():
                published = _send(run, content, where, is_ours, say)
            documents.append(_document(where, content, published.plan, published))
            if where is target:
                documents[-1]["difference"] = _read_back(run, target, published, at_home, say)
        if dry_run:
            say("\nAll is in order; nothing was sent.")
        if as_json:
            print(json.dumps({"schema": 1, "dry_run": dry_run, "published": documents}))
        return 0
    except UserError as error:
        raise type(error)(redact(str(error))) from None


def publish_model(run: RunDirectory, target: Target, *, license: str, say: Callable[[str], Any] = print) -> Published:  # noqa: A002
    """Publish a finished run as a model and read it back; raises UserError, one line."""
    files = files_of(run, repo_id=target.repo_id, revision=target.revision, license=license)
    at_home = _answers_at_home(run)
    published = _send(run, files, target, OURS.fullmatch, say)
    _read_back(run, target, published, at_home, say)
    return published


def _send(run: RunDirectory, files: dict[str, File], target: Target, is_ours, say: Callable[[str], Any]) -> Published:
    published = upload(files, target, redact(f"Publish {line(run.path.resolve().name)}"), is_ours=is_ours)
    say(_closing(published, files))
    return published


def _answers_at_home(run: RunDirectory) -> list:
    # Behind the checks: it loads torch and the network.
    from train.publishing.reading_back import answers_at_home

    return answers_at_home(run)


def _read_back(
    run: RunDirectory, target: Target, published: Published, at_home: list, say: Callable[[str], Any]
) -> float:
    from train.publishing.reading_back import SENTENCES, TOLERANCE, read_back

    difference = read_back(run, target.repo_id, published.commit, at_home)
    say(f"Read back from the Hub: the same probabilities on {len(SENTENCES)} sentences, within {TOLERANCE:.0e}.")
    return difference


def _check_run(run: RunDirectory) -> None:
    if not run.path.is_dir():
        raise UserError(f"{run.path}: there is no such run: name the directory that train/run.py wrote")
    if not run.config.is_file():
        raise UserError(f"{run.path} holds no config.yaml, so it is no run of train/run.py: name one that is")
    if is_being_trained(run):
        raise UserError(f"{run.path} is still being trained: run the same command when it has ended")
    if not run.metrics.is_file():
        raise UserError(f"{run.path} is not finished (it holds no metrics.json): train it to its end with --resume")


def _space_files(run: RunDirectory, target: Target, space: Target | None) -> dict[str, File]:
    from train.publishing.space import space_files

    config = read_json(run.path / "config.json")
    classifies = any(kind.endswith("ForSequenceClassification") for kind in config.get("architectures") or [])
    if not classifies or len(config.get("id2label") or {}) not in (0, 2):
        raise UserError(f"{run.path} is no classifier of two classes, which the app shows: leave --space out")
    files = {path: File(content) for path, content in space_files(model_id=target.repo_id, title=_title(space)).items()}
    check_leaks(files)
    return files


def _stage(folder: Path, target: Target, space: Target | None) -> None:
    from train.publishing.space import stage

    stage(folder, model_id=target.repo_id, title=_title(space))


def _title(space: Target | None) -> str | None:
    return space and space.repo_id.split("/")[1]


def _in_folders_of(files: dict[str, File]) -> Callable[[str], bool]:
    folders = {path.split("/")[0] for path in files if "/" in path}
    return lambda path: "/" in path and path.split("/")[0] in folders


def _notes(run: RunDirectory, target: Target, space: Target | None, files: dict[str, File]) -> list[str]:
    """What a user may want to know before it is public."""
    notes = []
    settings = read_settings(run.config)
    own_texts = settings.get("data_dir") is not None and settings.get("corpus") != "sst2"
    if own_texts and not target.private and any(path.startswith("evaluation/") for path in files):
        notes.append("evaluation/ quotes test rows of your own data; --private shows them to nobody else")
    if not any(path.startswith("evaluation/") for path in files) and (run.path / "config.json").is_file():
        notes.append("there is no evaluation of these weights; `python eval/run.py RUN` makes one, and a fuller card")
    if space and target.private:
        notes.append("the model is private: give its Space a secret HF_TOKEN, in the Space's settings, to read it with")
    return notes


def _document(where: Target, files: dict[str, File], plan: Plan | None, published: Published | None = None) -> dict:
    states = _states(files, plan)
    document = dataclasses.asdict(where) | {
        "revision": where.branch,
        "files": [
            {"path": path, "size": file.size, "sha256": file.sha256, "state": states[path]}
            for path, file in files.items()
        ],
        "deleted": plan.stale if plan else None,
    }
    return document | ({"commit": published.commit, "url": published.url} if published else {})


def _states(files: dict[str, File], plan: Plan | None) -> dict[str, str | None]:
    """{path: new, unchanged, or None where that is not known}."""
    if plan is None:
        return dict.fromkeys(files)
    return dict.fromkeys(plan.new, "new") | dict.fromkeys(plan.unchanged, "unchanged")


def _listed(where: Target, files: dict[str, File], plan: Plan | None) -> str:
    """The files with their sizes, and what is new of them where a Hub could tell."""
    states = _states(files, plan)
    rows = [[path, size_in_words(file.size), states[path] or "-"] for path, file in files.items()]
    rows += [[path, "", "to be deleted"] for path in (plan.stale if plan else [])]
    at = "" if plan else "; no Hub was asked what it holds of them"
    branch = f", branch {where.revision}" if where.revision else ""
    heading = f"{where.repo_id} ({where.kind}{branch}): {_counted(files)}{at}"
    return f"{heading}\n\n" + table(["file", "size", "at the Hub"], rows)


def _closing(published: Published, files: dict[str, File]) -> str:
    plan = published.plan
    if not plan.new and not plan.stale:
        return f"{published.url} holds all {_counted(files)} already, commit {published.commit[:7]}; nothing was sent."
    sent = _counted({path: files[path] for path in plan.new})
    deleted = f", {len(plan.stale)} deleted" if plan.stale else ""
    return f"{published.url} commit {published.commit[:7]}: {sent} sent, {len(plan.unchanged)} unchanged{deleted}."


def _counted(files: dict[str, File]) -> str:
    count = len(files)
    return f"{count} file{'s' * (count != 1)}, {size_in_words(sum(file.size for file in files.values()))}"


def _sayer(as_json: bool) -> Callable[[str], None]:
    return lambda text: print(text, file=sys.stderr if as_json else sys.stdout, flush=True)
