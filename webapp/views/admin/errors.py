"""Error groups: list them, resolve, ignore or reopen one, and retry its failed jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle.bulk_actions import BulkAction, SortedJobs, apply_bulk_action, sort_by_fit
from webapp.jobs.metrics.error_groups import PAGE, ErrorGroup, ErrorNotFound, ErrorState
from webapp.jobs.model.job import Job
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.views.admin.charts import Sparkline, build_sparkline
from webapp.views.job_list.bulk_action_text import summary
from webapp.views.job_list.bulk_actions import start_bulk_action_job
from webapp.views.page.address import parse_moment
from webapp.views.page.audit_log import audited, record_audit
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import job_policy, services, signed_in, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext

bp = Blueprint("admin_errors", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
SPARKLINE_HOURS = 48
ALL_STATES = "all"
STATES: Mapping[str, str] = {
    ErrorState.OPEN: lazy_gettext("Open"),
    ErrorState.RESOLVED: lazy_gettext("Resolved"),
    ErrorState.IGNORED: lazy_gettext("Ignored"),
}
_LABEL_STYLES = {
    ErrorState.OPEN: ("failed", "alert-triangle"),
    ErrorState.RESOLVED: ("done", "check"),
    ErrorState.IGNORED: ("waiting", "clock"),
}
_AUDIT_ACTIONS = {
    ErrorState.RESOLVED: AuditAction.ERROR_RESOLVE,
    ErrorState.IGNORED: AuditAction.ERROR_IGNORE,
    ErrorState.OPEN: AuditAction.ERROR_REOPEN,
}
_POLL_SECONDS = 15.0
_AT_ONCE = 200  # jobs that one request retries; a background job retries larger numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """An error group for display. If it is ``hidden``, the viewer may not read the message of this job type."""

    fingerprint: str
    message: str
    hidden: bool
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFilter:
    """The filter of the list, as in the query string; open errors by default."""

    state: str = ErrorState.OPEN.value
    type_name: str = ""
    since: str = ""
    before: str = ""

    def arguments(self, **changed: str) -> dict[str, str]:
        """Return the query parameters of this filter, with some of them changed."""
        given = {"state": self.state, "type": self.type_name, "since": self.since, "before": self.before, **changed}
        return {name: value for name, value in given.items() if value}

    def criteria(self) -> dict[str, Any]:
        """Return the arguments with which the metrics find and count these errors."""
        state = ErrorState(self.state) if self.state != ALL_STATES else None
        return {"state": state, "type_name": self.type_name, "since": parse_moment(self.since)}


@bp.get("/admin/errors")
def index() -> ResponseReturnValue:
    """List error groups, most recent first."""
    return render_template("admin/errors/index.html", **_list_page())


@bp.get("/admin/errors/_live")
def live() -> ResponseReturnValue:
    """Answer a poll of the list; 304 if nothing changed."""
    return poll_response("admin/errors/_live.html", _list_page())


@bp.get("/admin/errors/<fingerprint>")
def show(fingerprint: str) -> ResponseReturnValue:
    """Show one error group."""
    group = _find_group(fingerprint)
    return render_template(
        "admin/errors/show.html",
        error=_error_rows([group])[0],
        group=group,
        changed_by=viewer_context([group.state_by]).name(group.state_by) if group.state_by else "",
        changed_at=viewer_context().when(group.state_at) if group.state_at else None,
        failed=services().metrics.errors.count_retriable(fingerprint),
        latest_job_exists=bool(services().queries.lists.find_by_ids(viewer(), [group.sample_job_id])),
    )


@bp.post("/admin/errors/<fingerprint>/<any(open, resolved, ignored):state>", endpoint="settle")
@require(Right.SETTLE_ERRORS)
def change_state(fingerprint: str, state: str) -> ResponseReturnValue:
    """Resolve, ignore or reopen an error group."""
    settle_error(fingerprint, ErrorState(state))
    return redirect(url_for("admin_errors.show", fingerprint=fingerprint), 303)


@bp.get("/admin/errors/<fingerprint>/retry")
@require(Right.ACT_ON_ALL_JOBS)
def confirm_retry(fingerprint: str) -> ResponseReturnValue:
    """Ask for confirmation before all failed jobs of an error group are retried."""
    _find_group(fingerprint)
    count = services().metrics.errors.count_retriable(fingerprint)
    return render_confirmation(_retry_confirmation(fingerprint, count))


@bp.post("/admin/errors/<fingerprint>/retry")
@require(Right.ACT_ON_ALL_JOBS)
def retry(fingerprint: str) -> ResponseReturnValue:
    """Retry the failed jobs of an error group: a few in this request, many in a background job."""
    result = retry_error(fingerprint)
    if isinstance(result, Job):
        return redirect(url_for("jobs.show", job_id=result.id), 303)
    flash(summary(BulkAction.RETRY, result))
    return redirect(url_for("admin_errors.show", fingerprint=fingerprint), 303)


def settle_error(fingerprint: str, state: ErrorState) -> None:
    """Resolve, ignore or reopen an error for the signed-in user; pages and the API call it."""
    group = _find_group(fingerprint)
    change = {"before": {"state": group.state}, "after": {"state": state.value}}
    with audited(_AUDIT_ACTIONS[state], AuditTarget.ERROR, fingerprint, name=group.type, **change):
        services().metrics.errors.set_state(fingerprint, state, by=signed_in().id)


def retry_error(fingerprint: str) -> Job | SortedJobs:
    """Retry the failed jobs of an error for the signed-in user; of very many, return the job that retries them."""
    group, errors = _find_group(fingerprint), services().metrics.errors
    count = errors.count_retriable(fingerprint)
    if count > _AT_ONCE:
        with audited(AuditAction.ERROR_RETRY, AuditTarget.ERROR, fingerprint, name=group.type, after={"jobs": count}):
            return start_bulk_action_job(BulkActionPayload(action=BulkAction.RETRY, tab="failed", error=fingerprint))
    failed = services().queries.lists.find_by_ids(viewer(), errors.retriable(fingerprint, count))
    judged = sort_by_fit(BulkAction.RETRY, failed.values(), job_policy())
    apply_bulk_action(services().jobs, BulkAction.RETRY, judged.fit, job_policy())
    after = {"jobs": len(judged.fit)}
    record_audit(AuditAction.ERROR_RETRY, AuditTarget.ERROR, fingerprint, name=group.type, after=after)
    return judged


def _retry_confirmation(fingerprint: str, count: int) -> Confirmation:
    background = _("This runs as a separate job, where you can follow the progress and see the results.")
    return Confirmation(
        title=ngettext("Retry %(num)s job?", "Retry %(num)s jobs?", count),
        effect=_("Every job that failed with this error and was not retried since will be retried."),
        notes=(background,) if count > _AT_ONCE else (),
        action=_("Retry jobs"),
        keep=_("Don't retry"),
        post=url_for("admin_errors.retry", fingerprint=fingerprint),
        back=url_for("admin_errors.show", fingerprint=fingerprint),
        harmful=False,
        refusal="" if count else _("No failed jobs have this error."),
    )


def _list_page() -> dict[str, Any]:
    filter_ = _filter_of_request()
    found = services().metrics.errors.page(**filter_.criteria(), before=page_boundary(filter_.before), limit=PAGE + 1)
    rows = _error_rows(found[:PAGE])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return {
        "errors": rows,
        "filter": filter_,
        "states": {**STATES, ALL_STATES: _("All")},
        "count": services().metrics.errors.count(**filter_.criteria()),
        "older": boundary_text(last) if last else "",
        "types": sorted(services().registry, key=lambda job_type: translated(job_type.title)),
        "since": viewer_context().when(since) if (since := parse_moment(filter_.since)) else None,
        **polling_context((rows, filter_), _POLL_SECONDS),
    }


def _filter_of_request() -> ErrorFilter:
    state = request.args.get("state", "")
    return ErrorFilter(
        state=state if state in {*ErrorState, ALL_STATES} else ErrorState.OPEN.value,
        type_name=request.args.get("type", "")[:80],
        since=request.args.get("since", "")[:40],
        before=request.args.get("before", "")[:80],
    )


def boundary_text(last: ErrorGroup) -> str:
    """Return the last row of a page as `page_boundary` reads it."""
    return f"{last.last_seen_at.isoformat()}~{last.fingerprint}"


def page_boundary(text: str) -> Any:
    """Parse the last row of the page before, ``<time>~<fingerprint>``; None for the first page."""
    at, _separator, fingerprint = text.partition("~")
    moment = parse_moment(at)
    return (moment, fingerprint) if moment else None


def _error_rows(groups: Any) -> tuple[ErrorRow, ...]:
    context, errors = viewer_context(), services().metrics.errors
    since = context.now - timedelta(hours=SPARKLINE_HOURS)
    counts = errors.counts_by_hour([group.fingerprint for group in groups], since)
    return tuple(_error_row(group, counts[group.fingerprint], context, services().registry) for group in groups)


def _error_row(group: ErrorGroup, counts: Mapping[datetime, int], context: ViewerContext, types: Registry) -> ErrorRow:
    """Describe an error group; only users who may start a job type may read its error messages."""
    hidden = group.type in context.policy.unopened_types
    tone, icon = _LABEL_STYLES[ErrorState(group.state)]
    return ErrorRow(
        fingerprint=group.fingerprint,
        message=_("You don't have permission to see this error message.") if hidden else translated(group.message),
        hidden=hidden,
        type_name=group.type,
        type_title=translated(types.title_of(group.type)),
        place="" if hidden else group.place,
        look=StatusLabel(str(STATES[group.state]), tone, icon),
        state=group.state,
        count=group.count,
        users=group.users,
        first=context.when(group.first_seen_at),
        last=context.when(group.last_seen_at),
        spark=build_sparkline(counts, context.now, SPARKLINE_HOURS),
    )


def _find_group(fingerprint: str) -> ErrorGroup:
    try:
        return services().metrics.errors.get(fingerprint)
    except ErrorNotFound:
        abort(404)
