"""The actions on a schedule: pause, resume, run now, delete."""

from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.schedule import Schedule
from webapp.views.page import confirmation
from webapp.views.page.audit_log import acting_for, audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in
from webapp.views.schedules.access import find, require_for_others
from webapp.views.schedules.index import may_run
from webapp.views.text.translations import gettext as _


@require_for_others(Right.RUN_SCHEDULES)
def pause(schedule_id: UUID) -> ResponseReturnValue:
    """Ask for a reason, then pause the schedule."""
    schedule = find(schedule_id)
    if page := confirmation.ask_reason(_pause_confirmation(schedule), required=False):
        return page
    pause_schedule(schedule, confirmation.submitted_reason())
    return redirect(_page_of(schedule), 303)


@require_for_others(Right.RUN_SCHEDULES)
def resume(schedule_id: UUID) -> ResponseReturnValue:
    """Resume the schedule."""
    schedule = find(schedule_id)
    resume_schedule(schedule)
    return redirect(_page_of(schedule), 303)


@require_for_others(Right.RUN_SCHEDULES)
def run_now(schedule_id: UUID) -> ResponseReturnValue:
    """Start a job of the schedule now and redirect to it."""
    job = start_scheduled_job(find(schedule_id))
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def pause_schedule(schedule: Schedule, reason: str) -> None:
    """Pause a schedule for the signed-in user; pages and the API call this and the next functions."""
    after = {"why": reason}
    with audited(AuditAction.SCHEDULE_PAUSE, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, after=after):
        services().schedules.pause(schedule, reason=reason, by=signed_in().id)


def resume_schedule(schedule: Schedule) -> None:
    """Resume a schedule."""
    with audited(AuditAction.SCHEDULE_RESUME, AuditTarget.SCHEDULE, schedule.id, name=schedule.name):
        services().schedules.resume(schedule)


def start_scheduled_job(schedule: Schedule) -> Job:
    """Start a job of a schedule now; end the request with 403 or 409 if that is not possible."""
    if not may_run(schedule):
        abort(403, _("You don't have permission to start this job for its owner."))
    try:
        after = acting_for(schedule.owner.user_id) or None
        with audited(AuditAction.SCHEDULE_RUN, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, after=after):
            return services().schedule_runner.run_now(schedule, by=signed_in().id, first=may(Right.RUN_SCHEDULES))
    except (CannotStart, PreviousRunUnfinished) as error:
        abort(409, str(error))


def delete_schedule(schedule: Schedule) -> None:
    """Delete a schedule with its history."""
    before = {"type": schedule.type, **ScheduleDraft.from_schedule(schedule).to_dict()}
    with audited(AuditAction.SCHEDULE_REMOVE, AuditTarget.SCHEDULE, schedule.id, name=schedule.name, before=before):
        services().schedules.delete(schedule.id)


@require_for_others(Right.EDIT_SCHEDULES)
def remove(schedule_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then delete the schedule with its history."""
    schedule = find(schedule_id)
    if request.method != "POST":
        return render_confirmation(_delete_confirmation(schedule))
    delete_schedule(schedule)
    return redirect(url_for(".index"), 303)


def _pause_confirmation(schedule: Schedule) -> Confirmation:
    return Confirmation(
        title=_("Pause %(name)s?", name=schedule.name),
        effect=_("It starts no jobs until it is resumed. A running job continues."),
        notes=(_("Runs that are due during the pause are skipped."),),
        action=_("Pause"),
        keep=_("Back"),
        post=url_for(".pause", schedule_id=schedule.id),
        back=_page_of(schedule),
        harmful=False,
    )


def _delete_confirmation(schedule: Schedule) -> Confirmation:
    return Confirmation(
        title=_("Delete %(name)s?", name=schedule.name),
        effect=_("The schedule and its history are deleted. This cannot be undone."),
        notes=(_("The jobs it has started are kept, with their files."),),
        action=_("Delete schedule"),
        keep=_("Back"),
        post=url_for(".remove", schedule_id=schedule.id),
        back=_page_of(schedule),
    )


def _page_of(schedule: Schedule) -> str:
    return url_for(".show", schedule_id=schedule.id)
