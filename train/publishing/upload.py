"""Files to a repository of the Hub: in one commit, or not at all."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelInfo,
    SpaceInfo,
    constants,
    get_token,
)
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id as check_repo_id

from cli.errors import UsageError, UserError
from eval.diagnosis.words import line
from train.publishing.asking import (
    HUB_ERRORS,
    LOG_IN,
    WAITS,
    changed_meanwhile,
    one_line,
    persistently,
    quiet,
    status_of,
    use_timeouts,
    wait_or_raise,
)
from train.publishing.files import File
from train.publishing.leaks import redact

Info = ModelInfo | SpaceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to: a repository and its branch. `private` tells what it is to be when it is made."""

    repo_id: str
    kind: Literal["model", "space"] = "model"
    private: bool = False
    revision: str | None = None

    def __post_init__(self) -> None:
        flag = "--repo_id" if self.kind == "model" else "--space"
        with contextlib.suppress(HFValidationError):
            check_repo_id(self.repo_id)
            if self.repo_id.count("/") == 1:
                self._check_revision()
                return
        raise UsageError(f"{flag} is {redact(line(self.repo_id))}: it must be USER/NAME, of letters, digits, - _ and .")

    def _check_revision(self) -> None:
        name = self.revision
        if name is None:
            return
        if re.fullmatch(r"[0-9a-f]{40}", name):
            raise UsageError("--revision names a commit: it must be the name of a branch, which is made where missing")
        if not re.fullmatch(r"(?!refs/)\w[\w./-]*", name) or re.search(r"\.\.|//|/\.|[./]$|\.lock(/|$)", name):
            raise UsageError(f"--revision is {redact(name)}: no branch can be called that")

    @property
    def branch(self) -> str:
        return self.revision or constants.DEFAULT_REVISION


@dataclass(frozen=True, slots=True)
class Plan:
    """What a commit would do to a repository: paths to send, to leave and to delete."""

    new: list[str]
    unchanged: list[str]
    stale: list[str]


@dataclass(frozen=True, slots=True)
class Published:
    """What the Hub holds now: the commit, its address, and what was sent for it."""

    commit: str
    url: str
    plan: Plan


def upload(
    files: dict[str, File], target: Target, message: str, *, is_ours: Callable[[str], bool] = lambda path: False
) -> Published:
    """Bring a repository to hold these files, by one commit or none; the repository and the branch are made if missing.

    What is there already, by its hash, is not sent; where all is, no commit is made. Paths that are ours and no longer
    among the files are deleted in the same commit; anything else there stays. Raises UserError, one line.
    """
    if get_token() is None:
        raise UserError(f"nobody is logged in to the Hub: {LOG_IN}")
    use_timeouts()
    api = HfApi()
    with quiet(), one_line(target.repo_id):
        _open(api, target)
        return _commit(api, files, target, message, is_ours)


def plan_for(
    files: dict[str, File], target: Target, *, is_ours: Callable[[str], bool] = lambda path: False
) -> Plan | None:
    """What upload() would do, asked with one short request; None where the Hub cannot be asked or does not tell.

    Of a repository that is not there everything is new.
    """
    use_timeouts()
    try:
        with quiet():
            info = HfApi().repo_info(
                target.repo_id, repo_type=target.kind, revision=target.branch, timeout=3.0, files_metadata=True
            )
    except HUB_ERRORS as error:
        return Plan(list(files), [], []) if status_of(error) == 404 and get_token() else None
    return _compare(files, info, is_ours)


def user_name() -> str:
    """Who is logged in. Raises UserError, one line, where nobody is or the Hub does not tell."""
    if get_token() is None:
        raise UserError(f"nobody is logged in to the Hub: {LOG_IN}")
    use_timeouts()
    with quiet(), one_line(None):
        return persistently(HfApi().whoami)["name"]


def _open(api: HfApi, target: Target) -> None:
    """See that there is a repository, with the branch."""
    where = {"repo_id": target.repo_id, "repo_type": target.kind}
    try:
        info = persistently(lambda: api.repo_info(**where))
        if target.private and not info.private:
            raise UserError(f"--private, but {target.repo_id} is there, and public: make it private in its settings")
    except HUB_ERRORS as error:
        if status_of(error) != 404:
            raise
        settings = {"space_sdk": "gradio"} if target.kind == "space" else {}
        persistently(lambda: api.create_repo(**where, private=target.private or None, exist_ok=True, **settings))
    if target.branch != constants.DEFAULT_REVISION:
        try:
            persistently(lambda: api.repo_info(**where, revision=target.branch))
        except HUB_ERRORS as error:
            if status_of(error) != 404:
                raise
            persistently(lambda: api.create_branch(**where, branch=target.branch, exist_ok=True))


def _commit(api: HfApi, files: dict[str, File], target: Target, message: str, is_ours) -> Published:
    where = {"repo_id": target.repo_id, "repo_type": target.kind, "revision": target.branch}
    sent: Plan | None = None
    parent = None
    for wait in (*WAITS, None):
        # An answer that was lost may be that of a commit that was made: look again before each attempt.
        info = persistently(lambda: api.repo_info(**where, files_metadata=True))
        plan = _compare(files, info, is_ours)
        if not plan.new and not plan.stale:
            return Published(info.sha, _address(target), sent or plan)
        if parent not in (None, info.sha):
            raise changed_meanwhile(target.repo_id)
        sent, parent = plan, info.sha
        # New objects each time: they remember what the Hub held when they were first used.
        additions = [CommitOperationAdd(path, files[path].source) for path in plan.new]
        deletions = [CommitOperationDelete(path) for path in plan.stale]
        # The client tries this again by itself, and a commit never.
        api.preupload_lfs_files(
            target.repo_id, additions, repo_type=target.kind, revision=target.branch, free_memory=False
        )
        try:
            made = api.create_commit(
                operations=[*additions, *deletions], commit_message=message, parent_commit=parent, **where
            )
        except HUB_ERRORS as error:
            if status_of(error) == 412 and wait is not None:
                # Either somebody's commit, or our own whose answer came too late: the next look tells.
                continue
            wait_or_raise(error, wait)
        else:
            return Published(made.oid, _address(target), plan)
    raise changed_meanwhile(target.repo_id)


def _compare(files: dict[str, File], info: Info, is_ours: Callable[[str], bool]) -> Plan:
    there = {file.rfilename: file for file in info.siblings or []}

    def is_there(path: str) -> bool:
        held, file = there.get(path), files[path]
        if held is None or held.size != file.size:
            return False
        return held.lfs.sha256 == file.sha256 if held.lfs else held.blob_id == file.git_oid

    unchanged = [path for path in files if is_there(path)]
    stale = sorted(path for path in there if path not in files and is_ours(path))
    return Plan([path for path in files if path not in set(unchanged)], unchanged, stale)


def _address(target: Target) -> str:
    kind = "spaces/" if target.kind == "space" else ""
    return redact(f"{constants.ENDPOINT}/{kind}{target.repo_id}")
