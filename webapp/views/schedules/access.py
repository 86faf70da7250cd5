"""Whose schedules a request is about: those of the installation, by right, or the user's own.

The pages below ``/me/schedules`` show the user's own schedules only, and those below ``/admin/schedules`` need a right.
The API has one address for both.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from webapp.accounts.permissions import Right
from webapp.jobs.schedules.own_limits import OwnScheduleLimits
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import ScheduleNotFound
from webapp.views.page.permissions import demand, may
from webapp.views.page.request import services, signed_in

P = ParamSpec("P")
R = TypeVar("R", bound=ResponseReturnValue)
OWN_PAGES = "my_schedules"


def is_own_page() -> bool:
    """Return whether the request is for the pages of the user's own schedules."""
    return request.blueprint == OWN_PAGES


def is_own(schedule: Schedule) -> bool:
    """Return whether the jobs of the schedule belong to the signed-in user."""
    return schedule.owner.user_id == signed_in().id


def find(schedule_id: UUID) -> Schedule:
    """Return a schedule that the pages of this request can show; raise `ScheduleNotFound`."""
    schedule = services().schedules.get(schedule_id)
    if is_own_page() and not is_own(schedule):
        raise ScheduleNotFound(schedule_id)
    return schedule


def find_permitted(schedule_id: UUID, right: Right) -> Schedule:
    """Return a schedule that is the user's own, or that a right permits; end the request with 403 or 404 otherwise."""
    schedule = services().schedules.get(schedule_id)
    if not is_own(schedule):
        demand(right)
    return schedule


def require_for_others(right: Right) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Require a right for a view, except on the pages of the user's own schedules."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_own_page():
                demand(right)
            return view(*args, **kwargs)

        return guarded

    return decorate


def limits() -> OwnScheduleLimits | None:
    """Return the limits for the user's own schedules; None for users who manage all schedules."""
    return None if may(Right.EDIT_SCHEDULES) else services().own_schedule_limits
