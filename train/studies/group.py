"""`accelerate launch` that ends when the process which started it does, since that closes its standard input."""

import os
import signal
import sys
import threading

from accelerate.commands.launch import main


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main()
