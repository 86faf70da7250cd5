"""Which of its claimed jobs a work-horse has begun, and which of these have completed.

A work-horse claims several short jobs at once and ends them together, so for a few milliseconds the database knows
less than it does. It notes each step in a small file that is mapped into its memory: that takes a microsecond, and what
it has noted is still there after it was killed. Then its worker, or its pool, ends the completed jobs, settles the one
that was running, and gives the others back. Without the file, every claimed job counts as begun.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from webapp.jobs.model.job import Job
from webapp.private_files import private_opener

MOST_JOBS = 16
_HEADER = struct.Struct("16s 36s i i")  # lease, boot id, pid of the work-horse, number of jobs
_COUNT = struct.Struct("i")
_COUNT_AT = _HEADER.size - _COUNT.size
_ENTRY = struct.Struct("16s i i d d d q")  # job, attempt, 1 if completed; begun, ended, CPU seconds; bytes of memory
_END = struct.Struct("d d d q")  # the last parts of an entry
_END_AT = _ENTRY.size - _END.size
_COMPLETED_AT = _END_AT - _COUNT.size
_SIZE = _HEADER.size + MOST_JOBS * _ENTRY.size


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunJob:
    """An attempt that has begun, and how it has completed, if it has."""

    job_id: UUID
    attempt: int
    begun_at: datetime
    completed_at: datetime | None
    cpu_seconds: float
    peak_memory: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunUnderLease:
    """What the work-horse of a lease has noted, in the order in which it has begun its jobs."""

    pid: int
    begun: tuple[BegunJob, ...]

    def is_running(self, job: Job) -> bool:
        """Return whether the handler of a job's current attempt runs, or has ended without a note of that."""
        begun = self.of(job)
        return begun is not None and begun.completed_at is None

    def of(self, job: Job) -> BegunJob | None:
        """Return what was noted of a job's current attempt; ``None`` if it has not begun."""
        return next((one for one in self.begun if (one.job_id, one.attempt) == (job.id, job.attempt)), None)


class BegunJobsFile:
    """The file of a work-horse, as it writes it itself. Values are written before the number that makes them count."""

    def __init__(self, path: Path, boot_id: str) -> None:
        """Map the file; raises ``OSError`` if it cannot be made."""
        descriptor = private_opener(str(path), os.O_RDWR | os.O_CREAT)
        try:
            if os.fstat(descriptor).st_size != _SIZE:
                os.pwrite(descriptor, bytes(_SIZE), 0)  # written now, so that the disk cannot be full later
            self._memory = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)
        self._boot_id = boot_id.encode()
        self._count = 0

    def open(self, lease_id: UUID) -> None:
        """Start with a lease under which no job runs."""
        self._set_count(0)
        _HEADER.pack_into(self._memory, 0, lease_id.bytes, self._boot_id, os.getpid(), 0)

    def begin(self, job: Job, begun_at: datetime) -> None:
        """Note that the handler of a job is about to run; at most `MOST_JOBS` before `forget`."""
        values = (job.id.bytes, job.attempt, 0, begun_at.timestamp(), 0.0, 0.0, 0)
        _ENTRY.pack_into(self._memory, _HEADER.size + self._count * _ENTRY.size, *values)
        self._set_count(self._count + 1)

    def complete(self, begun_at: datetime, completed_at: datetime, cpu_seconds: float, memory: int) -> None:
        """Note that the last begun job has completed, with nothing else to write about it."""
        place = _HEADER.size + (self._count - 1) * _ENTRY.size
        times = (begun_at.timestamp(), completed_at.timestamp(), cpu_seconds, memory)
        _END.pack_into(self._memory, place + _END_AT, *times)
        _COUNT.pack_into(self._memory, place + _COMPLETED_AT, 1)

    def forget(self) -> None:
        """Forget the begun jobs: their ends are in the database."""
        self._set_count(0)

    def close(self) -> None:
        """Unmap the file; what was noted stays in it."""
        self._memory.close()

    def _set_count(self, count: int) -> None:
        self._count = count
        _COUNT.pack_into(self._memory, _COUNT_AT, count)


class BegunJobs:
    """The files of all work-horses of this machine, one per worker."""

    def __init__(self, folder: Path, boot_id: str) -> None:
        self._folder = folder
        self._boot_id = boot_id

    def file_of(self, worker: str) -> BegunJobsFile | None:
        """Open the file of a worker, for its work-horse; ``None`` if the folder cannot be written."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return BegunJobsFile(self._path(worker), self._boot_id)
        return None

    def under(self, lease_id: UUID, worker: str) -> BegunUnderLease | None:
        """Return what the work-horse of a lease has noted; ``None`` if nothing is known, so that all may have begun."""
        try:
            content = self._path(worker).read_bytes()
        except (OSError, ValueError):
            return None
        if len(content) != _SIZE:
            return None
        lease, boot, pid, count = _HEADER.unpack_from(content)
        if lease != lease_id.bytes or boot.rstrip(b"\0") != self._boot_id.encode() or not 0 <= count <= MOST_JOBS:
            return None
        return BegunUnderLease(pid=pid, begun=tuple(_entries(content, count)))

    def remove(self, worker: str) -> None:
        """Remove the file of a worker that has ended, when its leases are settled."""
        with suppress(OSError, ValueError):
            self._path(worker).unlink()

    def _path(self, worker: str) -> Path:
        return self._folder / Path(worker).name


def _entries(content: bytes, count: int) -> Iterator[BegunJob]:
    for place in range(count):
        job, attempt, is_completed, begun, ended, cpu, memory = _ENTRY.unpack_from(
            content, _HEADER.size + place * _ENTRY.size
        )
        yield BegunJob(
            job_id=UUID(bytes=job),
            attempt=attempt,
            begun_at=datetime.fromtimestamp(begun, UTC),
            completed_at=datetime.fromtimestamp(ended, UTC) if is_completed else None,
            cpu_seconds=cpu,
            peak_memory=memory,
        )
