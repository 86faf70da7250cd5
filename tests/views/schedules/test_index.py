import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, update

from webapp.db.engine import writing
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import jobs, later, now, schedule_runs, schedules
from webapp.services import Services

Add = Callable[..., Schedule]
By = Callable[[str], FlaskClient]
POLL = {"HX-Request": "true", "X-Poll": "1"}


def asked_again_after(text: str) -> int:
    return int(re.search(r'hx-trigger="every (\d+)ms', text)[1])


def test_an_empty_list_explains_schedules(by: By) -> None:
    admin = by("admin").get("/admin/schedules").text
    assert "No schedules yet" in admin
    assert 'href="/admin/schedules/new"' in admin
    assert "An admin can add one." in by("operator").get("/admin/schedules").text


def test_only_users_who_see_the_installation_see_schedules(by: By, add: Add) -> None:
    where = ("/admin/schedules", "/admin/schedules/_live", f"/admin/schedules/{add().id}")
    for role, status in (("user", 404), ("auditor", 200), ("operator", 200), ("admin", 200)):
        client = by(role)
        assert [client.get(page).status_code for page in where] == [status] * 3


@pytest.mark.usefixtures("database")
def test_the_list_shows_rules_next_runs_and_results(by: By, add: Add, services: Services) -> None:
    schedule = add(zone="America/New_York")
    job = services.schedule_runner.run_now(schedule)
    services.jobs.cancel(job.id)
    page = by("operator").get("/admin/schedules").text
    assert "Every day at 02:00 · America/New_York" in page
    assert "Mirror a folder" in page
    assert "The last 1 runs: 1 Stopped" in page
    assert "Times are shown in UTC" in page


def test_a_paused_schedule_shows_when_by_whom_and_why(by: By, add: Add, services: Services) -> None:
    services.schedules.pause(add(), reason="Moving house")
    for page in ("/admin/schedules", f"/admin/schedules/{services.schedules.get_by_name('Nightly').id}"):
        text = by(f"{'admin' if page.endswith('schedules') else 'operator'}").get(page).text
        assert "Paused just now" in text
        assert "Moving house" in text


def test_each_run_shows_its_result_and_links_to_its_job(by: By, add: Add, services: Services) -> None:
    schedule = add()
    there, gone = services.schedule_runner.run_now(schedule), services.schedule_runner.run_now(schedule)
    with writing(services.engine) as connection:
        connection.execute(delete(jobs).where(jobs.c.id == gone.id))
        row = {"schedule_id": schedule.id, "outcome": "refused", "detail": "There is no job type 'x'."}
        connection.execute(insert(schedule_runs).values(fire_at=later(-60), fired_at=now(), **row))
    page = by("operator").get(f"/admin/schedules/{schedule.id}").text
    assert f'<a href="/jobs/{there.id}">#{there.short_id}</a>' in page
    assert f'<span class="muted">#{gone.short_id}</span>' in page
    for said in ("Job deleted", "Not started", "There is no job type &#39;x&#39;."):
        assert said in page


def test_the_reason_of_a_disabled_action_is_visible_without_a_mouse(by: By, add: Add) -> None:
    address = f"/admin/schedules/{add().id}"
    assert '<p class="why">' not in by("admin").get(address).text
    assert "<strong>Edit, Delete…</strong> Only admins can do this." in by("operator").get(address).text
    assert "<strong>Run now, Pause…</strong> Only operators and admins can do this." in by("auditor").get(address).text


def test_parameters_are_shown_without_secrets_to_users_who_can_start_the_type(by: By, add: Add) -> None:
    shown, hidden = add(), add("Hiring", "hire_all")
    admin, operator = by("admin"), by("operator")
    assert "/srv" in operator.get(f"/admin/schedules/{shown.id}").text
    assert "/srv" not in operator.get(f"/admin/schedules/{hidden.id}").text
    page = admin.get(f"/admin/schedules/{hidden.id}").text
    assert "/srv" in page
    assert "hush" not in page
    assert "$secret" not in page


def test_the_poll_interval_is_short_while_a_job_runs(by: By, add: Add, services: Services) -> None:
    client, schedule = by("admin"), add()
    for path in ("/admin/schedules", f"/admin/schedules/{schedule.id}"):
        assert 27_000 <= asked_again_after(client.get(path).text) <= 33_000
    services.schedule_runner.run_now(schedule)
    for path in ("/admin/schedules", f"/admin/schedules/{schedule.id}"):
        assert 1_800 <= asked_again_after(client.get(path).text) <= 2_200


def test_an_unchanged_page_is_answered_with_304(by: By, add: Add, services: Services) -> None:
    client, schedule = by("operator"), add()
    for where in ("/admin/schedules/_live", f"/admin/schedules/{schedule.id}/_live"):
        first = client.get(where, headers=POLL)
        tag = {"HX-PTag": first.headers["HX-PTag"]}
        assert client.get(where, headers=POLL | tag).status_code == 304
    services.schedule_runner.run_now(schedule)
    assert client.get(where, headers=POLL | tag).status_code == 200


def test_an_open_page_says_that_its_schedule_was_deleted(by: By, add: Add, services: Services) -> None:
    client, schedule = by("operator"), add()
    services.schedules.delete(schedule.id)
    polled = client.get(f"/admin/schedules/{schedule.id}/_live", headers=POLL)
    assert polled.status_code == 410
    assert "This schedule was deleted." in polled.text
    assert client.get(f"/admin/schedules/{schedule.id}/_live").status_code == 404
    assert client.get(f"/admin/schedules/{schedule.id}").status_code == 404


def test_a_broken_schedule_is_still_shown(by: By, add: Add, services: Services) -> None:
    schedule = add()
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(zone="Mars/Base", type="gone", next_fire_at=None))
    client = by("admin")
    assert "No more runs" in client.get("/admin/schedules").text
    assert "Unknown time zone" in client.get(f"/admin/schedules/{schedule.id}").text
    assert client.get(f"/admin/schedules/{schedule.id}/edit").status_code == 409
