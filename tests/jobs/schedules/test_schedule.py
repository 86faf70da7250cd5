"""A schedule is a value that its row converts to."""

from collections.abc import Callable

from webapp.jobs.schedules.schedule import Schedule
from webapp.services import Services


def test_only_a_schedule_with_one_job_at_a_time_has_a_unique_key(add: Callable[..., Schedule]) -> None:
    alone, other = add("Alone", one_at_a_time=True), add("Other")
    assert alone.unique_key == f"schedule:{alone.id}"
    assert other.unique_key is None


def test_a_paused_schedule_has_no_next_time(services: Services, add: Callable[..., Schedule]) -> None:
    paused = services.schedules.pause(add())
    assert (paused.is_paused, paused.next_fire_at) == (True, None)
