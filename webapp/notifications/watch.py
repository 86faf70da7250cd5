"""The clock's part: evaluate the rules, collect what they report, and start the jobs that deliver it."""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, insert, select

from webapp.accounts.permissions import may
from webapp.accounts.user import User
from webapp.accounts.user_rows import COLUMNS, to_user
from webapp.db.engine import reading
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.registry import Registry
from webapp.jobs.metrics.cursors import last_settled_event, lock_cursor, move_cursor
from webapp.jobs.model.job import SYSTEM, Job
from webapp.jobs.service import Jobs
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.notifications.conditions import ConditionMet, Conditions
from webapp.notifications.delivery_log import Delivery, DeliveryLog, DeliveryStatus, collect, mark_sent
from webapp.notifications.job_events import Reader, job_ends
from webapp.notifications.rule import DELIVERY_TYPE, EVENTS, RIGHTS, NotificationRule
from webapp.notifications.rules import CURSOR, NotificationRules
from webapp.schema import database_time, notification_marks, users
from webapp.user_policy import user_policy

_BATCH = 2000  # events
_BATCHES = 20  # per round, as the clock has other chores
_marks = notification_marks


class _AlreadySent(Exception):
    """Raised when another clock has sent a message."""


class NotificationWatch:
    """Evaluates the rules of one installation. Without rules, a round is two short reads."""

    def __init__(
        self,
        engine: Engine,
        *,
        rules: NotificationRules,
        log: DeliveryLog,
        jobs: Jobs,
        registry: Registry,
        conditions: Conditions,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._log = log
        self._jobs = jobs
        self._registry = registry
        self._conditions = conditions

    def run(self) -> None:
        """Do one round. Several clocks can do so at once: each event is collected by one of them."""
        if rules := self._rules.enabled():
            self._evaluate(self._readers(rules))
        for delivery in self._log.to_do():
            if delivery.status is DeliveryStatus.COLLECTING:
                self.send(delivery)
            else:
                self._log.record_failure(delivery.id, "The job that sends it was stopped or lost.", final=True)

    def send(self, delivery: Delivery) -> None:
        """Start the job that delivers a message; if the job type is disabled, the message waits."""

        def record(job: Job) -> Callable[[Connection], None]:
            def mark(connection: Connection) -> None:
                if not mark_sent(connection, delivery, job.id):
                    raise _AlreadySent

            return mark

        try:
            self._jobs.create_or_find_job(
                DELIVERY_TYPE,
                {"delivery_id": str(delivery.id)},
                owner=SYSTEM,
                title=f"Notification: {delivery.rule_name}",
                unique_key=f"notification:{delivery.id}",
                record=record,
            )
        except (_AlreadySent, DuplicateJob, TypeDisabled):
            return

    def _evaluate(self, readers: Collection[Reader]) -> None:
        with reading(self._engine) as connection:
            moment = database_time(connection)
        watchful = [reader for reader in readers if reader.rule.topics - EVENTS]
        if watchful:
            findings = tuple(self._conditions.findings(watchful, moment))
            with lock_cursor(self._engine, CURSOR) as (connection, _):
                _collect_findings(connection, watchful, findings, moment)
        for _ in range(_BATCHES):
            with lock_cursor(self._engine, CURSOR) as (connection, cursor):
                last = last_settled_event(connection, cursor.event_id, _BATCH)
                if last == cursor.event_id:
                    return
                _collect_ends(connection, readers, cursor.event_id, last, moment)
                move_cursor(connection, CURSOR, event_id=last)

    def _readers(self, rules: Collection[NotificationRule]) -> tuple[Reader, ...]:
        people = self._people({rule.user_id for rule in rules if rule.user_id})
        found = ((rule, people.get(rule.user_id) if rule.user_id else None) for rule in rules)
        return tuple(
            Reader(rule=rule, policy=user_policy(user, self._registry) if user else None)
            for rule, user in found
            if rule.user_id is None or (user and user.active and _may_read(user, rule))
        )

    def _people(self, ids: Collection[UUID]) -> dict[UUID | None, User]:
        if not ids:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(select(*COLUMNS).where(users.c.id.in_(ids))).mappings()
            return {row["id"]: to_user(row) for row in rows}


def _may_read(user: User, rule: NotificationRule) -> bool:
    """Return whether a user still has the rights that the topics of a rule need."""
    return all(may(user, RIGHTS[topic]) for topic in rule.topics if topic in RIGHTS)


def _collect_ends(connection: Connection, readers: Collection[Reader], after: int, last: int, moment: datetime) -> None:
    found: dict[UUID, tuple[NotificationRule, list[dict[str, object]]]] = {}
    for end in job_ends(connection, after, last):
        for reader in readers:
            rule = reader.rule
            if end.topic in rule.topics and end.at >= rule.created_at and reader.covers(end.job):
                found.setdefault(rule.id, (rule, []))[1].append(reader.item(end.topic, end.at, end.job))
    for rule, items in found.values():
        collect(connection, rule, items, moment)


def _collect_findings(
    connection: Connection, readers: Collection[Reader], findings: Collection[ConditionMet], moment: datetime
) -> None:
    """Collect what was not reported yet, and forget conditions that have ended."""
    rules = [reader.rule.id for reader in readers]
    marked = select(_marks.c.rule_id, _marks.c.key).where(_marks.c.rule_id.in_(rules))
    known = {(row.rule_id, row.key) for row in connection.execute(marked)}
    new = {(each.reader.rule.id, each.key): each for each in findings}
    for (rule_id, key), finding in new.items():
        if (rule_id, key) not in known:
            connection.execute(insert(_marks).values(rule_id=rule_id, key=key, at=moment))
            collect(connection, finding.reader.rule, [finding.item], moment)
    _forget_ended(connection, known - set(new))


def _forget_ended(connection: Connection, keys: Collection[tuple[UUID, str]]) -> None:
    lasting = ("queue_waits:", "no_worker:")
    for rule_id, key in keys:
        if key.startswith(lasting):
            connection.execute(delete(_marks).where(_marks.c.rule_id == rule_id, _marks.c.key == key))
