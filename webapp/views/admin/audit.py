"""The audit: who did what to what, from where.

What people read of an action and its object. Pure but for the words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import Action, Kind
from webapp.accounts.audit_query import PAGE, Entry, Narrowed
from webapp.accounts.permissions import Right
from webapp.views.job_list.admin_filter import end_of, first_of
from webapp.views.page.audit_log import note
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services
from webapp.views.page.responses import csv_answer
from webapp.views.page.viewer_context import reader
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("audit", __name__)
require_for_all(bp, Right.READ_AUDIT)
_FIELDS = ("person", "action", "kind", "object", "since", "until")
_COLUMNS = ("at", "actor", "role", "address", "action", "kind", "object_id", "object_name", "before", "after")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The filter as the address has it."""

    given: Mapping[str, str]

    @property
    def is_narrowed(self) -> bool:
        """Something is left out."""
        return any(self.given.values())

    def arguments(self, **more: object) -> dict[str, object]:
        """Return the address' arguments for the same filter."""
        return {name: value for name, value in {**self.given, **more}.items() if value}

    def narrowed(self, zone: ZoneInfo) -> Narrowed:
        """Return which lines are meant; days are those of ``zone``."""
        return Narrowed(
            actor=self.given["person"],
            action=self.given["action"],
            kind=self.given["kind"],
            object_id=self.given["object"],
            since=first_of(self.given["since"], zone),
            until=end_of(self.given["until"], zone),
        )


@bp.get("/admin/audit")
def index() -> ResponseReturnValue:
    """List the lines, the newest first."""
    asked, reading = _asked(), reader()
    before = request.args.get("before", type=int)
    found = services().audit_trail.page(asked.narrowed(reading.zone), before=before, limit=PAGE + 1)
    return render_template(
        "admin/audit/index.html",
        entries=[(entry, reading.time(entry.at)) for entry in found[:PAGE]],
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        asked=asked,
        before=before,
        actions=ACTIONS,
        kinds=KINDS,
        zone=reading.zone.key,
    )


@bp.get("/admin/audit.csv")
def export() -> ResponseReturnValue:
    """Send all lines that the filter lets through."""
    asked = _asked()
    note(Action.AUDIT_EXPORT, Kind.AUDIT, after=asked.arguments())
    return csv_answer("audit.csv", _COLUMNS, _rows(services().audit_trail.all(asked.narrowed(reader().zone))))


def _rows(entries: Iterator[Entry]) -> Iterator[list[Any]]:
    for entry in entries:
        yield [getattr(entry, column) for column in _COLUMNS]


def _asked() -> AuditFilter:
    return AuditFilter({name: request.args.get(name, "").strip()[:200] for name in _FIELDS})


ACTIONS: Mapping[str, str] = {
    Action.SIGN_IN: lazy_gettext("Signed in"),
    Action.SIGN_IN_REFUSED: lazy_gettext("Sign-in refused"),
    Action.SIGN_OUT: lazy_gettext("Signed out"),
    Action.USER_ADD: lazy_gettext("Added a user"),
    Action.USER_CHANGE: lazy_gettext("Changed a user"),
    Action.USER_ROLE: lazy_gettext("Changed a role"),
    Action.USER_DISABLE: lazy_gettext("Disabled a user"),
    Action.USER_ENABLE: lazy_gettext("Enabled a user"),
    Action.USER_PASSWORD: lazy_gettext("Set a password"),
    Action.JOB_CREATE: lazy_gettext("Started a job"),
    Action.JOB_STOP: lazy_gettext("Stopped a job"),
    Action.JOB_RETRY: lazy_gettext("Retried a job"),
    Action.JOB_RUN_AGAIN: lazy_gettext("Ran a job again"),
    Action.JOB_DELETE: lazy_gettext("Deleted a job"),
    Action.JOB_PRIORITY: lazy_gettext("Changed a priority"),
    Action.JOB_KEEP: lazy_gettext("Changed whether a job is kept"),
    Action.JOB_PUBLIC: lazy_gettext("Changed who can see a job"),
    Action.JOBS_BULK: lazy_gettext("Changed several jobs"),
    Action.JOBS_EXPORT: lazy_gettext("Exported jobs"),
    Action.FILE_DOWNLOAD: lazy_gettext("Downloaded a file"),
    Action.FILE_REMOVE: lazy_gettext("Deleted a file"),
    Action.QUEUE_PAUSE: lazy_gettext("Paused a queue"),
    Action.QUEUE_RESUME: lazy_gettext("Resumed a queue"),
    Action.QUEUE_LIMIT: lazy_gettext("Changed the limit of a queue"),
    Action.QUEUE_EMPTY: lazy_gettext("Emptied a queue"),
    Action.WORKER_DRAIN: lazy_gettext("Stopped a worker after its job"),
    Action.WORKER_STOP: lazy_gettext("Stopped a worker"),
    Action.SCHEDULE_ADD: lazy_gettext("Added a schedule"),
    Action.SCHEDULE_CHANGE: lazy_gettext("Changed a schedule"),
    Action.SCHEDULE_PAUSE: lazy_gettext("Paused a schedule"),
    Action.SCHEDULE_RESUME: lazy_gettext("Resumed a schedule"),
    Action.SCHEDULE_RUN: lazy_gettext("Ran a schedule now"),
    Action.SCHEDULE_REMOVE: lazy_gettext("Deleted a schedule"),
    Action.TYPE_ENABLE: lazy_gettext("Enabled a job type"),
    Action.TYPE_DISABLE: lazy_gettext("Disabled a job type"),
    Action.ERROR_RESOLVE: lazy_gettext("Resolved an error"),
    Action.ERROR_IGNORE: lazy_gettext("Ignored an error"),
    Action.ERROR_REOPEN: lazy_gettext("Reopened an error"),
    Action.ERROR_RETRY: lazy_gettext("Retried all jobs with an error"),
    Action.SETTINGS_CHANGE: lazy_gettext("Changed their settings"),
    Action.AUDIT_EXPORT: lazy_gettext("Exported the audit log"),
}
KINDS: Mapping[str, str] = {
    Kind.USER: lazy_gettext("User"),
    Kind.JOB: lazy_gettext("Job"),
    Kind.JOBS: lazy_gettext("Jobs"),
    Kind.FILE: lazy_gettext("File"),
    Kind.QUEUE: lazy_gettext("Queue"),
    Kind.WORKER: lazy_gettext("Worker"),
    Kind.SCHEDULE: lazy_gettext("Schedule"),
    Kind.TYPE: lazy_gettext("Job type"),
    Kind.ERROR: lazy_gettext("Error"),
    Kind.SETTINGS: lazy_gettext("Settings"),
    Kind.AUDIT: lazy_gettext("Audit log"),
}
