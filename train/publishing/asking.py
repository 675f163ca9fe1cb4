"""Asking the Hub: how long, how often, and what is said where it does not do as it is asked."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
from huggingface_hub import constants, set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    hf_raise_for_status,
    logging,
    parse_ratelimit_headers,
)
from huggingface_hub.utils._http import default_client_factory

from cli.errors import UserError
from train.publishing.leaks import redact

Answer = TypeVar("Answer")

TIMEOUT = httpx2.Timeout(120, connect=10)
"""Seconds; the client itself waits for ever."""
WAITS = (1, 4, 16)
"""Seconds before each further attempt, where the Hub does not say how long."""
LONGEST_WAIT = 120
"""Seconds; a Hub that asks for more is left alone."""
HUB_ERRORS = (httpx2.HTTPError, OSError, RuntimeError, ValueError)
"""What the client raises: the Hub's refusals, broken connections, both wrapped by an upload, metadata refused."""
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
AGAIN = "the same command again sends only what is missing"


def use_timeouts() -> None:
    """Let the Hub's client wait no longer than TIMEOUT for an answer, in this whole process."""
    set_client_factory(_client)


def _client() -> httpx2.Client:
    client = default_client_factory()
    client.timeout = TIMEOUT
    client.event_hooks = client.event_hooks | {"response": [_refuse_long_waits]}
    return client


def _refuse_long_waits(response: httpx2.Response) -> None:
    """Raise the Hub's own error where the client would wait for long before it tries again."""
    if (_seconds_asked_for(response) or 0) > LONGEST_WAIT:
        response.read()
        hf_raise_for_status(response)


def _seconds_asked_for(response: httpx2.Response) -> int | None:
    """How long the Hub asks to wait; None where it does not."""
    if response.status_code != 429:
        return None
    limit = parse_ratelimit_headers(response.headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds
    asked = response.headers.get("Retry-After", "").strip()
    return int(asked) if asked.isdigit() else None


def persistently(ask: Callable[[], Answer]) -> Answer:
    """Ask the Hub, a few times if it fails or the connection breaks."""
    for wait in (*WAITS, None):
        try:
            return ask()
        except HUB_ERRORS as error:
            wait_or_raise(error, wait)
    raise AssertionError("the last attempt returns or raises")


def wait_or_raise(error: Exception, wait: float | None) -> None:
    """Wait before another attempt, or raise where none can help."""
    response = getattr(error, "response", None)
    asked = None if response is None else _seconds_asked_for(response)
    if wait is None or (asked or 0) > LONGEST_WAIT or not _is_passing(error):
        raise error
    time.sleep(wait if asked is None else asked)


def _is_passing(error: Exception) -> bool:
    """Whether another attempt may go well."""
    if (status := status_of(error)) is not None:
        return status in (408, 429) or status >= 500
    # A gateway's page where JSON is expected is a JSONDecodeError. Who cannot be reached at all is not there.
    broken = isinstance(error, httpx2.TransportError | json.JSONDecodeError)
    return broken and not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)


def status_of(error: BaseException) -> int | None:
    """The HTTP status of an error; an upload wraps the one that it failed with."""
    response = getattr(_inner(error), "response", None)
    return None if response is None else response.status_code


def _inner(error: BaseException) -> BaseException:
    is_wrapped = isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception)
    return error.__cause__ if is_wrapped else error


@contextlib.contextmanager
def one_line(repo_id: str | None) -> Iterator[None]:
    """Turn what the client raises into a UserError, without secrets."""
    try:
        yield
    except HUB_ERRORS as error:
        raise UserError(redact(explained(error, repo_id))) from error


def explained(error: Exception, repo_id: str | None) -> str:
    """What went wrong, in one line that says what to do."""
    name = repo_id or "your account"
    inner, status = _inner(error), status_of(error)
    # Cut only then: half a secret is not known as one.
    said = redact(" ".join((getattr(inner, "server_message", None) or str(inner)).split()))[:200]
    if status == 401:
        return f"the Hub does not accept the token: {LOG_IN} with one that is valid"
    if status == 403:
        owner = repo_id.split("/")[0] if repo_id else "you"
        return f"the token may not write to {name} ({said}): take one with the right to write for {owner}"
    if status == 404:
        return f"the Hub has no {name}, or does not show it to this token: check the name"
    if status in (409, 412):
        return str(changed_meanwhile(repo_id)) if repo_id else f"the Hub refuses ({said}): try again"
    if status == 429:
        return f"the Hub asks to wait before more is sent to {name}: {AGAIN}"
    if status is not None and status >= 500:
        return f"the Hub fails (HTTP {status}) at {name}: try later; {AGAIN}"
    if status is not None:
        return f"the Hub refuses what was sent to {name} (HTTP {status}: {said})"
    if isinstance(inner, OfflineModeIsEnabled):
        return "the Hub is switched off (HF_HUB_OFFLINE is set, or it could not be reached before): try again with it"
    if isinstance(inner, httpx2.ConnectError | httpx2.ConnectTimeout):
        return f"the Hub at {constants.ENDPOINT} cannot be reached: check the network; {AGAIN}"
    if isinstance(inner, httpx2.TransportError | json.JSONDecodeError):
        return f"the connection to the Hub broke ({type(inner).__name__}) at {name}: {AGAIN}"
    return f"{name} could not be published: {said}"


def changed_meanwhile(repo_id: str) -> UserError:
    """What is raised where somebody else was quicker."""
    return UserError(f"somebody else changed {repo_id} meanwhile: run the same command again")


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process at once: the client would first wait until what it sends has arrived."""

    def leave(*_) -> None:
        os.write(sys.stderr.fileno(), f"\nstopped: {AGAIN}\n".encode())
        os._exit(130)

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the client's own words on each attempt, and without bars where nobody watches."""
    verbosity, bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity(logging.CRITICAL)
    if bars and not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            enable_progress_bars()
