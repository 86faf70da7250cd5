"""Schedules: what people do with them. What a clock does with them is in firing.py."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle.create import stored_payload
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule, to_schedule
from webapp.schema import now, schedules

REASON_LIMIT = 200  # characters


class ScheduleNotFound(Exception):
    """A schedule exists."""

    def __init__(self, asked_for: object) -> None:
        """Name what was asked for."""
        super().__init__(f"There is no schedule {asked_for}.")


class StaleSchedule(Exception):
    """What is changed is what was looked at."""

    def __init__(self, name: str) -> None:
        """Name the schedule."""
        super().__init__(f"The schedule {name!r} was changed by somebody else meanwhile. Look at it again.")


class Schedules:
    """The schedules of one database."""

    def __init__(self, engine: Engine, *, registry: Registry, vault: Vault, knows_queue: Callable[[str], bool]) -> None:
        self._engine = engine
        self._registry = registry
        self._vault = vault
        self._knows_queue = knows_queue

    def all(self) -> tuple[Schedule, ...]:
        """Return every schedule, by name."""
        with reading(self._engine) as connection:
            return tuple(map(to_schedule, connection.execute(select(schedules).order_by(schedules.c.name)).mappings()))

    def get(self, schedule_id: UUID) -> Schedule:
        """Return one; else raise `ScheduleNotFound`."""
        return self._one(schedules.c.id == schedule_id, schedule_id)

    def get_by_name(self, name: str) -> Schedule:
        """Return the one of this name; else raise `ScheduleNotFound`."""
        return self._one(schedules.c.name == name, name)

    def check(self, draft: ScheduleDraft) -> None:
        """Raise `InvalidSchedule` for what cannot be asked of a schedule."""
        draft.check(self._knows_queue)

    def add(
        self,
        type_name: str,
        payload: Mapping[str, Any],
        draft: ScheduleDraft,
        *,
        by: UUID | None = None,
        schedule_id: UUID | None = None,
    ) -> Schedule:
        """Make a schedule; it fires from now on. Its id is a new one, unless the caller has made it.

        Raises `UnknownJobType`, `InvalidSchedule` or `InvalidPayload`; then nothing is written.
        """
        kind = self._registry.get(type_name)
        rule = draft.check(self._knows_queue)
        stored = stored_payload(kind, payload, self._vault)
        made = {"id": schedule_id or uuid7(), "type": kind.name, "payload": stored, "created_by": by}
        row = draft.to_row(rule) | made
        try:
            with writing(self._engine) as connection:
                at = connection.execute(select(now())).scalar_one()
                connection.execute(insert(schedules).values(**row, created_at=at, next_fire_at=rule.after(at)))
        except IntegrityError:
            raise _name_taken(draft.name) from None
        return self.get(row["id"])

    def change(
        self, old: Schedule, draft: ScheduleDraft, *, payload: Mapping[str, Any] | None = None, by: UUID | None = None
    ) -> Schedule:
        """Let a schedule be as the draft says; its type stays. Without a ``payload`` it keeps what it has.

        Raises `StaleSchedule` if somebody changed it since ``old`` was read, and what `add` raises.
        """
        rule = draft.check(self._knows_queue)
        row = draft.to_row(rule)
        if payload is not None:
            row["payload"] = stored_payload(self._registry.get(old.type), payload, self._vault)
        if rule != old.rule and not old.is_paused:
            row["next_fire_at"] = rule.after(self._now())
        return self._set(old, changed_at=now(), changed_by=by, **row)

    def pause(self, old: Schedule, *, why: str = "", by: UUID | None = None) -> Schedule:
        """Let none of its times fire; a job that it has made goes on."""
        if len(why) > REASON_LIMIT:
            raise InvalidSchedule({"why": f"A reason has at most {REASON_LIMIT} characters."})
        return self._set(old, paused_at=now(), paused_by=by, paused_why=why.strip(), next_fire_at=None)

    def resume(self, old: Schedule) -> Schedule:
        """Let its times fire again, from now on: what passed while it was paused was not missed."""
        if not old.is_paused:
            return old
        next_fire_at = old.rule.after(self._now())
        return self._set(old, paused_at=None, paused_by=None, paused_why="", next_fire_at=next_fire_at)

    def delete(self, schedule_id: UUID) -> None:
        """Forget a schedule and its runs; the jobs that it has made stay. Raises `ScheduleNotFound`."""
        with writing(self._engine) as connection:
            if connection.execute(delete(schedules).where(schedules.c.id == schedule_id)).rowcount != 1:
                raise ScheduleNotFound(schedule_id)

    def _set(self, old: Schedule, **values: Any) -> Schedule:
        as_read = (schedules.c.id == old.id, schedules.c.version == old.version)
        changed = update(schedules).where(*as_read).values(**values, version=schedules.c.version + 1)
        try:
            with writing(self._engine) as connection:
                if connection.execute(changed).rowcount != 1:
                    raise StaleSchedule(old.name)
        except IntegrityError:
            raise _name_taken(values.get("name", old.name)) from None
        return self.get(old.id)

    def _one(self, condition: ColumnElement[bool], asked_for: object) -> Schedule:
        with reading(self._engine) as connection:
            row = connection.execute(select(schedules).where(condition)).mappings().first()
        if row is None:
            raise ScheduleNotFound(asked_for)
        return to_schedule(row)

    def _now(self) -> Any:
        with reading(self._engine) as connection:
            return connection.execute(select(now())).scalar_one()


def _name_taken(name: str) -> InvalidSchedule:
    return InvalidSchedule({"name": f"There is a schedule named {name.strip()!r} already."})
