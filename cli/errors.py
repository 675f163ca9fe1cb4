"""The two ways in which a user can be wrong."""


class UserError(Exception):
    """A mistake the user can mend: its message is one line that says what to change (exit status 1)."""

    exit_status = 1


class UsageError(UserError):
    """A wrong flag or configuration key (exit status 2)."""

    exit_status = 2
