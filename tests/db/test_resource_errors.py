import errno
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from webapp.db import resource_errors


def test_a_real_full_disk_is_told_by_its_error() -> None:
    with pytest.raises(OSError, match="No space left") as caught, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    assert resource_errors.shortage_message(caught.value) == resource_errors.DISK_FULL


@pytest.mark.parametrize("said", ["database or disk is full", "could not extend file: No space left on device"])
def test_the_databases_say_it_in_words(said: str) -> None:
    assert resource_errors.disk_is_full(OperationalError("INSERT", {}, Exception(said)))


def test_other_errors_are_told_as_they_are() -> None:
    for other in (OSError(errno.EACCES, "no"), OperationalError("SELECT", {}, Exception("no route")), ValueError("x")):
        assert resource_errors.shortage_message(other) is None
    assert resource_errors.shortage_message(MemoryError()) == resource_errors.OUT_OF_MEMORY
