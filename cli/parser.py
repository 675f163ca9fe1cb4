"""How a command takes its flags."""

from typing import NoReturn

from cli.errors import UsageError


class OneLineErrors:
    """For an ArgumentParser: a wrong flag is one line of ours, not the usage and a line of argparse."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (--help lists every flag)")
