import errno
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from webapp.db import resource_errors


def test_a_full_disk_is_recognised_by_its_error_code() -> None:
    with pytest.raises(OSError, match="No space left") as caught, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    assert resource_errors.shortage_message(caught.value) == resource_errors.DISK_FULL


@pytest.mark.parametrize("message", ["database or disk is full", "could not extend file: No space left on device"])
def test_a_full_disk_of_a_database_is_recognised_by_its_message(message: str) -> None:
    assert resource_errors.disk_is_full(OperationalError("INSERT", {}, Exception(message)))


def test_other_errors_have_no_shortage_message() -> None:
    for other in (OSError(errno.EACCES, "no"), OperationalError("SELECT", {}, Exception("no route")), ValueError("x")):
        assert resource_errors.shortage_message(other) is None
    assert resource_errors.shortage_message(MemoryError()) == resource_errors.OUT_OF_MEMORY
