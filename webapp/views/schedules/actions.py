"""What can be done with a schedule: pause, resume, run now, remove."""

from uuid import UUID

from flask import abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import REASON_LIMIT
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require
from webapp.views.page.request import services, signed_in
from webapp.views.schedules.index import may_run
from webapp.views.text.translations import gettext as _


@require(Right.RUN_SCHEDULES)
def pause(schedule_id: UUID) -> ResponseReturnValue:
    """Ask for the reason; then let it rest."""
    schedule = services().schedules.get(schedule_id)
    why = request.form.get("why", "").strip()
    if request.method == "GET" or len(why) > REASON_LIMIT:
        answer = make_response(
            render_confirmation(_pausing(schedule), "schedules/pause.html", why=why, limit=REASON_LIMIT)
        )
        answer.status_code = 200 if request.method == "GET" else 422
        return answer
    with audited(AuditAction.SCHEDULE_PAUSE, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, after={"why": why}):
        services().schedules.pause(schedule, why=why, by=signed_in().id)
    return _back(schedule)


@require(Right.RUN_SCHEDULES)
def resume(schedule_id: UUID) -> ResponseReturnValue:
    """Let its times fire again."""
    schedule = services().schedules.get(schedule_id)
    with audited(AuditAction.SCHEDULE_RESUME, AuditTarget.SCHEDULE, schedule.id, name=schedule.name):
        services().schedules.resume(schedule)
    return _back(schedule)


@require(Right.RUN_SCHEDULES)
def run_now(schedule_id: UUID) -> ResponseReturnValue:
    """Start its job at once, and show it."""
    schedule = services().schedules.get(schedule_id)
    if not may_run(schedule):
        abort(403, _("Jobs of this kind are not for you to start."))
    try:
        with audited(AuditAction.SCHEDULE_RUN, AuditTarget.SCHEDULE, schedule.id, name=schedule.name):
            job = services().schedule_runner.run_now(schedule, by=signed_in().id)
    except (CannotStart, PreviousRunUnfinished) as error:
        abort(409, str(error))
    return redirect(url_for("jobs.show", job_id=job.id), 303)


@require(Right.EDIT_SCHEDULES)
def remove(schedule_id: UUID) -> ResponseReturnValue:
    """Ask first; then forget it."""
    schedule = services().schedules.get(schedule_id)
    if request.method == "GET":
        return render_confirmation(_removing(schedule))
    before = {"type": schedule.type, **ScheduleDraft.from_schedule(schedule).to_dict()}
    with audited(AuditAction.SCHEDULE_REMOVE, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, before=before):
        services().schedules.delete(schedule.id)
    return redirect(url_for("schedules.index"), 303)


def _pausing(schedule: Schedule) -> Confirmation:
    here = url_for("schedules.show", schedule_id=schedule.id)
    return Confirmation(
        title=_("Pause %(name)s?", name=schedule.name),
        effect=_("It starts no job until somebody resumes it. A job that it has started goes on."),
        notes=(_("What passes meanwhile is not caught up."),),
        action=_("Pause it"),
        keep=_("Let it go on"),
        post=url_for("schedules.pause", schedule_id=schedule.id),
        back=here,
        harmful=False,
    )


def _removing(schedule: Schedule) -> Confirmation:
    return Confirmation(
        title=_("Remove %(name)s?", name=schedule.name),
        effect=_("It starts no more jobs, and its history is forgotten. There is no way back."),
        notes=(_("The jobs that it has started stay, with their files."),),
        action=_("Remove the schedule"),
        keep=_("Keep it"),
        post=url_for("schedules.remove", schedule_id=schedule.id),
        back=url_for("schedules.show", schedule_id=schedule.id),
    )


def _back(schedule: Schedule) -> ResponseReturnValue:
    return redirect(url_for("schedules.show", schedule_id=schedule.id), 303)
