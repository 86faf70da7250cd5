"""Input files of the demo: small tables with and without mistakes, and files for the newest jobs of the past month."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from webapp.demo.job_rows import PastJob
from webapp.jobs.store.file_store import FileStore, StoredFile

InputFiles = Mapping[UUID, StoredFile]  # by job
NO_TABLE = b"%PDF-1.7\n% prices of November, printed\n"
_LARGEST = 20_000  # rows
_TOWNS = ("Madrid", "Lagos", "Paris", "Tokyo", "Lund", "Köln", "Graz", "Basel")


def order_table(rng: Random, rows: int = 240) -> bytes:
    """Return a valid table of orders."""
    lines = ["order,day,town,items,total"]
    for number in range(1, rows + 1):
        day = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        total = "" if rng.random() < 0.05 else f"{rng.lognormvariate(4, 0.8):.2f}"  # noqa: PLR2004
        lines.append(f"{number},{day},{rng.choice(_TOWNS)},{rng.randint(1, 9)},{total}")
    return "\n".join(lines).encode()


def incomplete_order_table(rng: Random) -> bytes:
    """Return a table of orders in which some rows have too few fields."""
    lines = order_table(rng, 120).split(b"\n")
    for place in (17, 40, 41, 93):
        lines[place] = lines[place].rpartition(b",")[0].rpartition(b",")[0]
    return b"\n".join(lines)


def user_table() -> bytes:
    """Return a table of users, two of whom cannot be imported."""
    return (
        b"name,full_name,email,role\n"
        b"farid,Farid Haddad,farid@example.org,user\n"
        b"gwen,Gwen Price,gwen@example.org,auditor\n"
        b"hugo,Hugo Blanc,not an address,user\n"
        b"iris,Iris Novak,iris@example.org,captain\n"
    )


def store_input_files(past: Sequence[PastJob], files: FileStore) -> InputFiles:
    """Store a file for each job that needs one, as large as the job reports; return the files by job id."""
    return {job.id: files.receive(BytesIO(_table_of(job)), job.scenario.file) for job in past if job.scenario.file}


def attachment_rows(past: Sequence[PastJob], input_files: InputFiles) -> Iterator[dict[str, Any]]:
    """Yield the database rows of the files."""
    for job in past:
        if file := input_files.get(job.id):
            values = {name: getattr(file, name) for name in ("id", "name", "media_type", "size", "sha256")}
            yield {**values, "job_id": job.id, "attempt": 0, "role": "input", "created_at": job.created}


def _table_of(job: PastJob) -> bytes:
    if job.scenario.error.endswith("is empty."):
        return b" "
    rows, columns = min(job.scenario.done, _LARGEST), job.scenario.done % 19 + 3
    head = ",".join(["number", *(f"value {place}" for place in range(2, columns + 1))])
    tail = ",7" * (columns - 1)
    return "\n".join([head, *(f"{number}{tail}" for number in range(1, rows + 1))]).encode()
