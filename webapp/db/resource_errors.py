"""What a machine can run short of, and how that is said to people. Pure."""

import errno

DISK_FULL = "The disk is full, so the data was not saved. Free some space, then retry."
OUT_OF_MEMORY = "It ran out of memory. Reduce its workload or give it more memory, then retry."
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_ROOM_SAID = ("database or disk is full", "No space left on device")  # by SQLite, by PostgreSQL


def shortage_message(error: BaseException) -> str | None:
    """Say what there was not enough of; ``None`` if it was something else."""
    if disk_is_full(error):
        return DISK_FULL
    return OUT_OF_MEMORY if isinstance(error, MemoryError) else None


def disk_is_full(error: BaseException) -> bool:
    """Tell whether a file, or a row, did not fit on its disk."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    said = str(getattr(error, "orig", ""))  # of SQLAlchemy's errors
    return any(words in said for words in _NO_ROOM_SAID)
