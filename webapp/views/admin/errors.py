"""Errors, grouped by what they have in common: to be looked into, settled, and their jobs retried.

A group of errors as people read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle.bulk_actions import Action as Act
from webapp.jobs.lifecycle.bulk_actions import act, sort
from webapp.jobs.metrics.error_groups import PAGE, ErrorGroup, ErrorNotFound, ErrorState
from webapp.jobtypes.bulk_action.payload import BulkAction
from webapp.views.admin.charts import Sparkline, build_sparkline
from webapp.views.job_list.admin_filter import moment_of
from webapp.views.job_list.bulk_action_text import told
from webapp.views.job_list.bulk_actions import actor, start_acting
from webapp.views.page.audit_log import audited, record_audit
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext

HOURS = 48
STATES: Mapping[str, str] = {
    ErrorState.OPEN: lazy_gettext("Open"),
    ErrorState.RESOLVED: lazy_gettext("Resolved"),
    ErrorState.IGNORED: lazy_gettext("Ignored"),
}
_LOOKS = {
    ErrorState.OPEN: ("failed", "alert-triangle"),
    ErrorState.RESOLVED: ("done", "check"),
    ErrorState.IGNORED: ("waiting", "clock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What a list, or its own page, says of an error. ``message`` is empty for whom it is not meant."""

    fingerprint: str
    message: str
    closed: bool
    type_name: str
    type_title: str
    place: str
    look: StatusLabel
    state: str
    count: int
    users: int
    first: FormattedTime
    last: FormattedTime
    spark: Sparkline


def error_row(group: ErrorGroup, hours: Mapping[datetime, int], reading: ViewerContext, types: Registry) -> ErrorRow:
    """Describe a group; whoever may not start a type does not read what its jobs choked on."""
    closed = group.type in reading.restricted_types
    tone, icon = _LOOKS[ErrorState(group.state)]
    return ErrorRow(
        fingerprint=group.fingerprint,
        message=_("You don't have permission to see this error message.") if closed else translated(group.message),
        closed=closed,
        type_name=group.type,
        type_title=translated(types.get(group.type).title) if group.type in types else group.type,
        place="" if closed else group.place,
        look=StatusLabel(str(STATES[group.state]), tone, icon),
        state=group.state,
        count=group.count,
        users=group.users,
        first=reading.when(group.first_seen_at),
        last=reading.when(group.last_seen_at),
        spark=build_sparkline(hours, reading.now, HOURS),
    )


bp = Blueprint("admin_errors", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
EVERY = "all"
_SECONDS = 15.0
_AT_ONCE = 200  # jobs that a request retries; of more, a job of its own does
_ACTIONS = {
    ErrorState.RESOLVED: AuditAction.ERROR_RESOLVE,
    ErrorState.IGNORED: AuditAction.ERROR_IGNORE,
    ErrorState.OPEN: AuditAction.ERROR_REOPEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFilter:
    """Which errors a list shows: open ones, unless its address says otherwise."""

    state: str = ErrorState.OPEN.value
    type_name: str = ""
    since: str = ""
    before: str = ""

    def arguments(self, **changed: str) -> dict[str, str]:
        """Return the address' arguments for the same list, or another one."""
        given = {"state": self.state, "type": self.type_name, "since": self.since, "before": self.before, **changed}
        return {name: value for name, value in given.items() if value}

    def narrowed(self) -> dict[str, Any]:
        """Return what the figures are asked for."""
        state = ErrorState(self.state) if self.state != EVERY else None
        return {"state": state, "type_name": self.type_name, "since": moment_of(self.since)}


@bp.get("/admin/errors")
def index() -> ResponseReturnValue:
    """List the errors, those seen last first."""
    return render_template("admin/errors/index.html", **_list())


@bp.get("/admin/errors/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    return poll_response("admin/errors/_live.html", _list())


@bp.get("/admin/errors/<fingerprint>")
def show(fingerprint: str) -> ResponseReturnValue:
    """Show one error."""
    group = _group(fingerprint)
    return render_template(
        "admin/errors/show.html",
        error=_rows([group])[0],
        group=group,
        settled_by=viewer_context([group.state_by]).name(group.state_by) if group.state_by else "",
        settled_at=viewer_context().when(group.state_at) if group.state_at else None,
        failed=services().metrics.errors.count_retriable(fingerprint),
        last_is_there=bool(services().queries.lists.some(viewer(), [group.sample_job_id])),
    )


@bp.post("/admin/errors/<fingerprint>/<any(open, resolved, ignored):state>")
@require(Right.SETTLE_ERRORS)
def settle(fingerprint: str, state: str) -> ResponseReturnValue:
    """Say what is thought of an error."""
    group, new = _group(fingerprint), ErrorState(state)
    change = {"before": {"state": group.state}, "after": {"state": new.value}}
    with audited(_ACTIONS[new], AuditTarget.ERROR, fingerprint, name=group.type, **change):
        services().metrics.errors.set_state(fingerprint, new, by=signed_in().id)
    return redirect(url_for("admin_errors.show", fingerprint=fingerprint), 303)


@bp.get("/admin/errors/<fingerprint>/retry")
@require(Right.ACT_ON_ALL_JOBS)
def confirm_retry(fingerprint: str) -> ResponseReturnValue:
    """Ask before all jobs that failed so are retried."""
    group = _group(fingerprint)
    count = services().metrics.errors.count_retriable(fingerprint)
    return render_confirmation(
        Confirmation(
            title=ngettext("Retry %(num)s job?", "Retry %(num)s jobs?", count),
            effect=_("Every job that failed with this error and was not retried since will be retried."),
            notes=(_("This runs as a separate job, where you can follow the progress and see the results."),)
            if count > _AT_ONCE
            else (),
            action=_("Retry jobs"),
            keep=_("Don't retry"),
            post=url_for("admin_errors.retry", fingerprint=fingerprint),
            back=url_for("admin_errors.show", fingerprint=group.fingerprint),
            harmful=False,
            refusal="" if count else _("No failed jobs have this error."),
        )
    )


@bp.post("/admin/errors/<fingerprint>/retry")
@require(Right.ACT_ON_ALL_JOBS)
def retry(fingerprint: str) -> ResponseReturnValue:
    """Retry the jobs that failed so: a few at once, many by a job of its own; what cannot be retried is passed over."""
    group, errors = _group(fingerprint), services().metrics.errors
    count = errors.count_retriable(fingerprint)
    if count > _AT_ONCE:
        with audited(AuditAction.ERROR_RETRY, AuditTarget.ERROR, fingerprint, name=group.type, after={"jobs": count}):
            job = start_acting(BulkAction(action=Act.RETRY, tab="failed", error=fingerprint))
        return redirect(url_for("jobs.show", job_id=job.id), 303)
    judged = sort(
        Act.RETRY, services().queries.lists.some(viewer(), errors.retriable(fingerprint, count)).values(), actor()
    )
    act(services().jobs, Act.RETRY, judged.fit, actor())
    record_audit(
        AuditAction.ERROR_RETRY, AuditTarget.ERROR, fingerprint, name=group.type, after={"jobs": len(judged.fit)}
    )
    flash(told(Act.RETRY, judged))
    return redirect(url_for("admin_errors.show", fingerprint=fingerprint), 303)


def _list() -> dict[str, Any]:
    asked = _asked()
    found = services().metrics.errors.page(**asked.narrowed(), before=_place(asked.before), limit=PAGE + 1)
    shown = _rows(found[:PAGE])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return {
        "errors": shown,
        "asked": asked,
        "states": {**STATES, EVERY: _("All")},
        "count": services().metrics.errors.count(**asked.narrowed()),
        "older": f"{last.last_seen_at.isoformat()}~{last.fingerprint}" if last else "",
        "types": sorted(services().registry, key=lambda kind: translated(kind.title)),
        "since": viewer_context().when(since) if (since := moment_of(asked.since)) else None,
        **polling_context((shown, asked), _SECONDS),
    }


def _asked() -> ErrorFilter:
    state = request.args.get("state", "")
    return ErrorFilter(
        state=state if state in {*ErrorState, EVERY} else ErrorState.OPEN.value,
        type_name=request.args.get("type", "")[:80],
        since=request.args.get("since", "")[:40],
        before=request.args.get("before", "")[:80],
    )


def _place(text: str) -> Any:
    at, _separator, fingerprint = text.partition("~")
    moment = moment_of(at)
    return (moment, fingerprint) if moment else None


def _rows(groups: Any) -> tuple[ErrorRow, ...]:
    reading, errors = viewer_context(), services().metrics.errors
    hours = errors.counts_by_hour([group.fingerprint for group in groups], reading.now - timedelta(hours=HOURS))
    return tuple(error_row(group, hours[group.fingerprint], reading, services().registry) for group in groups)


def _group(fingerprint: str) -> ErrorGroup:
    try:
        return services().metrics.errors.get(fingerprint)
    except ErrorNotFound:
        abort(404)
