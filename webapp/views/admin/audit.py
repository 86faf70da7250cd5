"""The audit log: who did what, when and from where; filtered, page by page, and as CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.audit_query import PAGE, AuditCriteria, AuditEntry
from webapp.accounts.permissions import Right
from webapp.accounts.user import Role
from webapp.views.admin.users import role_label
from webapp.views.job_list.admin_filter import end_of_day, start_of_day
from webapp.views.page.audit_log import record_download
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services
from webapp.views.page.responses import csv_response
from webapp.views.page.user_shares import shared
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("audit", __name__)
require_for_all(bp, Right.READ_AUDIT)
_FIELDS = ("person", "action", "kind", "object", "since", "until")
_COLUMNS = ("at", "actor", "role", "token", "address", "action", "kind", "object_id", "object_name", "before", "after")
ACTIONS: Mapping[str, str] = {
    AuditAction.SIGN_IN: lazy_gettext("Signed in"),
    AuditAction.SIGN_IN_REFUSED: lazy_gettext("Sign-in refused"),
    AuditAction.BUDGET_SET: lazy_gettext("Set a budget"),
    AuditAction.BUDGET_CLEAR: lazy_gettext("Removed a budget"),
    AuditAction.GROUP_ADD: lazy_gettext("Added a group"),
    AuditAction.GROUP_REMOVE: lazy_gettext("Removed a group"),
    AuditAction.GROUP_TYPES: lazy_gettext("Changed the job types of a group"),
    AuditAction.MEMBER_ADD: lazy_gettext("Added a member to a group"),
    AuditAction.MEMBER_REMOVE: lazy_gettext("Removed a member from a group"),
    AuditAction.FACTOR_ON: lazy_gettext("Set up a second factor"),
    AuditAction.FACTOR_OFF: lazy_gettext("Removed a second factor"),
    AuditAction.BREAK_GLASS: lazy_gettext("Signed in as the emergency admin"),
    AuditAction.SIGN_OUT: lazy_gettext("Signed out"),
    AuditAction.USER_ADD: lazy_gettext("Added a user"),
    AuditAction.USER_CHANGE: lazy_gettext("Changed a user"),
    AuditAction.USER_ROLE: lazy_gettext("Changed a role"),
    AuditAction.USER_DISABLE: lazy_gettext("Disabled a user"),
    AuditAction.USER_ENABLE: lazy_gettext("Enabled a user"),
    AuditAction.USER_PASSWORD: lazy_gettext("Set a password"),
    AuditAction.JOB_CREATE: lazy_gettext("Started a job"),
    AuditAction.JOB_STOP: lazy_gettext("Stopped a job"),
    AuditAction.JOB_RETRY: lazy_gettext("Retried a job"),
    AuditAction.JOB_RUN: lazy_gettext("Ran a job by hand"),
    AuditAction.JOB_SNAPSHOT: lazy_gettext("Asked what the process of a job does"),
    AuditAction.JOB_DRY_RUN: lazy_gettext("Started a dry run of a job"),
    AuditAction.JOB_RUN_AGAIN: lazy_gettext("Ran a job again"),
    AuditAction.JOB_DELETE: lazy_gettext("Deleted a job"),
    AuditAction.JOB_PRIORITY: lazy_gettext("Changed a priority"),
    AuditAction.JOB_EDIT: lazy_gettext("Edited a waiting job"),
    AuditAction.JOB_ANSWER: lazy_gettext("Answered a job"),
    AuditAction.JOB_APPROVE: lazy_gettext("Approved a job"),
    AuditAction.JOB_REJECT: lazy_gettext("Rejected a job"),
    AuditAction.JOB_TAGS: lazy_gettext("Changed the tags of a job"),
    AuditAction.JOB_KEEP: lazy_gettext("Changed whether a job is kept"),
    AuditAction.JOB_SHARE: lazy_gettext("Changed the group that a job is shared with"),
    AuditAction.JOB_PUBLIC: lazy_gettext("Changed who can see a job"),
    AuditAction.FLOW_START: lazy_gettext("Started a flow"),
    AuditAction.FLOW_STOP: lazy_gettext("Stopped the rest of a flow"),
    AuditAction.FLOW_RETRY: lazy_gettext("Retried the rest of a flow"),
    AuditAction.JOBS_BULK: lazy_gettext("Changed several jobs"),
    AuditAction.JOBS_EXPORT: lazy_gettext("Exported jobs"),
    AuditAction.FILE_DOWNLOAD: lazy_gettext("Downloaded a file"),
    AuditAction.FILE_REMOVE: lazy_gettext("Deleted a file"),
    AuditAction.QUEUE_PAUSE: lazy_gettext("Paused a queue"),
    AuditAction.EVERYTHING_PAUSE: lazy_gettext("Paused everything"),
    AuditAction.EVERYTHING_RESUME: lazy_gettext("Resumed everything"),
    AuditAction.QUEUE_RESUME: lazy_gettext("Resumed a queue"),
    AuditAction.QUEUE_LIMIT: lazy_gettext("Changed the limit of a queue"),
    AuditAction.QUEUE_EMPTY: lazy_gettext("Emptied a queue"),
    AuditAction.QUEUE_REMOVE: lazy_gettext("Removed a queue"),
    AuditAction.WORKER_DRAIN: lazy_gettext("Stopped a worker after its job"),
    AuditAction.WORKER_STOP: lazy_gettext("Stopped a worker"),
    AuditAction.SCHEDULE_ADD: lazy_gettext("Added a schedule"),
    AuditAction.SCHEDULE_CHANGE: lazy_gettext("Changed a schedule"),
    AuditAction.SCHEDULE_PAUSE: lazy_gettext("Paused a schedule"),
    AuditAction.SCHEDULE_RESUME: lazy_gettext("Resumed a schedule"),
    AuditAction.SCHEDULE_RUN: lazy_gettext("Ran a schedule now"),
    AuditAction.SCHEDULE_REMOVE: lazy_gettext("Deleted a schedule"),
    AuditAction.TYPE_ENABLE: lazy_gettext("Enabled a job type"),
    AuditAction.TYPE_DISABLE: lazy_gettext("Disabled a job type"),
    AuditAction.ERROR_RESOLVE: lazy_gettext("Resolved an error"),
    AuditAction.ERROR_IGNORE: lazy_gettext("Ignored an error"),
    AuditAction.ERROR_REOPEN: lazy_gettext("Reopened an error"),
    AuditAction.ERROR_RETRY: lazy_gettext("Retried all jobs with an error"),
    AuditAction.SETTINGS_CHANGE: lazy_gettext("Changed their settings"),
    AuditAction.AUDIT_EXPORT: lazy_gettext("Exported the audit log"),
    AuditAction.TOKEN_ADD: lazy_gettext("Created an API token"),
    AuditAction.TOKEN_REVOKE: lazy_gettext("Revoked an API token"),
    AuditAction.RULE_ADD: lazy_gettext("Added a notification rule"),
    AuditAction.RULE_CHANGE: lazy_gettext("Changed a notification rule"),
    AuditAction.RULE_SWITCH: lazy_gettext("Switched a notification rule on or off"),
    AuditAction.RULE_REMOVE: lazy_gettext("Deleted a notification rule"),
    AuditAction.RULE_TEST: lazy_gettext("Sent a test notification"),
    AuditAction.MESSAGE_REDELIVER: lazy_gettext("Sent a notification again"),
    AuditAction.WEBHOOK_ADD: lazy_gettext("Created a webhook"),
    AuditAction.WEBHOOK_ROTATE: lazy_gettext("Replaced the secret of a webhook"),
    AuditAction.WEBHOOK_DISABLE: lazy_gettext("Disabled a webhook"),
    AuditAction.WEBHOOK_ENABLE: lazy_gettext("Enabled a webhook"),
    AuditAction.WEBHOOK_REMOVE: lazy_gettext("Deleted a webhook"),
    AuditAction.WEBHOOK_RETRY: lazy_gettext("Retried a message of a webhook"),
}
TARGETS: Mapping[str, str] = {
    AuditTarget.USER: lazy_gettext("User"),
    AuditTarget.GROUP: lazy_gettext("Group"),
    AuditTarget.BUDGET: lazy_gettext("Budget"),
    AuditTarget.JOB: lazy_gettext("Job"),
    AuditTarget.JOBS: lazy_gettext("Jobs"),
    AuditTarget.FLOW: lazy_gettext("Flow"),
    AuditTarget.FILE: lazy_gettext("File"),
    AuditTarget.QUEUE: lazy_gettext("Queue"),
    AuditTarget.WORKER: lazy_gettext("Worker"),
    AuditTarget.SCHEDULE: lazy_gettext("Schedule"),
    AuditTarget.TYPE: lazy_gettext("Job type"),
    AuditTarget.ERROR: lazy_gettext("Error"),
    AuditTarget.SETTINGS: lazy_gettext("Settings"),
    AuditTarget.AUDIT: lazy_gettext("Audit log"),
    AuditTarget.INSTALLATION: lazy_gettext("Installation"),
    AuditTarget.TOKEN: lazy_gettext("API token"),
    AuditTarget.RULE: lazy_gettext("Notification rule"),
    AuditTarget.WEBHOOK: lazy_gettext("Webhook"),
}

_CHANGES: Mapping[str, str] = {  # what the lines of a change are called; other names are those of fields
    "reason": lazy_gettext("Reason"),
    "why": lazy_gettext("Reason"),
    "as": lazy_gettext("As the user"),
    "again_of": lazy_gettext("Again from"),
    "enabled": lazy_gettext("Enabled"),
    "groups": lazy_gettext("Groups"),
    "members": lazy_gettext("Members"),
    "question": lazy_gettext("Question"),
    "retried": lazy_gettext("Retried"),
    "skipped": lazy_gettext("Skipped"),
    "stopped": lazy_gettext("Stopped"),
    "waiting": lazy_gettext("Waiting"),
    "since": lazy_gettext("Since"),
    "scopes": lazy_gettext("Scopes"),
    "lasts": lazy_gettext("Expires after"),
    "expires_at": lazy_gettext("Expires"),
    "sign_on": lazy_gettext("Single sign-on"),
    "role": lazy_gettext("Role"),
    "theme": lazy_gettext("Theme"),
    "language": lazy_gettext("Language"),
    "zone": lazy_gettext("Time zone"),
    "limit": lazy_gettext("Limit"),
    "state": lazy_gettext("State"),
    "status": lazy_gettext("Status"),
    "type": lazy_gettext("Job type"),
    "user": lazy_gettext("User"),
    "job": lazy_gettext("Job"),
    "jobs": lazy_gettext("Jobs"),
    "name": lazy_gettext("Name"),
    "rule": lazy_gettext("Rule"),
    "channel": lazy_gettext("Sent by"),
    "second_factor": lazy_gettext("Second factor"),
}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The filter as in the query string."""

    given: Mapping[str, str]

    @property
    def is_active(self) -> bool:
        """Whether any field is set."""
        return any(self.given.values())

    def arguments(self, **more: object) -> dict[str, object]:
        """Return the query parameters of this filter, and ``more``."""
        return {name: value for name, value in {**self.given, **more}.items() if value}

    def criteria(self, zone: ZoneInfo) -> AuditCriteria:
        """Return the criteria of this filter; its days are days in ``zone``."""
        return AuditCriteria(
            actor=self.given["person"],
            action=self.given["action"],
            kind=self.given["kind"],
            object_id=self.given["object"],
            since=start_of_day(self.given["since"], zone),
            until=end_of_day(self.given["until"], zone),
        )


@bp.get("/admin/audit")
def index() -> ResponseReturnValue:
    """List entries, newest first."""
    filter_, context = _filter_of_request(), viewer_context()
    before = request.args.get("before", type=int)
    found = services().audit_trail.page(filter_.criteria(context.zone), before=before, limit=PAGE + 1)
    return render_template(
        "admin/audit/index.html",
        entries=[(entry, context.time(entry.at)) for entry in found[:PAGE]],
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        filter=filter_,
        before=before,
        actions=ACTIONS,
        targets=TARGETS,
        changes=_CHANGES,
        roles={role.value: role_label(role) for role in Role},
        zone=context.zone.key,
    )


@bp.get("/admin/audit.csv")
def export() -> ResponseReturnValue:
    """Download all entries that match the filter as CSV; the download is itself recorded."""
    filter_ = _filter_of_request()
    entries = services().audit_trail.all(filter_.criteria(viewer_context().zone))
    response = shared(csv_response("audit.csv", _COLUMNS, _rows(entries)))
    return record_download(response, AuditAction.AUDIT_EXPORT, AuditTarget.AUDIT, after=filter_.arguments())


def _rows(entries: Iterator[AuditEntry]) -> Iterator[list[Any]]:
    for entry in entries:
        yield [getattr(entry, column) for column in _COLUMNS]


def _filter_of_request() -> AuditFilter:
    return AuditFilter({name: request.args.get(name, "").strip()[:200] for name in _FIELDS})
