"""How a script ends: an exit status, and for a user's mistake one line instead of a traceback."""

import errno
import os
import signal
import sys
from collections.abc import Callable

from cli.errors import UserError


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and leave the interpreter with its exit status (0 done, 1 failed, 2 wrong usage, 130 Ctrl-C)."""
    # A launcher may have been told to ignore Ctrl-C so that we can answer it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = main() or 0
    except UserError as error:
        _say_once_a_machine(f"error: {error}")
        status = error.exit_status
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _say_once_a_machine(
            f"error: {error.filename or 'a file'} could not be written ({error.strerror}): free some space"
        )
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _say_once_a_machine(line: str) -> None:
    # Of the processes that a launcher started here, one is enough.
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(line, file=sys.stderr)
