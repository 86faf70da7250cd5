import os
import sys
from collections.abc import Callable

import pytest

from webapp.jobs.execution.isolation.forked_copy import end_copy


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


ENDS: dict[str, tuple[Callable[[], object], int, str]] = {
    "it returns": (end_copy, 0, ""),
    "an error": (lambda: end_copy(ValueError("no")), 1, "ValueError: no"),
    "an interrupt": (lambda: end_copy(KeyboardInterrupt()), 1, "KeyboardInterrupt"),
    "an error without a text": (lambda: end_copy(Unshowable()), 1, ""),
    "an exit": (lambda: end_copy(SystemExit()), 0, ""),
    "an exit with a status": (lambda: end_copy(SystemExit(3)), 3, ""),
    "an exit with a large status": (lambda: end_copy(SystemExit(256)), 0, ""),
    "an exit with a text": (lambda: end_copy(SystemExit("cannot reach the server")), 1, "cannot reach the server"),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_copy_ends_as_a_program_does(name: str) -> None:
    end, status, text = ENDS[name]
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        sys.stderr = os.fdopen(writer, "w")
        end()
    os.close(writer)
    with os.fdopen(reader) as output:
        assert text in output.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
