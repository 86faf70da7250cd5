"""The ledger: what handlers did, independent of the database, in one append-only file per job.

Each line is a single write, so that a kill leaves all of it or nothing, and it survives when all processes are killed.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

SETTING = "CHAOS_LEDGER"  # the folder


@dataclass(frozen=True, slots=True)
class Line:
    """What an attempt did, and when, by the clock of this machine."""

    what: str
    attempt: int
    at: float
    detail: str = ""


class Page:
    """Appends the lines of one attempt to the file of its job."""

    def __init__(self, job_id: UUID, attempt: int) -> None:
        self._path = Path(os.environ[SETTING]) / job_id.hex
        self._attempt = attempt

    def record(self, what: str, detail: str = "") -> None:
        """Append a line."""
        line = f"{what} {self._attempt} {time.time():.3f} {detail}\n".encode()
        descriptor = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(descriptor, line)
        os.close(descriptor)


@contextmanager
def attempt(job_id: UUID, number: int) -> Iterator[Page]:
    """Record the start of an attempt, and its end unless it raises."""
    page = Page(job_id, number)
    page.record("start")
    yield page
    page.record("end")


def read(folder: Path, job_id: UUID) -> tuple[Line, ...]:
    """Return the lines of a job, oldest first; none if it never ran."""
    path = folder / job_id.hex
    if not path.exists():
        return ()
    return tuple(_line(text) for text in path.read_text().splitlines())


def _line(text: str) -> Line:
    what, number, at, detail = text.split(" ", 3)
    return Line(what, int(number), float(at), detail)
