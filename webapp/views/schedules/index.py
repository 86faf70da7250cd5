"""The list of schedules, one schedule, and the fragments that keep both up to date."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import TERMINAL
from webapp.jobs.schedules.run_history import RECENT_RUNS
from webapp.jobs.schedules.schedule import Schedule, ScheduleRun
from webapp.jobs.schedules.service import ScheduleNotFound
from webapp.views.job.parameters import JobParameter, parameters
from webapp.views.page import polling
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.schedules.presenter import run_line, schedule_facts, schedule_row
from webapp.views.schedules.preview import rule_preview
from webapp.views.text.stored_messages import translated


def index() -> ResponseReturnValue:
    """List the schedules."""
    return render_template("schedules/index.html", **_list())


def live() -> ResponseReturnValue:
    """Answer the list again; 304 if nothing on it changed."""
    return poll_response("schedules/_table.html", _list())


def show(schedule_id: UUID) -> ResponseReturnValue:
    """Show one schedule."""
    return render_template("schedules/show.html", **_one(services().schedules.get(schedule_id)))


def show_live(schedule_id: UUID) -> ResponseReturnValue:
    """Answer what changes on its page; 304 if nothing did."""
    try:
        shown = _one(services().schedules.get(schedule_id))
    except ScheduleNotFound:
        if not polling.is_poll():
            raise
        return render_template("schedules/_removed.html"), 410
    return poll_response("schedules/_schedule.html", shown)


def _list() -> dict[str, Any]:
    schedules, runs = services().schedules.all(), services().run_history.latest()
    reading = viewer_context(schedule.paused_by for schedule in schedules)
    rows = tuple(schedule_row(one, runs.get(one.id, ()), kind_of(one), reading) for one in schedules)
    return {
        "rows": rows,
        "zone": reading.zone.key,
        **polling_context(rows, _seconds(latest[0] for latest in runs.values())),
    }


def _one(schedule: Schedule) -> dict[str, Any]:
    runs = services().run_history.of_schedule(schedule.id, RECENT_RUNS)
    reading = _reader(schedule, runs)
    shown = {
        "schedule": schedule_row(schedule, runs, kind_of(schedule), reading),
        "facts": schedule_facts(schedule, reading),
        "preview": rule_preview(schedule.rule, reading),
        "runs": tuple(run_line(run, reading) for run in runs),
        "parameters": _parameters(schedule, reading),
        "zone": reading.zone.key,
        "runnable": may_run(schedule),
    }
    # what is described is all that can change
    return shown | polling_context(tuple(shown.values()), _seconds(runs[:1]))


def _seconds(latest: Iterable[ScheduleRun]) -> float:
    """Seconds until the page asks again: soon while a job that was started last has not ended."""
    on_its_way = any(run.status is not None and run.status not in TERMINAL for run in latest)
    return polling.BUSY_SECONDS if on_its_way else polling.SCHEDULED_SECONDS


def _reader(schedule: Schedule, runs: tuple[ScheduleRun, ...]) -> ViewerContext:
    asking = (run.asked_by for run in runs)
    return viewer_context(
        (schedule.owner.user_id, schedule.paused_by, schedule.created_by, schedule.changed_by, *asking)
    )


def _parameters(schedule: Schedule, reading: ViewerContext) -> tuple[JobParameter, ...]:
    """A type that this person may not start hides what its jobs are given."""
    if not may_run(schedule):
        return ()
    kind = services().registry.get(schedule.type)
    return parameters(kind.payload_class, schedule.payload, reading.zone)


def may_run(schedule: Schedule) -> bool:
    """Tell whether its type is there, and this person may start it."""
    registry = services().registry
    return schedule.type in registry and registry.get(schedule.type).may_be_started_by(signed_in().role)


def kind_of(schedule: Schedule) -> str:
    """Return the title of its type, or the bare name of one that is gone."""
    registry = services().registry
    return translated(registry.get(schedule.type).title) if schedule.type in registry else schedule.type
