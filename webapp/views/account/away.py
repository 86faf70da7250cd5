"""While you were away: what ended, did not start or failed for the first time since the user looked last."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts import preferences
from webapp.accounts.permissions import Right
from webapp.jobs.queries.ended_since import EndedJobCounts, NewError, UnfiredSchedule
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("away", __name__, url_prefix="/away")
_LONGEST = timedelta(days=30)
_FIRST = timedelta(days=7)  # of somebody who has never marked anything as seen
_OUTCOMES = {
    "busy": lazy_gettext("The previous job had not finished."),
    "missed": lazy_gettext("No scheduler was running."),
    "refused": lazy_gettext("No job could be created."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """The user's ended jobs of one type."""

    title: str
    counts: EndedJobCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfiredRow:
    """A schedule that did not start jobs, and why."""

    schedule: UnfiredSchedule
    why: str
    when: FormattedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLine:
    """A new error, with its message if the user may read it."""

    error: NewError
    message: str
    title: str
    when: FormattedTime


@bp.get("")
def index() -> ResponseReturnValue:
    """Show what happened since the user marked it as seen."""
    context, sees = viewer_context(), may(Right.SEE_INSTALLATION)
    since = _since(context.now)
    facts, person = services().queries.ended_since, signed_in().id
    errors = facts.new_errors(since) if sees else ()
    return render_template(
        "account/away.html",
        since=context.time(since),
        until=context.now.isoformat(),
        ended_since=since.isoformat(),
        sees=sees,
        types=[TypeRow(title=_title(counts.type), counts=counts) for counts in facts.jobs_of(person, since)],
        schedules=[_schedule(each, context) for each in facts.unfired(since, owner_id=None if sees else person)],
        errors=[_error(each, context) for each in errors],
    )


@bp.post("/seen")
def mark_seen() -> ResponseReturnValue:
    """Mark everything as seen that happened until the page was made."""
    until, now = _moment(request.form.get("until", "")), services().queries.jobs.now()
    preferences.save_seen_until(services().engine, signed_in().id, min(until or now, now))
    flash(_("Marked as seen."))
    return redirect(url_for("away.index"), 303)


def _since(now: datetime) -> datetime:
    seen = signed_in().seen_until or max(signed_in().created_at, now - _FIRST)
    return max(seen, now - _LONGEST)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _title(type_name: str) -> str:
    registry = services().registry
    return translated(registry.get(type_name).title) if type_name in registry else type_name


def _schedule(schedule: UnfiredSchedule, context: ViewerContext) -> UnfiredRow:
    why = translated(schedule.detail) or str(_OUTCOMES.get(schedule.outcome, ""))
    return UnfiredRow(schedule=schedule, why=why, when=context.when(schedule.last_at))


def _error(error: NewError, context: ViewerContext) -> ErrorLine:
    hidden = error.type in context.policy.unopened_types
    return ErrorLine(
        error=error,
        message=_("You don't have permission to see this error message.") if hidden else translated(error.message),
        title=_title(error.type),
        when=context.when(error.last_seen_at),
    )
