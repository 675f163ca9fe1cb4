"""How a script ends: an exit status, and for a user's mistake one line instead of a traceback."""

import os
import sys
from collections.abc import Callable

from cli.errors import UserError


def is_main_process() -> bool:
    """Whether this process is the one that talks, known from the launcher's RANK before torch is imported."""
    return os.environ.get("RANK", "0") == "0"


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and leave the interpreter with its exit status (0 done, 1 failed, 2 wrong usage, 130 Ctrl-C)."""
    try:
        status = main() or 0
    except UserError as error:
        if is_main_process():
            print(f"error: {error}", file=sys.stderr)
        status = error.exit_status
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
