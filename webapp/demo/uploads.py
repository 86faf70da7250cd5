"""The tables that people gave to the latest jobs of the month: real files, as long as their jobs say."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any
from uuid import UUID

from webapp.demo.ended import Ended
from webapp.jobs.files import FileStore, StoredFile

Given = Mapping[UUID, StoredFile]
_LARGEST = 20_000  # rows


def given_to(past: Sequence[Ended], files: FileStore) -> Given:
    """Store a file for each of the jobs that took one; return the files by the ids of their jobs."""
    return {job.id: files.receive(BytesIO(_table(job)), job.story.file) for job in past if job.story.file}


def attachment_rows(past: Sequence[Ended], given: Given) -> Iterator[dict[str, Any]]:
    """Yield the rows of the files."""
    for job in past:
        if file := given.get(job.id):
            known = {name: getattr(file, name) for name in ("id", "name", "media_type", "size", "sha256")}
            yield {**known, "job_id": job.id, "attempt": 0, "role": "input", "created_at": job.created}


def _table(job: Ended) -> bytes:
    if job.story.error.endswith("is empty."):
        return b" "
    rows, columns = min(job.story.done, _LARGEST), job.story.done % 19 + 3
    head = ",".join(["number", *(f"value {place}" for place in range(2, columns + 1))])
    tail = ",7" * (columns - 1)
    return "\n".join([head, *(f"{number}{tail}" for number in range(1, rows + 1))]).encode()
