"""The list of schedules, the page of one schedule, and the fragments that their polls fetch."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.model.job import TERMINAL
from webapp.jobs.schedules.run_history import RECENT_RUNS
from webapp.jobs.schedules.schedule import Schedule, ScheduleRun
from webapp.jobs.schedules.service import ScheduleNotFound
from webapp.views.charts.dots import dot_plot
from webapp.views.charts.time_range import PERIODS, chosen_range
from webapp.views.charts.time_scale import TimeScale
from webapp.views.job.parameters import JobParameter, parameters
from webapp.views.page import polling
from webapp.views.page.permissions import can_add_own_schedules, may
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.schedules.access import find, is_own, is_own_page
from webapp.views.schedules.presenter import run_line, schedule_dot, schedule_facts, schedule_row
from webapp.views.schedules.preview import rule_preview
from webapp.views.text.stored_messages import translated

_DOTS = 300  # on a plot; more would hide each other


def index() -> ResponseReturnValue:
    """List the schedules."""
    return render_template("schedules/index.html", **_list())


def live() -> ResponseReturnValue:
    """Return the list for a poll; 304 if nothing changed."""
    return poll_response("schedules/_table.html", _list())


def show(schedule_id: UUID) -> ResponseReturnValue:
    """Show one schedule. Messages link to the page of its owner, from which others are led to that of admins."""
    if is_own_page() and may(Right.SEE_INSTALLATION) and not is_own(services().schedules.get(schedule_id)):
        return redirect(url_for("schedules.show", schedule_id=schedule_id), 303)
    schedule = find(schedule_id)
    return render_template("schedules/show.html", **_page(schedule), **_history(schedule))


def show_live(schedule_id: UUID) -> ResponseReturnValue:
    """Return the parts of the page that change; 304 if nothing changed."""
    try:
        page = _page(find(schedule_id))
    except ScheduleNotFound:
        if not polling.is_poll():
            raise
        return render_template("schedules/_removed.html"), 410
    return poll_response("schedules/_schedule.html", page)


def _list() -> dict[str, Any]:
    schedules, runs = _shown()
    context = viewer_context(person for each in schedules for person in (each.paused_by, each.owner.user_id))
    rows = tuple(
        schedule_row(schedule, runs.get(schedule.id, ()), job_type_title(schedule), context) for schedule in schedules
    )
    return {
        "rows": rows,
        "can_add": can_add_own_schedules(),
        "zone": context.zone.key,
        **polling_context(rows, _seconds(run for latest in runs.values() for run in latest[:1])),
    }


def _shown() -> tuple[tuple[Schedule, ...], Mapping[UUID, tuple[ScheduleRun, ...]]]:
    """Return the schedules of the list, with their latest runs."""
    history = services().run_history
    if not is_own_page():
        return services().schedules.all(), history.latest()
    schedules = services().schedules.of_owner(signed_in().id)
    return schedules, {each.id: history.of_schedule(each.id, RECENT_RUNS) for each in schedules}


def _page(schedule: Schedule) -> dict[str, Any]:
    runs = services().run_history.of_schedule(schedule.id, RECENT_RUNS)
    context = _viewer_context(schedule, runs)
    page = {
        "schedule": schedule_row(schedule, runs, job_type_title(schedule), context),
        "facts": schedule_facts(schedule, context),
        "preview": rule_preview(schedule.rule, context),
        "runs": tuple(run_line(run, context) for run in runs),
        "parameters": _parameters(schedule, context),
        "zone": context.zone.key,
        "runnable": may_run(schedule),
        "refusal_now": "" if schedule.is_paused else translated(services().schedule_runner.refusal(schedule)),
    }
    return page | polling_context(tuple(page.values()), _seconds(runs[:1]))


def _history(schedule: Schedule) -> dict[str, Any]:
    """Return the runs of a longer period as dots; they are not polled, because the list beside them is."""
    context = viewer_context()
    period = chosen_range(context, "7d")
    found = services().run_history.of_schedule(schedule.id, _DOTS, since=period.start)
    runs = [schedule_dot(run, context) for run in found]
    is_cut = len(runs) == _DOTS
    scale = TimeScale.of(min((run.at for run in runs if is_cut), default=period.start), context.now)
    history = dot_plot(runs, scale, scale.ticks(context.zone))
    return {"period": period, "periods": PERIODS, "history": history, "history_cut": is_cut}


def _seconds(latest: Iterable[ScheduleRun]) -> float:
    """Return the interval of polls: short while the latest job of a schedule is unfinished."""
    unfinished = any(run.status is not None and run.status not in TERMINAL for run in latest)
    return polling.BUSY_SECONDS if unfinished else polling.SCHEDULED_SECONDS


def _viewer_context(schedule: Schedule, runs: tuple[ScheduleRun, ...]) -> ViewerContext:
    starters = (run.asked_by for run in runs)
    return viewer_context(
        (schedule.owner.user_id, schedule.paused_by, schedule.created_by, schedule.changed_by, *starters)
    )


def _parameters(schedule: Schedule, context: ViewerContext) -> tuple[JobParameter, ...]:
    """Return the parameters of its jobs; none if the user cannot start the job type."""
    if not may_run(schedule):
        return ()
    job_type = services().registry.get(schedule.type)
    return parameters(job_type.payload_class, schedule.payload, context.zone)


def may_run(schedule: Schedule) -> bool:
    """Return whether the job type is installed and the user can start its jobs for their owner."""
    registry = services().registry
    return schedule.type in registry and job_policy().refusal_to_run(schedule.type, schedule.owner) is None


def job_type_title(schedule: Schedule) -> str:
    """Return the title of its job type, or the name of a type that is no longer installed."""
    return translated(services().registry.title_of(schedule.type))
