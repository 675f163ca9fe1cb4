"""How files get to the Hub and back: preupload, large files by git LFS, commits, downloads."""

import base64
import hashlib
import json
from fnmatch import fnmatch

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from tests.hub.api import REPOSITORY, part_of
from tests.hub.repositories import LFS_NAMES, File, Hub, HubError, Repository

LARGEST_REGULAR_FILE = 10 * 2**20


def carry_out(repository: Repository, lines: list[dict], files: dict[str, File]) -> dict[str, File]:
    """The files after the operations of a commit's body were applied to those before it."""
    files = dict(files)
    for line in lines:
        key, value = line["key"], line["value"]
        path = value["path"]
        if key == "file":
            files[path] = File(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in repository.objects:
                raise HubError(400, f"Your push was rejected: the LFS object of {path} does not exist")
            files[path] = File(repository.objects[value["oid"]], lfs=True)
        elif key == "deletedFile" and path in files:
            del files[path]
        elif key == "deletedFolder":
            files = {name: file for name, file in files.items() if not name.startswith(path.rstrip("/") + "/")}
        else:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    return files


def routes(hub: Hub) -> APIRouter:
    """Uploads and downloads."""
    router = APIRouter()

    @router.post(REPOSITORY + "/preupload/{revision}")
    async def preupload(request: Request):
        files = hub.repository_of(request, write=True).at(part_of(request, "revision")).files
        answer = []
        for asked in (await request.json())["files"]:
            path = asked["path"]
            large = asked["size"] > LARGEST_REGULAR_FILE or any(fnmatch(path, pattern) for pattern in LFS_NAMES)
            lfs = large or b"\0" in base64.b64decode(asked["sample"])
            there = {"oid": files[path].etag} if path in files else {}
            answer.append({"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False} | there)
        return {"files": answer}

    @router.post("/{repo:path}.git/info/lfs/objects/batch")
    async def lfs_batch(request: Request):
        repository = hub.repository_of(request, write=True)
        answer = []
        for asked in (await request.json())["objects"]:
            oid, size = asked["oid"], asked["size"]
            here = f"{hub.storage}/{repository.key}/{oid}"
            verify = {"href": f"{hub.endpoint}/{repository.key}.git/info/lfs/verify"}
            upload = {"href": here}
            if size > hub.part_size:
                parts = {str(n): f"{here}?part={n}" for n in range(1, -(-size // hub.part_size) + 1)}
                upload = {"href": f"{hub.endpoint}/api/complete_multipart/{repository.key}/{oid}"}
                upload["header"] = {"chunk_size": str(hub.part_size)} | parts
            there = oid in repository.objects
            answer.append(asked if there else asked | {"actions": {"upload": upload, "verify": verify}})
        return {"transfer": "basic", "objects": answer}

    def store(key: str, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != oid:
            raise HubError(400, "The content is not what its hash says")
        hub.repos[key].objects[oid] = content

    @router.put("/storage/{key:path}/{oid}")
    async def upload(key: str, oid: str, request: Request, part: int | None = None):
        content = await request.body()
        if part is None:
            store(key, oid, content)
        else:
            hub.parts[f"{key} {oid} {part}"] = content
        return Response(headers={"ETag": hashlib.md5(content).hexdigest()})

    @router.post("/api/complete_multipart/{key:path}/{oid}")
    async def complete(key: str, oid: str, request: Request):
        named = (await request.json())["parts"]
        parts = [hub.parts[f"{key} {oid} {part['partNumber']}"] for part in named]
        if [part["etag"] for part in named] != [hashlib.md5(part).hexdigest() for part in parts]:
            raise HubError(400, "The parts are not those that were sent")
        store(key, oid, b"".join(parts))

    @router.post("/{repo:path}.git/info/lfs/verify")
    async def verify(request: Request):
        repository, asked = hub.repository_of(request, write=True), await request.json()
        if len(repository.objects.get(asked["oid"], b"")) != asked["size"]:
            raise HubError(404, "Object does not exist")

    @router.post(REPOSITORY + "/commit/{revision}")
    async def commit(request: Request):
        repository, branch = hub.repository_of(request, write=True), part_of(request, "revision")
        header, *lines = map(json.loads, (await request.body()).splitlines())
        head = repository.at(branch)
        if branch not in repository.branches:
            raise HubError(400, f"{branch} is no branch")
        if header["value"].get("parentCommit", head.sha) != head.sha:
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        new = repository.commit(header["value"]["summary"], carry_out(repository, lines, head.files), branch)
        url = f"{hub.endpoint}/{repository.key}/commit/{new.sha}"
        return {"success": True, "commitOid": new.sha, "commitUrl": url}

    @router.api_route("/{repo:path}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
    async def resolve(request: Request):
        repository, path = hub.repository_of(request), part_of(request, "path")
        commit = repository.at(part_of(request, "revision"))
        headers = {"X-Repo-Commit": commit.sha}
        if path not in commit.files:
            missing = HubError(404, "Entry not found", "EntryNotFound")
            return JSONResponse(missing.body, missing.status, missing.headers | headers)
        file = commit.files[path]
        headers |= {"ETag": f'"{file.etag}"'}
        if file.lfs:
            headers |= {"X-Linked-ETag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
            return RedirectResponse(f"{hub.storage}/{repository.key}/{file.sha256}", 302, headers)
        return Response(file.content, headers=headers, media_type="application/octet-stream")

    @router.api_route("/storage/{key:path}/{oid}", methods=["GET", "HEAD"])
    async def download(key: str, oid: str):
        return Response(hub.repos[key].objects[oid], media_type="application/octet-stream")

    return router
