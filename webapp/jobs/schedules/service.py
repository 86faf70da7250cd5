"""Create, change, pause, resume and delete schedules. ``runner`` fires them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault, load_payload
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle.create import stored_payload
from webapp.jobs.model.job import Owner
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.own_limits import OwnScheduleLimits
from webapp.jobs.schedules.schedule import AmbiguousName, Schedule, to_schedule
from webapp.schema import database_time, now, schedules

REASON_LIMIT = 200  # characters


class ScheduleNotFound(Exception):
    """Raised when a schedule does not exist."""

    def __init__(self, reference: object) -> None:
        """Name the id or name that was given."""
        super().__init__(f"There is no schedule {reference}.")


class StaleSchedule(Exception):
    """Raised when a schedule was changed since it was read."""

    def __init__(self, name: str) -> None:
        """Name the schedule."""
        super().__init__(f"The schedule {name!r} was changed by someone else. Reload it and try again.")


class Schedules:
    """Reads and changes schedules."""

    def __init__(
        self, engine: Engine, *, registry: Registry, vault: Vault, queue_exists: Callable[[str], bool]
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._vault = vault
        self._queue_exists = queue_exists

    def all(self) -> tuple[Schedule, ...]:
        """Return every schedule, by name."""
        with reading(self._engine) as connection:
            return tuple(map(to_schedule, connection.execute(select(schedules).order_by(schedules.c.name)).mappings()))

    def of_owner(self, user_id: UUID) -> tuple[Schedule, ...]:
        """Return the schedules whose jobs belong to a user, by name."""
        own = select(schedules).where(schedules.c.owner_id == user_id).order_by(schedules.c.name)
        with reading(self._engine) as connection:
            return tuple(map(to_schedule, connection.execute(own).mappings()))

    def get(self, schedule_id: UUID) -> Schedule:
        """Return a schedule; raise `ScheduleNotFound` if it does not exist."""
        return self._fetch(schedules.c.id == schedule_id, schedule_id)

    def get_by_name(self, name: str) -> Schedule:
        """Return the schedule with a name; raise `ScheduleNotFound` if there is none, `AmbiguousName` if several."""
        return self._fetch(schedules.c.name == name, name)

    def check(self, draft: ScheduleDraft) -> None:
        """Raise `InvalidSchedule` if the draft is not valid."""
        draft.check(self._queue_exists)

    def add(
        self,
        type_name: str,
        payload: Mapping[str, Any],
        draft: ScheduleDraft,
        *,
        by: UUID | None = None,
        schedule_id: UUID | None = None,
        limits: OwnScheduleLimits | None = None,
    ) -> Schedule:
        """Create a schedule that fires from now on, with a new id unless the caller gives one.

        ``limits`` are those of a schedule that its owner adds. Raises `UnknownJobType`, `InvalidSchedule` or
        `InvalidPayload`, and then writes nothing.
        """
        job_type = self._registry.get(type_name)
        rule = draft.check(self._queue_exists)
        if limits is not None:
            limits.check_rule(rule)
        stored = stored_payload(job_type, payload, self._vault)
        self._refuse_second(job_type, stored, draft.owner if limits else None)
        created = {"id": schedule_id or uuid7(), "type": job_type.name, "payload": stored, "created_by": by}
        row = draft.to_row(rule) | created
        try:
            with writing(self._engine) as connection:
                if limits is not None and draft.owner.user_id is not None:
                    limits.check_count(connection, draft.owner.user_id)
                at = database_time(connection)
                connection.execute(insert(schedules).values(**row, created_at=at, next_fire_at=rule.after(at)))
        except IntegrityError:
            raise _name_taken(draft.stored_name) from None
        return self.get(row["id"])

    def change(
        self,
        old: Schedule,
        draft: ScheduleDraft,
        *,
        payload: Mapping[str, Any] | None = None,
        by: UUID | None = None,
        limits: OwnScheduleLimits | None = None,
    ) -> Schedule:
        """Apply a draft to a schedule; its job type stays, and its payload too unless one is given.

        Raises `StaleSchedule` if the schedule was changed since ``old`` was read, and what `add` raises.
        """
        rule = draft.check(self._queue_exists)
        if limits is not None and rule.text != old.rule.text:
            limits.check_rule(rule)
        row = draft.to_row(rule)
        if payload is not None:
            job_type = self._registry.get(old.type)
            row["payload"] = stored_payload(job_type, payload, self._vault)
            self._refuse_second(job_type, row["payload"], draft.owner if limits else None, own_id=old.id)
        if rule != old.rule and not old.is_paused:
            row["next_fire_at"] = rule.after(self._now())
        return self._update(old, changed_at=now(), changed_by=by, **row)

    def pause(self, old: Schedule, *, reason: str = "", by: UUID | None = None) -> Schedule:
        """Stop firing the schedule; jobs that it has created continue."""
        if len(reason) > REASON_LIMIT:
            raise InvalidSchedule({"reason": f"A reason can have at most {REASON_LIMIT} characters."})
        return self._update(old, paused_at=now(), paused_by=by, paused_why=reason.strip(), next_fire_at=None)

    def resume(self, old: Schedule) -> Schedule:
        """Fire the schedule again from now on; times during the pause do not count as missed."""
        if not old.is_paused:
            return old
        next_fire_at = old.rule.after(self._now())
        return self._update(old, paused_at=None, paused_by=None, paused_why="", next_fire_at=next_fire_at)

    def delete(self, schedule_id: UUID) -> None:
        """Delete a schedule and its runs, but not its jobs. Raises `ScheduleNotFound`."""
        with writing(self._engine) as connection:
            if connection.execute(delete(schedules).where(schedules.c.id == schedule_id)).rowcount != 1:
                raise ScheduleNotFound(schedule_id)

    def _refuse_second(
        self, job_type: JobType, payload: Mapping[str, Any], reader: Owner | None, *, own_id: UUID | None = None
    ) -> None:
        """Raise `InvalidSchedule` if another schedule starts jobs of the type with the same unique key.

        A ``reader`` is told the name of it only if it is the reader's own.
        """
        key = self._key_of(job_type, payload)
        if key is None or job_type.on_duplicate is OnDuplicate.QUEUE_AFTER:
            return
        others = (schedule for schedule in self.all() if schedule.type == job_type.name and schedule.id != own_id)
        for other in others:
            if self._key_of(job_type, other.payload) == key:
                raise _same_job("" if reader and other.owner != reader else other.name)

    def _key_of(self, job_type: JobType, payload: Mapping[str, Any]) -> str | None:
        """Return the type's unique key of a stored payload; None without one, and for a payload that no longer fits."""
        with suppress(Exception):  # a type's own function can raise anything
            return job_type.key_of(load_payload(job_type, payload, self._vault))
        return None

    def _update(self, old: Schedule, **values: Any) -> Schedule:
        as_read = (schedules.c.id == old.id, schedules.c.version == old.version)
        statement = update(schedules).where(*as_read).values(**values, version=schedules.c.version + 1)
        try:
            with writing(self._engine) as connection:
                if connection.execute(statement).rowcount != 1:
                    raise StaleSchedule(old.name)
        except IntegrityError:
            raise _name_taken(values.get("name", old.name)) from None
        return self.get(old.id)

    def _fetch(self, condition: ColumnElement[bool], reference: object) -> Schedule:
        with reading(self._engine) as connection:
            rows = connection.execute(select(schedules).where(condition).limit(2)).mappings().all()
        if not rows:
            raise ScheduleNotFound(reference)
        if len(rows) > 1:
            raise AmbiguousName(str(reference))
        return to_schedule(rows[0])

    def _now(self) -> Any:
        with reading(self._engine) as connection:
            return database_time(connection)


def _same_job(name: str) -> InvalidSchedule:
    if not name:
        return InvalidSchedule({"rule": "Another schedule starts the same job already."})
    return InvalidSchedule({"rule": f"The schedule {name!r} starts the same job already. Change its rule instead."})


def _name_taken(name: str) -> InvalidSchedule:
    return InvalidSchedule({"name": f"A schedule named {name!r} already exists."})
