"""A Space's variables and secrets."""

from fastapi import APIRouter, Request

from tests.hub.api import REPOSITORY
from tests.hub.repositories import Hub


def routes(hub: Hub, kept: str) -> APIRouter:
    """The routes of a Space's variables, or of its secrets, whose values are never told."""
    router = APIRouter()
    path = f"{REPOSITORY}/{kept}"

    def shown(request: Request) -> dict:
        settings = getattr(hub.repository_of(request), kept)
        return {key: {"value": value} if kept == "variables" else {} for key, value in settings.items()}

    @router.get(path)
    async def read(request: Request):
        return shown(request)

    @router.post(path)
    async def write(request: Request):
        asked = await request.json()
        getattr(hub.repository_of(request, write=True), kept)[asked["key"]] = asked["value"]
        return shown(request)

    @router.delete(path)
    async def remove(request: Request):
        asked = await request.json()
        getattr(hub.repository_of(request, write=True), kept).pop(asked["key"], None)
        return shown(request)

    return router
