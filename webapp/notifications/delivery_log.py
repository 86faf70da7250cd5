"""The log of deliveries: collected, being sent, delivered, or not delivered and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, and_, delete, insert, literal_column, or_, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.model.incoming_text import MESSAGE_LIMIT, clean_text
from webapp.jobs.model.job import UNFINISHED
from webapp.notifications.quiet_hours import end_of_quiet_hours
from webapp.notifications.rule import TEST, Channel, NotificationRule
from webapp.schema import (
    database_time,
    jobs,
    later,
    notification_deliveries,
    notification_marks,
    notification_rules,
    now,
)

BURST = timedelta(minutes=5)  # after a message, further events of its rule are collected this long
MOST_ITEMS = 50  # kept in detail; a bundle counts the others
MARKS_KEPT = timedelta(days=60)
_log = notification_deliveries
_FIELDS = tuple(column.name for column in _log.columns)


class DeliveryStatus(StrEnum):
    """How far a message is."""

    COLLECTING = "collecting"  # it waits for the end of quiet hours or of a burst, or for the clock
    QUEUED = "queued"  # a job delivers it
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryNotFound(Exception):
    """Raised when a delivery does not exist."""

    def __init__(self, delivery_id: object) -> None:
        """Name the delivery."""
        super().__init__(f"There is no delivery {delivery_id}.")


class NotRedeliverable(Exception):
    """Raised when a message is already being sent, or its rule was deleted; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message of a rule about ``event_count`` events, of which ``facts`` are known in detail.

    ``error`` is why the latest attempt failed. ``job_id`` is the latest job that delivered it.
    """

    id: UUID
    rule_id: UUID | None
    rule_name: str
    user_id: UUID | None
    channel: Channel
    shown_address: str
    status: DeliveryStatus
    facts: tuple[Mapping[str, Any], ...]
    event_count: int
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None
    attempts: int
    error: str
    job_id: UUID | None

    @property
    def is_test(self) -> bool:
        """Whether somebody asked for it, to see whether it arrives."""
        return bool(self.facts) and self.facts[0]["topic"] == TEST


class DeliveryLog:
    """Reads and writes the log of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def get(self, delivery_id: UUID) -> Delivery:
        """Return a delivery; raise `DeliveryNotFound`."""
        if found := self._fetch(_log.c.id == delivery_id, limit=1):
            return found[0]
        raise DeliveryNotFound(delivery_id)

    def all(self, *, after: UUID | None = None, limit: int = 50, status: str = "") -> tuple[Delivery, ...]:
        """Return the newest deliveries of all rules, newest first, older than ``after``."""
        return self._page((), after, limit, status)

    def of_user(
        self, user_id: UUID, *, after: UUID | None = None, limit: int = 50, status: str = ""
    ) -> tuple[Delivery, ...]:
        """Return the deliveries of a user's own rules, newest first."""
        return self._page((_log.c.user_id == user_id,), after, limit, status)

    def count_failed(self, user_id: UUID, within: timedelta) -> int:
        """Count a user's deliveries that failed lately."""
        recent = (_log.c.user_id == user_id, _log.c.status == DeliveryStatus.FAILED)
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(_log.c.id).where(*recent, _log.c.finished_at > later(-within.total_seconds())).limit(100)
            )
            return len(rows.all())

    def to_do(self, limit: int = 200) -> tuple[Delivery, ...]:
        """Return messages to send now, and those whose job has ended without delivering them."""
        is_due = and_(_log.c.status == literal_column("'collecting'"), _log.c.due_at <= now())
        unfinished = select(jobs.c.id).where(jobs.c.id == _log.c.job_id, jobs.c.status.in_(UNFINISHED))
        is_abandoned = and_(_log.c.status == literal_column("'queued'"), ~unfinished.exists())
        return self._fetch(or_(is_due, is_abandoned), limit=limit)

    def add_test(self, rule: NotificationRule) -> UUID:
        """Add a test message, to be sent now, also in quiet hours; return its id."""
        with writing(self.engine) as connection:
            moment = database_time(connection)
            return _insert(connection, rule, [{"topic": TEST, "at": moment.isoformat()}], moment, moment)

    def queue_again(self, delivery_id: UUID, *, attempts: int | None = None) -> None:
        """Make a message that arrived or failed due again; raise `NotRedeliverable`.

        With ``attempts``, only if there were no further ones: a button that is pressed twice sends one message.
        """
        found = self.get(delivery_id)
        if found.rule_id is None:
            raise NotRedeliverable("Its rule was deleted, and with it the address.")
        ended = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)
        again = update(_log).where(_log.c.id == delivery_id, _log.c.status.in_(ended))
        if attempts is not None:
            again = again.where(_log.c.attempts == attempts)
        values = {"status": DeliveryStatus.COLLECTING, "finished_at": None, "job_id": None, "error": ""}
        with writing(self.engine) as connection:
            if not connection.execute(again.values(**values, due_at=now())).rowcount:
                was_sent = found.status in ended
                raise NotRedeliverable("It was sent again meanwhile." if was_sent else "It is already being sent.")

    def record_failure(self, delivery_id: UUID, reason: str, *, final: bool) -> None:
        """Record an attempt that failed, and whether it was the last one."""
        ended = {"status": DeliveryStatus.FAILED, "finished_at": now()} if final else {}
        self._record(delivery_id, error=clean_text(reason, MESSAGE_LIMIT), **ended)

    def record_success(self, delivery_id: UUID, remark: str) -> None:
        """Record that a message arrived; ``remark`` is what the receiver said."""
        self._record(
            delivery_id, status=DeliveryStatus.DELIVERED, finished_at=now(), error=clean_text(remark, MESSAGE_LIMIT)
        )

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete messages that ended long ago, and marks of rules; return the number of messages."""
        old = (_log.c.finished_at < later(-older_than.total_seconds()),)
        if only_count:
            with reading(self.engine) as connection:
                return len(connection.execute(select(_log.c.id).where(*old)).all())
        with writing(self.engine) as connection:
            connection.execute(
                delete(notification_marks).where(notification_marks.c.at < later(-MARKS_KEPT.total_seconds()))
            )
            return connection.execute(delete(_log).where(*old)).rowcount

    def _record(self, delivery_id: UUID, **values: Any) -> None:
        counted = {"attempts": _log.c.attempts + 1, **values}
        with writing(self.engine) as connection:
            connection.execute(update(_log).where(_log.c.id == delivery_id).values(**counted))

    def _page(self, conditions: Sequence[Any], after: UUID | None, limit: int, status: str) -> tuple[Delivery, ...]:
        older = [_log.c.id < after] if after else []
        chosen = [_log.c.status == status] if status else []
        return self._fetch(*conditions, *older, *chosen, limit=limit)

    def _fetch(self, *conditions: Any, limit: int) -> tuple[Delivery, ...]:
        query = select(_log).where(*conditions).order_by(_log.c.id.desc()).limit(limit)
        with reading(self.engine) as connection:
            return tuple(map(_delivery, connection.execute(query).mappings()))


def collect(
    connection: Connection, rule: NotificationRule, items: Sequence[Mapping[str, Any]], moment: datetime
) -> None:
    """Add events to the unsent message of a rule, or begin one; programs get one message per event."""
    if not rule.bundles:
        for item in items:
            _insert(connection, rule, [item], moment, _due_at(rule, moment))
        return
    waiting = (_log.c.rule_id == rule.id, _log.c.status == "collecting", _log.c.attempts == 0)
    query = select(_log.c.id, _log.c.facts, _log.c.event_count).where(*waiting).order_by(_log.c.id.desc()).limit(1)
    found = next((row for row in connection.execute(query) if row.facts[0]["topic"] != TEST), None)
    if found is None:
        _insert(connection, rule, items, moment, _due_at(rule, moment))
        return
    grown = {"facts": [*found.facts, *items][:MOST_ITEMS], "event_count": found.event_count + len(items)}
    connection.execute(update(_log).where(_log.c.id == found.id).values(**grown))


def mark_sent(connection: Connection, delivery: Delivery, job_id: UUID) -> bool:
    """Record in the transaction of its job that a message is being sent; return False if another clock was faster."""
    waiting = (_log.c.id == delivery.id, _log.c.status == "collecting")
    values = {"status": DeliveryStatus.QUEUED, "job_id": job_id}
    if not connection.execute(update(_log).where(*waiting).values(**values)).rowcount:
        return False
    if not delivery.is_test:  # after a test, the next event is sent at once
        of_delivery = notification_rules.c.id == delivery.rule_id
        connection.execute(update(notification_rules).where(of_delivery).values(last_sent_at=now()))
    return True


def _due_at(rule: NotificationRule, moment: datetime) -> datetime:
    after_burst = rule.last_sent_at + BURST if rule.bundles and rule.last_sent_at else moment
    return end_of_quiet_hours(max(moment, after_burst), rule.quiet_from, rule.quiet_until, rule.zone)


def _insert(
    connection: Connection,
    rule: NotificationRule,
    items: Sequence[Mapping[str, Any]],
    moment: datetime,
    due_at: datetime,
) -> UUID:
    delivery_id: UUID = uuid7()
    values = {
        "id": delivery_id,
        "rule_id": rule.id,
        "rule_name": rule.name,
        "user_id": rule.user_id,
        "channel": rule.channel,
        "shown_address": ", ".join(rule.recipients) or rule.shown_address,
        "status": DeliveryStatus.COLLECTING,
        "facts": list(items[:MOST_ITEMS]),
        "event_count": len(items),
        "due_at": due_at,
        "created_at": moment,
    }
    connection.execute(insert(_log).values(**values))
    return delivery_id


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in _FIELDS}
    return Delivery(
        **values
        | {
            "channel": Channel(row["channel"]),
            "status": DeliveryStatus(row["status"]),
            "facts": tuple(row["facts"]),
        }
    )
