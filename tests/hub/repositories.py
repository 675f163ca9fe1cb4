"""What a Hub holds: accounts, and repositories of commits of files, all in memory."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from fastapi import Request

LFS_NAMES = ("*.bin", "*.gz", "*.npy", "*.npz", "*.onnx", "*.parquet", "*.pt", "*.pth", "*.safetensors", "*.zip")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"


class HubError(Exception):
    """An answer of the Hub that says no."""

    def __init__(self, status: int, message: str, code: str | None = None, **body) -> None:
        self.status, self.body = status, {"error": message} | body
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})


@dataclass(frozen=True)
class File:
    """One version of a file: its bytes, and whether git holds them or a pointer to them."""

    content: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def blob(self) -> bytes:
        """What git holds."""
        return POINTER.format(oid=self.sha256, size=len(self.content)).encode() if self.lfs else self.content

    @cached_property
    def oid(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.blob) + self.blob).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid

    @property
    def pointer(self) -> dict | None:
        return {"size": len(self.content), "pointerSize": len(self.blob)} if self.lfs else None


@dataclass(frozen=True)
class Commit:
    sha: str
    title: str
    files: dict[str, File]


@dataclass
class Repository:
    """A repository of the Hub: `key` is its address, `ada/net` or `spaces/ada/demo`."""

    key: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return "/".join(self.key.split("/")[-2:])

    def at(self, revision: str = "main") -> Commit:
        """The commit that a branch or a commit's hash names."""
        sha = self.branches.get(revision, revision)
        if sha not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[sha]

    def commit(self, title: str, files: dict[str, File], branch: str = "main") -> Commit:
        """Append a commit whose whole content is `files` to a branch."""
        tree = [f"{path} {file.oid}" for path, file in sorted(files.items())]
        sha = hashlib.sha1("\n".join([self.key, str(len(self.commits)), title, *tree]).encode()).hexdigest()
        self.commits[sha] = Commit(sha, title, files)
        self.branches[branch] = sha
        return self.commits[sha]


class Hub:
    """One user, whose token is the only one accepted, and the repositories by their address.

    Large files lie at `storage` and come in parts if they have more than `part_size` bytes.
    """

    user = "ada"
    token = "hf_TheTokenThatMustNotLeak"

    def __init__(self, endpoint: str, storage: str, part_size: int) -> None:
        self.endpoint, self.storage, self.part_size = endpoint, storage, part_size
        self.repos: dict[str, Repository] = {}
        self.parts: dict[str, bytes] = {}

    def user_of(self, request: Request) -> str | None:
        """Who asks; an unknown token is an error, none at all is not."""
        authorization = request.headers.get("authorization")
        if authorization not in (None, f"Bearer {self.token}"):
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.user if authorization else None

    def writer_of(self, request: Request, owner: str) -> None:
        user = self.user_of(request)
        if user is None:
            raise HubError(401, "Invalid username or password.")
        if user != owner:
            raise HubError(403, f"You don't have the rights to write under the namespace {owner}")

    def repository_of(self, request: Request, write: bool = False) -> Repository:
        """The repository that the path names, if whoever asks may read it, or write to it."""
        user, path = self.user_of(request), request.path_params
        kinds = path.get("kinds", "models")
        key = path.get("repo") or f"{path['owner']}/{path['name']}"
        repository = self.repos.get(key if kinds == "models" else f"{kinds}/{key}")
        if repository is None or (repository.private and user != repository.id.split("/")[0]):
            # The client reads a bare 401 as this over https only.
            raise HubError(404 if user else 401, "Repository not found", "RepoNotFound")
        if write:
            self.writer_of(request, repository.id.split("/")[0])
        return repository
