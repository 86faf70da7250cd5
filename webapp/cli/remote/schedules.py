"""Schedules of another installation."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from webapp.cli.command_group import BadUsage, NotFound
from webapp.cli.remote.connection import Connection, RemoteNotFound, RemoteRefusal
from webapp.cli.remote.documents import job_of, run_of, schedule_of
from webapp.cli.remote.jobs import refusal_of_payload
from webapp.jobs.model.job import Job
from webapp.jobs.schedules.draft import InvalidSchedule, ScheduleDraft
from webapp.jobs.schedules.schedule import AmbiguousName, Schedule, ScheduleRun

_FIELDS = ("name", "rule", "zone", "missed", "one_at_a_time", "queue", "priority", "tags")


class RemoteSchedules:
    """Lists and changes schedules; ``user_name`` returns the name of a user."""

    def __init__(self, connection: Connection, user_name: Callable[[UUID], str]) -> None:
        self._connection = connection
        self._user_name = user_name

    def all(self) -> tuple[Schedule, ...]:
        """Return the schedules by name."""
        return tuple(map(schedule_of, self._connection.items("/schedules")))

    def get(self, schedule_id: UUID) -> Schedule:
        """Return a schedule; raise `NotFound`."""
        try:
            return schedule_of(self._connection.get(f"/schedules/{schedule_id}"))
        except RemoteNotFound:
            raise _unknown(schedule_id) from None

    def get_by_name(self, name: str) -> Schedule:
        """Return a schedule; raise `NotFound`."""
        found = [schedule for schedule in self.all() if schedule.name == name]
        if not found:
            raise _unknown(name)
        if len(found) > 1:
            raise AmbiguousName(name)
        return found[0]

    def add(self, type_name: str, payload: Mapping[str, Any], draft: ScheduleDraft, **_options: Any) -> Schedule:
        """Add a schedule."""
        owner = draft.owner
        user = {"user": self._user_name(owner.user_id)} if owner.user_id else {"public": owner.public}
        return self._write(
            "POST", "/schedules", type_name, {"type": type_name, "payload": payload, **_body(draft), **user}
        )

    def change(self, old: Schedule, draft: ScheduleDraft, *, payload: Mapping[str, Any] | None = None) -> Schedule:
        """Change a schedule, unless someone else has changed it since ``old`` was read."""
        before, after = _body(ScheduleDraft.from_schedule(old)), _body(draft)
        body = {name: value for name, value in after.items() if value != before[name]} | {"version": old.version}
        if payload is not None:
            body["payload"] = payload
        return self._write("PATCH", f"/schedules/{old.id}", old.type, body)

    def pause(self, schedule: Schedule, *, reason: str = "") -> Schedule:
        """Pause a schedule."""
        return self._write("POST", f"/schedules/{schedule.id}/pause", schedule.type, {"reason": reason})

    def resume(self, schedule: Schedule) -> Schedule:
        """Resume a schedule."""
        return self._write("POST", f"/schedules/{schedule.id}/resume", schedule.type)

    def delete(self, schedule_id: UUID) -> None:
        """Delete a schedule."""
        self._connection.send("DELETE", f"/schedules/{schedule_id}")

    def run_now(self, schedule: Schedule) -> Job:
        """Start a job of a schedule."""
        return job_of(self._connection.send("POST", f"/schedules/{schedule.id}/run"))

    def of_schedule(self, schedule_id: UUID, limit: int) -> tuple[ScheduleRun, ...]:
        """Return the last runs of a schedule, newest first."""
        return tuple(map(run_of, self._connection.get(f"/schedules/{schedule_id}/runs", limit=limit)["items"]))

    def _write(self, method: str, path: str, type_name: str, body: Any = None) -> Schedule:
        try:
            return schedule_of(self._connection.send(method, path, body))
        except RemoteRefusal as error:
            raise _refusal(error, type_name) from None


def _body(draft: ScheduleDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in _FIELDS}


def _refusal(error: RemoteRefusal, type_name: str) -> BadUsage:
    refusal = refusal_of_payload(error, type_name)
    fields = error.below("#")
    return BadUsage(str(InvalidSchedule(fields))) if refusal is error and fields else refusal


def _unknown(reference: object) -> NotFound:
    return NotFound(f"There is no schedule {reference}.", "schedule")
