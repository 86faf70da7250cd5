"""Turn the errors of accounts and tokens into one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from webapp.accounts.validation import BadAccount
from webapp.cli.command_group import Failed, loaded


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise a command's error for each mistake about accounts and tokens."""
    try:
        yield
    except _mistakes() as error:
        raise Failed(str(error)) from None


def _mistakes() -> tuple[type[Exception], ...]:
    return (BadAccount, *loaded("webapp.accounts.accounts", "UserNotFound"))
