"""Turn the errors of accounts and tokens into one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise a command's error for each mistake about accounts and tokens."""
    from webapp.accounts.accounts import UserNotFound
    from webapp.accounts.validation import BadAccount

    try:
        yield
    except (BadAccount, UserNotFound) as error:
        raise click.ClickException(str(error)) from None
