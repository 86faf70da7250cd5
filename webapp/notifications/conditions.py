"""Conditions that rules report besides events: something takes too long, or did not happen.

A finding has a key. Each key is reported once per rule; one that ``lasts`` is reported again after it has gone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, literal_column, select

from webapp.db.engine import reading
from webapp.jobs.approvals.decisions import WAITING
from webapp.jobs.model.job import Status
from webapp.jobs.queries.pauses import PausedQueues, paused_queues
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED
from webapp.jobs.queueing.latency import oldest_waits
from webapp.jobs.schedules.misfires import TOO_LATE
from webapp.jobs.schedules.schedule import RunOutcome
from webapp.notifications.job_events import JOB_COLUMNS, REPORTED, Reader, reported_job
from webapp.notifications.quiet_hours import latest_moment, start_of_day
from webapp.notifications.rule import DELIVERY_QUEUE, DELIVERY_TYPE, Topic
from webapp.schema import error_groups, job_questions, jobs, later, schedule_runs, schedules

_MOST = 500  # rows that are compared with the rules
_RECENT = timedelta(days=1)
_WITHOUT_WORKER = timedelta(minutes=1)  # workers that restart are back by then


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionMet:
    """Something that a rule reports."""

    reader: Reader
    key: str
    item: Mapping[str, Any]
    lasts: bool = False


class Conditions:
    """Looks at one installation."""

    def __init__(self, engine: Engine, count_workers: Callable[[], Mapping[str, int]]) -> None:
        """``count_workers`` counts the workers by queue."""
        self._engine = engine
        self._count_workers = count_workers

    def findings(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        """Return what the rules report now. A topic that no rule has costs nothing."""
        checks = {
            Topic.RUNS_LONG: self._long_jobs,
            Topic.NOT_DONE: self._jobs_not_done,
            Topic.SCHEDULE_MISSED: self._missed_schedules,
            Topic.QUEUE_WAITS: self._waiting_queues,
            Topic.NO_WORKER: self._queues_without_worker,
            Topic.NEW_ERROR: self._new_errors,
            Topic.NEEDS_APPROVAL: self._jobs_to_approve,
            Topic.NEEDS_ANSWER: self._questions,
        }
        for topic, check in checks.items():
            interested = [reader for reader in readers if topic in reader.rule.topics]
            if interested:
                yield from check(interested, moment)

    def _long_jobs(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        shortest = min(reader.rule.seconds or 0 for reader in readers)
        running = (jobs.c.status == literal_column("'running'"), ALL_UNFINISHED, jobs.c.started_at <= later(-shortest))
        query = select(jobs.c.id, jobs.c.attempt, *JOB_COLUMNS).where(*running, REPORTED)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(jobs.c.started_at).limit(_MOST)).mappings().all()
        for row in rows:
            job, age = reported_job(row), (moment - row["started_at"]).total_seconds()
            for reader in readers:
                if age >= (reader.rule.seconds or 0) and reader.covers(job):
                    item = reader.item(Topic.RUNS_LONG, moment, job, seconds=reader.rule.seconds)
                    yield ConditionMet(reader=reader, key=f"long:{job.id}:{row['attempt']}", item=item)

    def _jobs_not_done(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        for reader in readers:
            rule = reader.rule
            due = latest_moment(moment, rule.due_time, rule.zone)
            if due < rule.created_at or moment - due > _RECENT / 24:
                continue
            with reading(self._engine) as connection:
                if _is_done(connection, reader, start_of_day(due, rule.zone), due):
                    continue
            known = {"title": rule.type, "type": rule.type, "name": f"{rule.due_time} ({rule.zone})"}
            item = {"topic": Topic.NOT_DONE.value, "at": due.isoformat(), "detail": "", **known}
            yield ConditionMet(reader=reader, key=f"due:{due.isoformat()}", item=item)

    def _missed_schedules(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        columns = (
            schedules.c.id,
            schedules.c.name,
            schedules.c.type,
            schedules.c.owner_id,
            schedules.c.queue,
            schedules.c.tags,
        )
        missed = (
            select(
                *columns, schedules.c.tenant, schedule_runs.c.fire_at, schedule_runs.c.fired_at, schedule_runs.c.detail
            )
            .join(schedule_runs, schedule_runs.c.schedule_id == schedules.c.id)
            .where(schedule_runs.c.outcome.in_([RunOutcome.MISSED.value, RunOutcome.REFUSED.value]))
            .where(schedule_runs.c.fired_at > later(-_RECENT.total_seconds()))
            .order_by(schedule_runs.c.id.desc())
            .limit(_MOST)
        )
        overdue = select(*columns, schedules.c.tenant, schedules.c.next_fire_at.label("fire_at")).where(
            schedules.c.next_fire_at < later(-TOO_LATE.total_seconds())
        )
        with reading(self._engine) as connection:
            rows = [*connection.execute(missed).mappings(), *connection.execute(overdue.limit(_MOST)).mappings()]
        for row in rows:
            for reader in readers:
                if row.get("fired_at", moment) >= reader.rule.created_at and _covers_schedule(reader, row):
                    known = {"schedule_id": str(row["id"]), "name": row["name"], "type": row["type"]}
                    times = {"at": moment.isoformat(), "due": row["fire_at"].isoformat()}
                    item = {"topic": Topic.SCHEDULE_MISSED.value, **times, **known, "detail": row.get("detail", "")}
                    yield ConditionMet(reader=reader, key=f"fire:{row['id']}:{row['fire_at'].isoformat()}", item=item)

    def _waiting_queues(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        paused = self._paused()
        for queue, waited in oldest_waits(self._engine).items():
            for reader in readers:
                is_late = waited.total_seconds() >= (reader.rule.seconds or 0) and queue not in paused
                if is_late and _covers_queue(reader, queue):
                    yield _of_queue(reader, Topic.QUEUE_WAITS, queue, moment, seconds=reader.rule.seconds)

    def _queues_without_worker(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        workers, paused = self._count_workers(), self._paused()
        for queue, waited in oldest_waits(self._engine).items():
            if workers.get(queue) or queue in paused or waited < _WITHOUT_WORKER:
                continue
            for reader in readers:
                if _covers_queue(reader, queue):
                    yield _of_queue(reader, Topic.NO_WORKER, queue, moment)

    def _new_errors(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        recent = (error_groups.c.first_seen_at > later(-_RECENT.total_seconds()), error_groups.c.type != DELIVERY_TYPE)
        sampled = error_groups.outerjoin(jobs, jobs.c.id == error_groups.c.sample_job_id)
        columns = (
            error_groups.c.fingerprint,
            error_groups.c.message,
            error_groups.c.first_seen_at,
            error_groups.c.type,
        )
        query = (
            select(*columns, jobs.c.title, jobs.c.queue, jobs.c.tags).select_from(sampled).where(*recent).limit(_MOST)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            for reader in readers:
                rule = reader.rule
                if row["first_seen_at"] < rule.created_at or rule.type not in {"", row["type"]}:
                    continue
                if rule.queue not in {"", row["queue"]} or (rule.tag and rule.tag not in (row["tags"] or ())):
                    continue
                opens = reader.policy is None or reader.policy.opens(row["type"], None, None)
                known = {"fingerprint": row["fingerprint"], "title": row["title"] or row["type"], "type": row["type"]}
                detail = row["message"] if opens else ""
                item = {"topic": Topic.NEW_ERROR.value, "at": moment.isoformat(), **known, "detail": detail}
                yield ConditionMet(reader=reader, key=f"error:{row['fingerprint']}", item=item)

    def _jobs_to_approve(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        columns: Any = (jobs.c.id, jobs.c.approval_ends_at, *JOB_COLUMNS)
        query = select(*columns).where(jobs.c.approval.is_not(None), *WAITING).order_by(jobs.c.id).limit(_MOST)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            job = reported_job(row)
            for reader in readers:
                if reader.asks_about(job):
                    item = reader.item(Topic.NEEDS_APPROVAL, moment, job)
                    # with its end, as an edit of the input asks again
                    key = f"approval:{job.id}:{row['approval_ends_at']:%m%d%H%M%S}"
                    yield ConditionMet(reader=reader, key=key, item=item)

    def _questions(self, readers: Collection[Reader], moment: datetime) -> Iterator[ConditionMet]:
        question: Any = [job_questions.c[name].label(f"question_{name}") for name in ("id", "text", "reminders")]
        columns: Any = (jobs.c.id, *question, *JOB_COLUMNS)
        is_open = (jobs.c.id == job_questions.c.job_id) & (job_questions.c.state == "open")
        asked = select(*columns).join_from(jobs, job_questions, is_open).where(jobs.c.asked_of.is_not(None))
        with reading(self._engine) as connection:
            rows = connection.execute(asked.order_by(jobs.c.id).limit(_MOST)).mappings().all()
        for row in rows:
            job = reported_job(row)
            more = {"question_id": str(row["question_id"]), "detail": row["question_text"]}
            for reader in readers:
                if reader.is_asked_by(job):
                    item = reader.item(Topic.NEEDS_ANSWER, moment, job, **more)
                    key = f"question:{row['question_id']}:{row['question_reminders']}"  # a reminder reports it again
                    yield ConditionMet(reader=reader, key=key, item=item)

    def _paused(self) -> PausedQueues:
        with reading(self._engine) as connection:
            return paused_queues(connection)


def _is_done(connection: Connection, reader: Reader, since: datetime, until: datetime) -> bool:
    done = and_(jobs.c.finished_at >= since, jobs.c.finished_at <= until, jobs.c.status == Status.COMPLETED.value)
    query = select(jobs.c.id, *JOB_COLUMNS).where(done, jobs.c.type == reader.rule.type, REPORTED).limit(_MOST)
    return any(reader.covers(reported_job(row)) for row in connection.execute(query).mappings())


def _covers_schedule(reader: Reader, row: Mapping[str, Any]) -> bool:
    rule = reader.rule
    if rule.type not in {"", row["type"]} or rule.owner_id not in {None, row["owner_id"]}:
        return False
    if rule.tag and rule.tag not in (row["tags"] or ()):
        return False
    return reader.sees_schedule(row["owner_id"], row["tenant"])


def _covers_queue(reader: Reader, queue: str) -> bool:
    return reader.rule.queue == queue or (not reader.rule.queue and queue != DELIVERY_QUEUE)


def _of_queue(reader: Reader, topic: Topic, queue: str, moment: datetime, **more: Any) -> ConditionMet:
    item = {"topic": topic.value, "at": moment.isoformat(), "queue": queue, "detail": "", **more}
    return ConditionMet(reader=reader, key=f"{topic}:{queue}", item=item, lasts=True)
