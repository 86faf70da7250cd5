"""Checks rows, ledger and files after a run, and reports what is wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from benchmarks.chaos import ledger
from webapp.db.engine import reading
from webapp.jobs.invariants.verifier import run_checks
from webapp.jobs.model.job import TERMINAL
from webapp.schema import attachments, jobs
from webapp.services import Services

_CLOCKS_DIFFER = 0.1  # seconds: the database has another clock and counts milliseconds


@dataclass
class Judgement:
    """The ids of lost jobs and of jobs that ran twice, and a sentence for every other error.

    `suspects` are the jobs that such a sentence is about.
    """

    lost: set[UUID] = field(default_factory=set)
    twice: set[UUID] = field(default_factory=set)
    suspects: set[UUID] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    attempts: int = 0


def check_run(services: Services, folder: Path, created: Iterable[UUID]) -> Judgement:
    """Check all jobs of an installation; ``created`` are those whose creation was confirmed."""
    found = Judgement()
    with reading(services.engine) as connection:
        rows = connection.execute(select(jobs).where(jobs.c.type.like("chaos%"))).all()
    found.lost = set(created) - {row.id for row in rows}
    for row in rows:
        lines = ledger.read(folder, row.id)
        found.by_status[row.status] += 1
        found.attempts += row.attempt
        wrong = [*_check_job(found, row, lines), *_missing_files(services, row.id, lines)]
        if wrong:
            found.suspects.add(row.id)
            found.wrong.extend(wrong)
    found.wrong.extend(_leftovers(services))
    return found


def _check_job(found: Judgement, row: Row[Any], lines: tuple[ledger.Line, ...]) -> Iterator[str]:
    name = f"{row.type} {row.id.hex[-8:]}"
    starts = [line.attempt for line in lines if line.what == "start"]
    if row.status not in TERMINAL:
        found.lost.add(row.id)
    elif row.status != row.payload.get("ends", "completed"):
        yield f"{name} is {row.status}, attempt {row.attempt}: {row.errors}"
    if len(set(starts)) != len(starts):
        yield f"{name} was started more than once in one attempt: {starts}"
    if row.status == "completed" and _started_after(row, lines):
        found.twice.add(row.id)
    if row.status == "completed" and not any(line.what == "end" for line in lines):
        yield f"{name} is completed, but its handler never finished"


def _started_after(row: Row[Any], lines: tuple[ledger.Line, ...]) -> bool:
    ended = row.finished_at.timestamp() + _CLOCKS_DIFFER
    return any(line.what == "start" and (line.attempt > row.attempt or line.at > ended) for line in lines)


def _missing_files(services: Services, job_id: UUID, lines: tuple[ledger.Line, ...]) -> Iterator[str]:
    promised = [line.detail.split() for line in lines if line.what == "file"]
    if not promised:
        return
    kept = {file.name: file for file in services.jobs.attachments(job_id)}
    for name, digest in promised:
        if name not in kept or _digest(services, kept[name].id) != digest:
            yield f"job {job_id.hex[-8:]}: the file {name} is missing or differs"


def _digest(services: Services, file_id: UUID) -> str:
    with services.files.open(file_id) as file:
        return sha256(file.read()).hexdigest()


def _leftovers(services: Services) -> Iterator[str]:
    for found in run_checks(services.checks(deep=True)):
        if not found.holds:
            yield f"{found.rule} ({found.count}: {'; '.join(found.examples)})"
    if beats := services.leases.beats():
        yield f"leases are left: {sorted(map(str, beats))}"
    yield from _unswept(services)


def _unswept(services: Services) -> Iterator[str]:
    """A killed writer leaves a file without a row; no job runs any more, so the sweep can delete it."""
    services.pruner.sweep_orphans(older_than=timedelta(0))
    with reading(services.engine) as connection:
        named = {file_id.hex for file_id in connection.execute(select(attachments.c.id)).scalars()}
    there = {found.id.hex for found in services.files.files(timedelta.min, time())}
    if there != named:
        yield f"files and rows differ: {sorted(there ^ named)}"
