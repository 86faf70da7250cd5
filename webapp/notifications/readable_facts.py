"""Which facts of a message its reader can still read: rights can change between an event and its message.

A message waits for the end of quiet hours, for a mail server that is away, or until somebody sends it again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select

from webapp.accounts.permissions import may
from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.notifications.job_events import JOB_COLUMNS, Reader, ReportedJob, reported_job
from webapp.notifications.rule import RIGHTS, Topic, Whose
from webapp.schema import jobs, schedules

Fact = Mapping[str, Any]
_WAITING: Mapping[str, Callable[[Reader, ReportedJob], bool]] = MappingProxyType(
    {Topic.NEEDS_APPROVAL: Reader.approves, Topic.NEEDS_ANSWER: Reader.answers}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableFacts:
    """What is left of the facts of a message; ``opened`` are the jobs of which the reader can read the output."""

    facts: tuple[Fact, ...]
    opened: frozenset[UUID]


def readable_facts(engine: Engine, facts: Sequence[Fact], reader: Reader, user: User | None) -> ReadableFacts:
    """Return the facts that ``user`` may read now; without a user, it is a rule of the installation."""
    found = _jobs(engine, _ids(facts, "job_id"))
    opened = frozenset(job_id for job_id, job in found.items() if reader.opens(job))
    if user is None:
        return ReadableFacts(facts=tuple(facts), opened=opened)
    planned = _schedules(engine, _ids(facts, "schedule_id"))
    kept = []
    for fact in facts:
        if fact["topic"] in RIGHTS and not may(user, RIGHTS[fact["topic"]]):
            continue
        if "job_id" in fact:
            job = found.get(UUID(fact["job_id"]))
            if waits := _WAITING.get(fact["topic"]):
                if job and waits(reader, job):  # somebody else can have decided or answered meanwhile
                    kept.append(fact)
                continue
            if not (reader.sees(job) if job else _sees_deleted(reader)):
                continue
            kept.append(fact if job is None or job.id in opened else {**fact, "detail": ""})
            continue
        if "schedule_id" in fact:
            schedule = planned.get(UUID(fact["schedule_id"]))
            if not (reader.sees_schedule(*schedule) if schedule else _sees_deleted(reader)):
                continue
        kept.append(fact)
    return ReadableFacts(facts=tuple(kept), opened=opened)


def _sees_deleted(reader: Reader) -> bool:
    """Return whether the reader is told of a job that was deleted meanwhile, so that nobody knows whose it was."""
    policy = reader.policy
    return policy is None or reader.rule.whose is Whose.OWN or (policy.sees_all and policy.tenant is None)


def _ids(facts: Sequence[Fact], name: str) -> set[UUID]:
    return {UUID(fact[name]) for fact in facts if fact.get(name)}


def _jobs(engine: Engine, ids: Collection[UUID]) -> dict[UUID, ReportedJob]:
    if not ids:
        return {}
    with reading(engine) as connection:
        rows = connection.execute(select(jobs.c.id, *JOB_COLUMNS).where(jobs.c.id.in_(ids))).mappings()
        return {row["id"]: reported_job(row) for row in rows}


def _schedules(engine: Engine, ids: Collection[UUID]) -> dict[UUID, tuple[UUID | None, str | None]]:
    if not ids:
        return {}
    columns = (schedules.c.id, schedules.c.owner_id, schedules.c.tenant)
    with reading(engine) as connection:
        return {
            row.id: (row.owner_id, row.tenant)
            for row in connection.execute(select(*columns).where(schedules.c.id.in_(ids)))
        }
