"""Ends a process that a handler has forked, when it leaves the handler as if it were the work-horse."""

import os
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

_STATUS_BITS = 0xFF


def end_copy(error: BaseException | None = None) -> NoReturn:
    """End this process as Python ends a program: with the status of ``error``, and its traceback in the output."""
    status = 1
    with suppress(Exception, SystemExit):
        status = _status(error)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _status(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return (error.code or 0) & _STATUS_BITS
    if isinstance(error, SystemExit):
        print(error.code, file=sys.stderr)  # noqa: T201  (as Python does)
    else:
        traceback.print_exception(error)
    return 1
