"""Users' own schedules: what they can do with them, within which limits, and what others see of them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.definition.payload import load_payload
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.schedules.schedule import Schedule
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
By = Callable[[str], FlaskClient]
NEW = "/me/schedules/new/mirror"
FIELDS = {
    "schedule-name": "Mine",
    "schedule-every": "week",
    "schedule-weekday": "1",
    "schedule-time": "08:30",
    "schedule-zone": "Europe/Madrid",
    "schedule-missed": "once",
    "path": "/srv",
    "key": "hush",
}


@pytest.fixture
def client(by: By) -> FlaskClient:
    return by("user")


@pytest.fixture
def mine(client: FlaskClient, services: Services) -> Callable[..., Schedule]:
    """Add a schedule with the form, as the user; return it."""

    def add(**fields: str) -> Schedule:
        answer = client.post(NEW, data=FIELDS | {f"schedule-{name}": value for name, value in fields.items()})
        assert answer.status_code == 303, answer.text
        return next(each for each in services.schedules.all() if answer.location.endswith(str(each.id)))

    return add


def account(services: Services, name: str = "user") -> User:
    found = services.accounts.by_name(name)
    assert found
    return found


def key_of(services: Services, schedule: Schedule) -> str:
    payload: Any = load_payload(services.registry.get(schedule.type), schedule.payload, services.vault)
    return str(payload.key.get_secret_value())


def test_a_user_adds_a_schedule_whose_jobs_are_the_users_own(
    mine: Callable[..., Schedule], client: FlaskClient, services: Services
) -> None:
    made, user = mine(whose="public", queue="default", priority="9000", tags="b, a"), account(services)
    assert (made.rule.text, made.rule.zone, made.owner) == ("30 8 * * 1", "Europe/Madrid", Owner(user_id=user.id))
    assert (made.created_by, made.queue, made.priority, made.tags) == (user.id, None, None, ("a", "b"))
    listed = client.get("/me/schedules").text
    assert f'href="/me/schedules/{made.id}">Mine</a>' in listed
    assert "Owner of the jobs" not in client.get(f"/me/schedules/{made.id}/edit").text
    job_page = client.post(f"/me/schedules/{made.id}/run-now").location
    [job] = services.queries.all_jobs.newest(2)
    assert (job_page, job.owner, job.priority) == (f"/jobs/{job.id}", made.owner, 100)
    assert f'href="/me/schedules/{made.id}">Mine</a>' in client.get(job_page).text


def test_the_form_of_a_job_begins_a_schedule_with_what_was_typed(client: FlaskClient) -> None:
    assert f'formaction="{NEW}"' in client.get("/jobs/new/mirror").text
    begun = client.post(NEW, data={"path": "/typed", "key": "", "job.tags": "weekly", "repeat": "1"})
    assert begun.status_code == 200
    assert ('value="/typed"' in begun.text, 'value="weekly"' in begun.text) == (True, True)
    assert 'value="Mirror a folder"' in begun.text, "a name is suggested"
    assert client.get("/jobs/new/read_table").status_code == 200
    assert "Repeat on a schedule" not in client.get("/jobs/new/read_table").text


def test_an_own_job_is_repeated_with_its_input_and_its_secret(client: FlaskClient, services: Services, by: By) -> None:
    owner = Owner(user_id=account(services).id)
    job = services.jobs.create_job("mirror", {"path": "/of the job", "key": "hush"}, owner=owner, tags=["fast"])
    address = f"{NEW}?job={job.id}"
    assert f'href="{address}"' in client.get(f"/jobs/{job.id}").text
    form = client.get(address).text
    assert ('value="/of the job"' in form, 'value="fast"' in form, "hush" in form) == (True, True, False)
    assert f'action="{address}"' in form
    assert client.post(address, data=FIELDS | {"path": "/of the job", "key": ""}).status_code == 303
    assert key_of(services, services.schedules.get_by_name("Mine")) == "hush"
    operator = by("operator")
    assert "Repeat on a schedule" not in operator.get(f"/jobs/{job.id}").text, "its secret is the owner's"
    assert operator.post(address, data=FIELDS | {"key": ""}).status_code == 422


def test_limits_have_a_sentence_and_nothing_is_lost(
    mine: Callable[..., Schedule], client: FlaskClient, services: Services
) -> None:
    often = client.post(NEW, data=FIELDS | {"schedule-every": "rule", "schedule-rule": "*/10 * * * *"})
    assert (often.status_code, "Runs must be at least 60 minutes apart." in often.text) == (422, True)
    for number in range(services.settings.own_schedules):
        mine(name=f"Number {number}")
    full = client.post(NEW, data=FIELDS | {"schedule-name": "One more"})
    assert (full.status_code, "You already have 10 schedules, the maximum." in full.text) == (422, True)
    assert 'value="One more"' in full.text
    assert len(services.schedules.all()) == services.settings.own_schedules


@pytest.mark.parametrize("type_name", ["hire_all", "guarded", "read_table", "unknown"])
def test_a_type_that_the_user_cannot_start_or_schedule_does_not_exist_there(
    client: FlaskClient, services: Services, type_name: str
) -> None:
    assert client.post(f"/me/schedules/new/{type_name}", data=FIELDS).status_code == 404
    assert f"new/{type_name}" not in client.get("/me/schedules/new").text
    assert services.schedules.all() == ()


def test_a_user_pauses_resumes_edits_and_deletes_an_own_schedule(
    mine: Callable[..., Schedule], client: FlaskClient, services: Services
) -> None:
    schedule = mine()
    here = f"/me/schedules/{schedule.id}"
    assert client.post(f"{here}/pause", data={"reason": "Holiday"}).location == here
    assert "Holiday" in client.get(here).text
    assert client.post(f"{here}/resume").location == here
    changed = FIELDS | {"schedule-every": "day", "key": "", "version": str(services.schedules.get(schedule.id).version)}
    assert client.post(f"{here}/edit", data=changed).location == here
    assert services.schedules.get(schedule.id).rule.text == "30 8 * * *"
    assert key_of(services, services.schedules.get(schedule.id)) == "hush"
    assert client.post(f"{here}/remove").location == "/me/schedules"
    assert "No schedules yet" in client.get("/me/schedules").text


def test_others_have_no_page_for_it_and_admins_see_whose_it_is(
    mine: Callable[..., Schedule], by: By, person: Callable[..., User], client_of: Callable[[User], FlaskClient]
) -> None:
    schedule, stranger, admin = mine(), client_of(person("stranger")), by("admin")
    for page in ("", "/edit", "/pause", "/remove"):
        assert stranger.get(f"/me/schedules/{schedule.id}{page}").status_code == 404
    assert stranger.post(f"/me/schedules/{schedule.id}/run-now").status_code == 404
    assert "The user" in admin.get("/admin/schedules").text
    assert admin.get(f"/me/schedules/{schedule.id}").location == f"/admin/schedules/{schedule.id}"
    assert "Mine" not in admin.get("/me/schedules").text
    assert admin.post(f"/admin/schedules/{schedule.id}/pause").status_code == 303


def test_a_schedule_of_a_disabled_account_says_that_it_starts_no_jobs(
    mine: Callable[..., Schedule], by: By, services: Services
) -> None:
    schedule, admin = mine(), by("admin")
    here = f"/admin/schedules/{schedule.id}"
    assert "It starts no jobs at the moment." not in admin.get(here).text
    services.accounts.disable("user")
    page = admin.get(here).text
    assert "It starts no jobs at the moment." in page
    assert "The account of the owner of its jobs is disabled." in page
    refused = admin.post(f"{here}/run-now")
    assert (refused.status_code, "is disabled" in refused.text) == (409, True)
    assert services.queries.all_jobs.newest(1) == ()


def test_schedules_of_users_can_be_turned_off(
    client: FlaskClient, services: Services, by: By, put: Callable[..., Job]
) -> None:
    object.__setattr__(services.settings, "own_schedules", 0)
    owner = Owner(user_id=account(services).id)
    job = put(Status.COMPLETED, type="mirror", payload={"path": "/srv"}, owner=owner)
    for page in ("/jobs/new/mirror", f"/jobs/{job.id}"):
        assert "Repeat on a schedule" not in client.get(page).text
    assert "Users cannot add schedules here." in client.get("/me/schedules").text
    refused = client.post(NEW, data=FIELDS)
    assert (refused.status_code, "Users cannot add schedules here." in refused.text) == (422, True)
    assert "Repeat on a schedule" in by("admin").get("/jobs/new/mirror").text
