"""Small tables for people to have uploaded: a good one, a ragged one, one that is none, and one of people. Pure.

The tables that people gave to the latest jobs of the month: real files, as long as their jobs say.
"""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from webapp.demo.job_rows import PastJob
from webapp.jobs.store.file_store import FileStore, StoredFile

NO_TABLE = b"%PDF-1.7\n% prices of November, printed\n"
_TOWNS = ("Madrid", "Lagos", "Paris", "Tokyo", "Lund", "Köln", "Graz", "Basel")


def orders(chance: Random, rows: int = 240) -> bytes:
    """Return orders, each row well formed."""
    lines = ["order,day,town,items,total"]
    for number in range(1, rows + 1):
        day = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        total = "" if chance.random() < 0.05 else f"{chance.lognormvariate(4, 0.8):.2f}"  # noqa: PLR2004
        lines.append(f"{number},{day},{chance.choice(_TOWNS)},{chance.randint(1, 9)},{total}")
    return "\n".join(lines).encode()


def ragged(chance: Random) -> bytes:
    """Return orders of which some rows are too short."""
    lines = orders(chance, 120).split(b"\n")
    for place in (17, 40, 41, 93):
        lines[place] = lines[place].rpartition(b",")[0].rpartition(b",")[0]
    return b"\n".join(lines)


def staff() -> bytes:
    """Return people, two of whom cannot have an account."""
    return (
        b"name,full_name,email,role\n"
        b"farid,Farid Haddad,farid@example.org,user\n"
        b"gwen,Gwen Price,gwen@example.org,auditor\n"
        b"hugo,Hugo Blanc,not an address,user\n"
        b"iris,Iris Novak,iris@example.org,captain\n"
    )


InputFiles = Mapping[UUID, StoredFile]
_LARGEST = 20_000  # rows


def given_to(past: Sequence[PastJob], files: FileStore) -> InputFiles:
    """Store a file for each of the jobs that took one; return the files by the ids of their jobs."""
    return {job.id: files.receive(BytesIO(_table(job)), job.scenario.file) for job in past if job.scenario.file}


def attachment_rows(past: Sequence[PastJob], given: InputFiles) -> Iterator[dict[str, Any]]:
    """Yield the rows of the files."""
    for job in past:
        if file := given.get(job.id):
            known = {name: getattr(file, name) for name in ("id", "name", "media_type", "size", "sha256")}
            yield {**known, "job_id": job.id, "attempt": 0, "role": "input", "created_at": job.created}


def _table(job: PastJob) -> bytes:
    if job.scenario.error.endswith("is empty."):
        return b" "
    rows, columns = min(job.scenario.done, _LARGEST), job.scenario.done % 19 + 3
    head = ",".join(["number", *(f"value {place}" for place in range(2, columns + 1))])
    tail = ",7" * (columns - 1)
    return "\n".join([head, *(f"{number}{tail}" for number in range(1, rows + 1))]).encode()
