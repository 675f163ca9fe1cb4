"""The Hub's API of accounts, repositories, their branches, and what is in them."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote

import yaml
from fastapi import APIRouter, Request

from tests.hub.repositories import LFS_NAMES, Commit, File, Hub, HubError, Repository

REPOSITORY = "/api/{kinds}/{owner}/{name}"
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SPACE_README = "---\ntitle: {name}\nemoji: 🐢\ncolorFrom: red\ncolorTo: blue\nsdk: {sdk}\napp_file: app.py\n---\n"
DATE = "2026-01-01T00:00:00.000Z"


def part_of(request: Request, name: str) -> str:
    return unquote(request.path_params[name])


def front_matter(readme: bytes) -> dict | None:
    """The YAML block at the head of a README, None without one; raises yaml.YAMLError."""
    found = re.match(r"---\n(.*?)^---$", readme.decode(), re.DOTALL | re.MULTILINE)
    return yaml.safe_load(found[1]) if found else None


def mistakes(metadata, kind: str) -> list[str]:
    """What the Hub refuses in a card's metadata, as far as it is known here."""
    if not isinstance(metadata, dict):
        return ["metadata must be an object"]
    colours = [key for key in ("colorFrom", "colorTo") if metadata.get(key, "red") not in COLOURS]
    wrong = [f'"{key}" must be one of {COLOURS}' for key in colours]
    if kind == "space" and metadata.get("sdk") not in ("gradio", "docker", "static"):
        wrong.append('"sdk" must be one of [gradio, docker, static]')
    return wrong


def folders(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in Path(path).parents if str(parent) != "."}


def entry(path: str, commit: Commit, expand: bool = False) -> dict:
    """How a listing of a tree shows a file or a folder."""
    file = commit.files.get(path)
    found = {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}
    if file:
        found |= {"type": "file", "oid": file.oid, "size": len(file.content)}
        found |= {"lfs": {"oid": file.sha256} | file.pointer} if file.lfs else {}
    return found | ({"lastCommit": {"id": commit.sha, "title": commit.title, "date": DATE}} if expand else {})


def routes(hub: Hub) -> APIRouter:
    """What is asked and set in JSON, except uploads."""
    router = APIRouter()

    @router.get("/api/whoami-v2")
    async def whoami(request: Request):
        user = hub.user_of(request)
        if user is None:
            raise HubError(401, "Invalid username or password.")
        return {"type": "user", "name": user, "orgs": [], "auth": {"accessToken": {"role": "write"}}}

    @router.post("/api/validate-yaml")
    async def validate_yaml(request: Request):
        asked = await request.json()
        try:
            metadata = front_matter(asked["content"].encode())
            wrong = mistakes(metadata, asked["repoType"]) if metadata is not None else []
        except yaml.YAMLError as error:
            metadata, wrong = {}, [str(error)]
        if wrong:
            raise HubError(400, "Invalid metadata", errors=[{"message": message} for message in wrong])
        empty = [{"message": "empty or missing yaml metadata in repo card"}]
        return {"errors": [], "warnings": [] if metadata else empty}

    def named(asked: dict) -> tuple[str, str]:
        kind, owner = asked.get("type") or "model", asked.get("organization") or hub.user
        return owner, ("" if kind == "model" else f"{kind}s/") + f"{owner}/{asked['name']}"

    @router.post("/api/repos/create")
    async def create(request: Request):
        asked = await request.json()
        owner, key = named(asked)
        hub.writer_of(request, owner)
        url = f"{hub.endpoint}/{key}"
        if key in hub.repos:
            raise HubError(409, "You already created this repo", url=url)
        repository = hub.repos[key] = Repository(key, asked.get("visibility") == "private")
        attributes = "".join(f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in LFS_NAMES)
        files = {".gitattributes": File(attributes.encode())}
        if asked.get("type") == "space":
            files["README.md"] = File(SPACE_README.format(name=asked["name"], sdk=asked["sdk"]).encode())
            repository.variables |= {each["key"]: each["value"] for each in asked.get("variables", [])}
            repository.secrets |= {each["key"]: each["value"] for each in asked.get("secrets", [])}
        repository.commit("initial commit", files)
        return {"url": url, "name": repository.id}

    @router.delete("/api/repos/delete")
    async def delete(request: Request):
        owner, key = named(await request.json())
        hub.writer_of(request, owner)
        if hub.repos.pop(key, None) is None:
            raise HubError(404, "Repository not found", "RepoNotFound")

    @router.get(REPOSITORY)
    @router.get(REPOSITORY + "/revision/{revision}")
    async def info(request: Request):
        repository = hub.repository_of(request)
        commit = repository.at(unquote(request.path_params.get("revision", "main")))
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        if "blobs" in request.query_params:
            for sibling in siblings:
                file = commit.files[sibling["rfilename"]]
                sibling |= {"size": len(file.content), "blobId": file.oid}
                sibling |= {"lfs": {"sha256": file.sha256} | file.pointer} if file.lfs else {}
        readme = commit.files.get("README.md", File(b""))
        return {
            "id": repository.id,
            "author": repository.id.split("/")[0],
            "sha": commit.sha,
            "private": repository.private,
            "lastModified": DATE,
            "createdAt": DATE,
            "siblings": siblings,
            "cardData": front_matter(readme.content) or {},
        }

    @router.get(REPOSITORY + "/tree/{revision}")
    @router.get(REPOSITORY + "/tree/{revision}/{path:path}")
    async def tree(request: Request):
        commit = hub.repository_of(request).at(part_of(request, "revision"))
        root = unquote(request.path_params.get("path", ""))
        paths = set(commit.files) | folders(commit.files)
        inside = [path for path in sorted(paths) if not root or path.startswith(root + "/")]
        if root and not inside:
            raise HubError(404, f"{root} does not exist", "EntryNotFound")
        if request.query_params.get("recursive") != "true":
            inside = [path for path in inside if "/" not in path[len(root) :].strip("/")]
        return [entry(path, commit, request.query_params.get("expand") == "true") for path in inside]

    @router.post(REPOSITORY + "/paths-info/{revision}")
    async def paths_info(request: Request):
        commit = hub.repository_of(request).at(part_of(request, "revision"))
        form = parse_qs((await request.body()).decode())
        there = set(commit.files) | folders(commit.files)
        return [entry(path, commit, form["expand"] == ["true"]) for path in form["paths"] if path in there]

    @router.get(REPOSITORY + "/refs")
    async def refs(request: Request):
        branches = hub.repository_of(request).branches.items()
        shown = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in branches]
        return {"branches": shown, "converts": [], "tags": []}

    @router.post(REPOSITORY + "/branch/{branch}")
    async def create_branch(request: Request):
        repository, branch = hub.repository_of(request, write=True), part_of(request, "branch")
        if branch in repository.branches:
            raise HubError(409, f"Reference already exists: {branch}")
        repository.branches[branch] = repository.at((await request.json()).get("startingPoint", "main")).sha

    @router.delete(REPOSITORY + "/branch/{branch}")
    async def delete_branch(request: Request):
        repository, branch = hub.repository_of(request, write=True), part_of(request, "branch")
        if branch == "main":
            raise HubError(403, "The main branch cannot be deleted")
        if repository.branches.pop(branch, None) is None:
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")

    return router
