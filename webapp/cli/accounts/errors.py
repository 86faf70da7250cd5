"""Turn the errors of accounts and tokens into one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from webapp.cli.command_group import Failed


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise a command's error for each mistake about accounts and tokens."""
    from webapp.accounts.accounts import UserNotFound
    from webapp.accounts.validation import BadAccount

    try:
        yield
    except (BadAccount, UserNotFound) as error:
        raise Failed(str(error)) from None
