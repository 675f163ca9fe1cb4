"""What must not get out: tokens, keys, passwords, and where files lie on this machine."""

import mmap
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from huggingface_hub import get_token

SECRETS = {
    "a token of the Hub": rb"\bhf_[A-Za-z0-9]{16,}",
    "a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY",
    "a token of GitHub": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})",
    "an access key of AWS": rb"\bAKIA[0-9A-Z]{16}\b",
    "an API key": rb"\bsk-[A-Za-z0-9_-]{24,}",
    "a password in an address": rb"(?<=[a-z0-9]://)[\w.~%!$&()*+,;=:-]+(?=@)",
}
"""What it is, and how it is known."""
HIDDEN = "[hidden]"
_SECRET_NAMES = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY)$", re.IGNORECASE)
_SHORTEST = 8
_HOME = rb"/(?:home|Users)/[^/\s\"'<>`]+/"
# Not inside a word, a longer path or an address.
_BEFORE, _REST = r"(?<![\w./:~-])", r"(?:/[^\s\"'<>`,;:()\[\]{}\\]*)?"


def find_leak(content: bytes | mmap.mmap) -> str | None:
    """What a file holds that must not get out, in words without the thing itself; None where there is nothing."""
    for value, what in _known_secrets().items():
        if content.find(value) >= 0:
            return what
    for what, pattern in SECRETS.items():
        if re.search(pattern, content):
            return f"what looks like {what}"
    return "a path of somebody's home folder" if re.search(_home_pattern(), content) else None


def redact(text: str) -> str:
    """A text without the secrets that are in it."""
    content = text.encode()
    for value in _known_secrets():
        content = content.replace(value, HIDDEN.encode())
    for pattern in SECRETS.values():
        content = re.sub(pattern, HIDDEN.encode(), content)
    return content.decode(errors="replace")


def without_paths(text: str, folder: Path) -> str:
    """A text in which absolute paths of this machine are their last part.

    Those count that lie where `folder` does, in its topmost folder, in somebody's home, or in Python's own folder.
    Of those around `folder` the names may hold spaces.
    """
    around = (folder.resolve(), *folder.resolve().parents)
    roots = {*map(str, around), str(Path.home()), sys.prefix} - {"/"}
    named = "|".join([*map(re.escape, sorted(roots, key=len, reverse=True)), r"/(?:home|Users)/[^/\s\"'<>`]+"])
    return re.sub(f"{_BEFORE}(?:{named})(?![\\w-]){_REST}", lambda found: _last(found[0]), text)


def without_paths_in(value: Any) -> Any:
    """Settings in which every text that is an absolute path, or one from home, is its last part."""
    if isinstance(value, dict):
        return {key: without_paths_in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_paths_in(item) for item in value]
    is_path = isinstance(value, str) and value.startswith(("/", "~/"))
    return _last(value) if is_path else value


def _last(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _known_secrets() -> dict[bytes, str]:
    """{secret: what it is} of this process: the login's token, and what the environment calls one."""
    values: Iterable[tuple[str, str]] = [("the token of the Hub's login", get_token() or "")]
    values = [*values, *((f"the value of the environment's {name}", os.environ[name]) for name in _secret_names())]
    return {value.encode(): what for what, value in reversed(values) if len(value) >= _SHORTEST}


def _secret_names() -> list[str]:
    return [name for name in os.environ if _SECRET_NAMES.search(name)]


def _home_pattern() -> bytes:
    home = str(Path.home())
    return _HOME if home == "/" else _HOME + rb"|(?<![\w./:-])" + re.escape(home).encode() + rb"/"
