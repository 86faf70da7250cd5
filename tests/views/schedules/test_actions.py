from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.schedules.service import ScheduleNotFound
from webapp.schema import audit, schedules
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
By = Callable[[str], FlaskClient]


def audited(services: Services) -> list[str]:
    with reading(services.engine) as connection:
        return list(connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars())


def test_an_operator_pauses_with_a_reason_and_resumes(by: By, add: Add, services: Services) -> None:
    client, schedule = by("operator"), add()
    here = f"/admin/schedules/{schedule.id}"
    assert "Pause Nightly?" in client.get(f"{here}/pause").text
    answer = client.post(f"{here}/pause", data={"reason": " Moving house "})
    assert (answer.status_code, answer.location) == (303, here)
    assert services.schedules.get(schedule.id).paused_why == "Moving house"
    assert client.post(f"{here}/resume").status_code == 303
    assert not services.schedules.get(schedule.id).is_paused
    assert audited(services) == ["schedule_pause", "schedule_resume"]


def test_a_reason_that_is_too_long_is_refused(by: By, add: Add, services: Services) -> None:
    schedule = add()
    answer = by("operator").post(f"/admin/schedules/{schedule.id}/pause", data={"reason": "x" * 201})
    assert answer.status_code == 422
    assert "A reason can have at most 200 characters." in answer.text
    assert "x" * 201 in answer.text
    assert services.schedules.get(schedule.id) == schedule


def test_run_now_starts_a_job_triggered_by_the_user(by: By, add: Add, services: Services) -> None:
    answer = by("operator").post(f"/admin/schedules/{add().id}/run-now")
    [job] = services.queries.all_jobs.newest(2)
    assert (answer.status_code, answer.location, job.priority) == (303, f"/jobs/{job.id}", 200)
    asked_by = services.accounts.by_name("operator")
    assert asked_by is not None
    assert job.triggered_by == asked_by.id
    assert audited(services) == ["schedule_run"]


@pytest.mark.parametrize("owned", [True, False], ids=["an admin", "the system"])
def test_an_operator_does_not_run_a_schedule_with_permissions_of_others(
    by: By, add: Add, services: Services, owned: bool
) -> None:
    as_admin, as_operator, admin = by("admin"), by("operator"), services.accounts.by_name("admin")
    assert admin
    schedule = add(type_name="see_all", owner=Owner(user_id=admin.id if owned else None))
    here = f"/admin/schedules/{schedule.id}"
    assert "have permission to start this job for its owner" in as_operator.get(here).text
    assert as_operator.post(f"{here}/run-now").status_code == 403
    assert as_admin.post(f"{here}/run-now").status_code == 303


def test_a_job_links_to_its_schedule_for_users_who_can_see_it(by: By, add: Add, services: Services) -> None:
    schedule = add(owner=Owner(public=True))
    job = services.schedule_runner.run_now(schedule)
    assert f'<a href="/admin/schedules/{schedule.id}">Nightly</a>' in by("operator").get(f"/jobs/{job.id}").text
    stranger = by("user").get(f"/jobs/{job.id}")
    assert stranger.status_code == 200
    assert "/admin/schedules" not in stranger.text


def test_a_schedule_that_cannot_run_now_says_why(by: By, add: Add, services: Services) -> None:
    client, schedule = by("operator"), add(one_at_a_time=True)
    services.schedule_runner.run_now(schedule)
    busy = client.post(f"/admin/schedules/{schedule.id}/run-now")
    assert busy.status_code == 409
    assert "runs one job at a time, and its previous job has not finished." in busy.text
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(payload={}, one_at_a_time=False))
    broken = client.post(f"/admin/schedules/{schedule.id}/run-now")
    assert broken.status_code == 409
    assert "path: Field required." in broken.text


def test_run_now_requires_permission_to_start_the_job_type(by: By, add: Add, services: Services) -> None:
    schedule = add("Hiring", "hire_all")
    assert by("operator").post(f"/admin/schedules/{schedule.id}/run-now").status_code == 403
    assert services.queries.all_jobs.newest(1) == ()
    assert by("admin").post(f"/admin/schedules/{schedule.id}/run-now").status_code == 303


def test_a_schedule_is_deleted_after_a_confirmation(by: By, add: Add, services: Services) -> None:
    client, schedule = by("admin"), add()
    here = f"/admin/schedules/{schedule.id}/remove"
    assert "The jobs it has started are kept" in client.get(here).text
    assert "<dialog" in client.get(here, headers={"HX-Request": "true"}).text
    services.schedules.get(schedule.id)
    answer = client.post(here)
    assert (answer.status_code, answer.location) == (303, "/admin/schedules")
    with pytest.raises(ScheduleNotFound):
        services.schedules.get(schedule.id)
    assert audited(services) == ["schedule_remove"]
    assert client.post(here).status_code == 404


@pytest.mark.parametrize(
    ("verb", "method", "allowed"),
    [
        ("pause", "POST", {"operator", "admin"}),
        ("resume", "POST", {"operator", "admin"}),
        ("run-now", "POST", {"operator", "admin"}),
        ("edit", "GET", {"admin"}),
        ("edit", "POST", {"admin"}),
        ("remove", "POST", {"admin"}),
    ],
)
def test_each_action_needs_its_permission(by: By, add: Add, verb: str, method: str, allowed: set[str]) -> None:
    here = f"/admin/schedules/{add().id}/{verb}"
    for role in ("user", "auditor", "operator", "admin"):
        status = by(role).open(here, method=method).status_code
        refused = 404 if role == "user" else 403
        assert status in {200, 303, 422} if role in allowed else status == refused, role
