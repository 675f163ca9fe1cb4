"""How long a user waits: from `python space/app.py` to the first answer, by raw HTTP.

python benchmarks/space_start.py --model RUN    1 minute; the newest run under runs/ when left out
"""

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cli.errors import UserError
from cli.script import run_script

ROOT = Path(__file__).parents[1]
PATIENCE = 120
"""Seconds after which a start counts as failed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a run, a folder or a Hub id")
    parser.add_argument("--starts", type=int, default=5)
    args = parser.parse_args()
    seconds = [first_answer(args.model) for _ in range(args.starts)]
    print(
        f"first answer after {statistics.median(seconds):.1f} s "
        f"({min(seconds):.1f} to {max(seconds):.1f}, {len(seconds)} starts), wanted at most 6"
    )


def first_answer(model: str | None) -> float:
    """Seconds from the start of the app to its first prediction; raises UserError where none comes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "space/app.py", "--port", str(port), *(["--model", model] if model else [])]
    question = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/run/predict",
        data=json.dumps({"data": ["a lovely, moving film"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    begun = time.monotonic()
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while time.monotonic() - begun < PATIENCE:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(question, timeout=5).read()
                return time.monotonic() - begun
            if app.poll() is not None:
                raise UserError(f"the app did not start: {app.stderr.read().strip().splitlines()[-1:]}")
            time.sleep(0.02)
        raise UserError(f"the app gave no answer within {PATIENCE} s")
    finally:
        app.kill()
        app.wait()


if __name__ == "__main__":
    run_script(main)
