"""Errors of a full disk or exhausted memory, and their messages for users. Pure."""

import errno

DISK_FULL = "The disk is full, so the data was not saved. Free some space, then retry."
OUT_OF_MEMORY = "It ran out of memory. Reduce its workload or give it more memory, then retry."
_DISK_FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DISK_FULL_TEXTS = ("database or disk is full", "No space left on device")  # of SQLite and PostgreSQL


def shortage_message(error: BaseException) -> str | None:
    """Return the message for a full disk or exhausted memory; ``None`` for any other error."""
    if disk_is_full(error):
        return DISK_FULL
    return OUT_OF_MEMORY if isinstance(error, MemoryError) else None


def disk_is_full(error: BaseException) -> bool:
    """Return whether a write failed because the disk is full, for files and for the database."""
    if isinstance(error, OSError):
        return error.errno in _DISK_FULL_CODES
    message = str(getattr(error, "orig", ""))  # of SQLAlchemy's errors
    return any(text in message for text in _DISK_FULL_TEXTS)
