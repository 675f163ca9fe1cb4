"""A Hub to test against: speaks the Hugging Face Hub's HTTP protocol as far as huggingface_hub needs it, and can fail.

As on the Hub, large files go to and come from another host, without the token; here that is the same server under the
name localhost. The Hub's Xet storage is not spoken: clients need HF_HUB_DISABLE_XET=1.
"""

import asyncio
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from huggingface_hub import constants
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.hub import api, settings, transfer
from tests.hub.repositories import Hub, HubError

Application = Callable[..., Awaitable[None]]
GRACE = 5.0
"""Seconds that a reset waits for requests that are being carried out."""


@dataclass
class Asked:
    """A line of the server's log; `status` stays None where the connection was cut."""

    method: str
    path: str
    has_token: bool
    status: int | None = None


@dataclass
class Fault:
    """What happens instead to the next `times` requests that match."""

    pattern: str
    times: int
    happens: Application


class HubServer(Hub):
    """A context manager that serves a Hub on a free port, at `endpoint`.

    `requests` is the log. The pattern of a fault is a regular expression that is searched in "METHOD /path", such as
    "POST .*/commit/" or "PUT /storage"; of several faults that match, the first that is not used up happens.
    """

    def __init__(self, part_size: int = 8 * 2**20) -> None:
        # A socket that names its protocol is spared Nagle's algorithm by asyncio: 40 ms a request.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        super().__init__(f"http://127.0.0.1:{port}", f"http://localhost:{port}/storage", part_size)
        self.requests: list[Asked] = []
        self._faults: list[Fault] = []
        self._running, self._resets = 0, 0
        self._application = application(self)
        quiet = {"lifespan": "off", "log_config": None, "log_level": "error", "timeout_graceful_shutdown": 1}
        config = uvicorn.Config(self._answer, interface="asgi3", http=Connection, **quiet)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> "HubServer":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_) -> None:
        self._server.should_exit = True
        self._thread.join()

    def reset(self) -> None:
        """Forget all repositories, requests and faults; what is still being carried out ends first, or is dropped."""
        self._resets += 1
        until = time.monotonic() + GRACE
        while self._running and time.monotonic() < until:
            time.sleep(0.005)
        for held in (self.repos, self.parts, self.requests, self._faults):
            held.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to take this server for the Hub."""
        switches = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        return {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": self.token} | switches

    def replace_hub(self, monkeypatch, cache: Path) -> None:
        """Let this very process take the server for the Hub, as huggingface_hub reads the environment at its import."""
        template = self.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", self.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setenv("HF_TOKEN", self.token)
        # It keeps the endpoint it was first used with.
        monkeypatch.setattr("transformers.utils.hub._hf_api", None)

    def asked(self, pattern: str) -> list[Asked]:
        """The requests so far that match, oldest first."""
        return [asked for asked in self.requests if re.search(pattern, f"{asked.method} {asked.path}")]

    def fail(
        self,
        pattern: str,
        status: int = 500,
        times: int = 1,
        headers: dict[str, str] | None = None,
        message: str = "Refused on purpose",
    ) -> None:
        """Answer the next `times` matching requests with an error; from 500 on it is a page, as gateways send it."""
        if status < 500:
            answer = JSONResponse({"error": message}, status, {"X-Error-Message": message} | (headers or {}))
        else:
            answer = HTMLResponse(f"<html>{message}</html>", status, headers)

        async def refuse(scope, receive, send) -> None:
            await Request(scope, receive).body()
            await answer(scope, receive, send)

        self._faults.append(Fault(pattern, times, refuse))

    def cut(self, pattern: str, times: int = 1, after: bool = False) -> None:
        """Close the connection while the request is read, or `after` it was carried out but before it is answered."""

        async def no_answer(message) -> None:
            pass

        async def close(scope, receive, send) -> None:
            await (self._application(scope, receive, no_answer) if after else receive())
            scope["state"]["transport"].abort()
            while (await receive())["type"] != "http.disconnect":
                pass

        self._faults.append(Fault(pattern, times, close))

    def slow(self, pattern: str, seconds: float, times: int = 1) -> None:
        """Carry the next `times` matching requests out, but `seconds` later, whether or not anyone still waits."""

        async def wait(scope, receive, send) -> None:
            body, resets = await Request(scope, receive).body(), self._resets
            until = time.monotonic() + seconds
            while time.monotonic() < until and resets == self._resets:
                await asyncio.sleep(min(0.02, seconds))
            if resets != self._resets:
                # Its client is gone, and so is what it was about.
                scope["state"]["transport"].abort()
                return

            async def receive_again() -> dict:
                return {"type": "http.request", "body": body}

            await self._application(scope, receive_again, send)

        self._faults.append(Fault(pattern, times, wait))

    async def _answer(self, scope, receive, send) -> None:
        # Undecoded, so that a slash in the name of a branch is none in the path.
        scope["path"] = scope["raw_path"].decode()
        asked = Asked(scope["method"], scope["path"], b"authorization" in dict(scope["headers"]))
        self.requests.append(asked)

        async def note_status(message) -> None:
            asked.status = message.get("status", asked.status)
            await send(message)

        request = f"{asked.method} {asked.path}"
        happens = self._application
        for fault in self._faults:
            if fault.times and re.search(fault.pattern, request):
                fault.times -= 1
                happens = fault.happens
                break
        self._running += 1
        try:
            await happens(scope, receive, note_status)
        finally:
            self._running -= 1


class Connection(H11Protocol):
    """A connection that a request can cut."""

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.app_state = {"transport": transport}


def application(hub: Hub) -> FastAPI:
    """All routes of the Hub."""
    routes = FastAPI(openapi_url=None)
    for router in (api.routes(hub), transfer.routes(hub), settings.routes(hub, "variables")):
        routes.include_router(router)
    routes.include_router(settings.routes(hub, "secrets"))

    @routes.exception_handler(HubError)
    async def refuse(request: Request, error: HubError):
        return JSONResponse(error.body, error.status, error.headers)

    return routes
