import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.jobs.schedules.test_cron_rule import BAD_RULES
from webapp.accounts.user import User
from webapp.jobs.definition.payload import load_payload
from webapp.jobs.schedules.schedule import Schedule
from webapp.services import Services

Add = Callable[..., Schedule]
By = Callable[[str], FlaskClient]
NEW = "/admin/schedules/new/mirror"
FIELDS = {
    "schedule-name": "Nightly",
    "schedule-rule": "0 2 * * 1-5",
    "schedule-zone": "Europe/Madrid",
    "schedule-missed": "skip",
    "schedule-whose": "public",
    "schedule-person": "",
    "schedule-queue": "",
    "schedule-priority": "",
    "path": "/srv",
    "key": "hush",
}


@pytest.fixture
def client(by: By) -> FlaskClient:
    return by("admin")


def secret(services: Services, schedule: Schedule) -> str:
    payload: Any = load_payload(services.registry.get(schedule.type), schedule.payload, services.vault)
    return str(payload.key.get_secret_value())


def test_types_that_require_a_file_are_not_offered(client: FlaskClient) -> None:
    page = client.get("/admin/schedules/new").text
    assert f'href="{NEW}">Mirror a folder</a>' in page
    assert "Read a table" not in page
    assert client.get("/admin/schedules/new/read_table").status_code == 404
    assert client.get("/admin/schedules/new/guarded").status_code == 404, "nobody is there to type a password"
    assert client.get("/admin/schedules/new/unknown").status_code == 404


@pytest.mark.usefixtures("database")
def test_a_valid_form_adds_a_schedule(client: FlaskClient, services: Services) -> None:
    answer = client.post(
        NEW, data=FIELDS | {"schedule-one_at_a_time": "1", "schedule-priority": "7", "schedule-tags": "B, a"}
    )
    made = services.schedules.get_by_name("Nightly")
    assert (answer.status_code, answer.location) == (303, f"/admin/schedules/{made.id}")
    assert (made.rule.text, made.rule.zone, made.missed) == ("0 2 * * 1-5", "Europe/Madrid", "skip")
    assert (made.one_at_a_time, made.priority, made.queue, made.owner.public) == (True, 7, None, True)
    assert made.tags == ("a", "b")
    assert 'value="a, b"' in client.get(f"/admin/schedules/{made.id}/edit").text
    assert (made.payload["path"], secret(services, made)) == ("/srv", "hush")
    admin = services.accounts.by_name("admin")
    assert admin is not None
    assert made.created_by == admin.id


def test_a_user_can_own_the_jobs_of_a_schedule(client: FlaskClient, services: Services, user: User) -> None:
    assert client.post(NEW, data=FIELDS | {"schedule-whose": "person", "schedule-person": "ANA"}).status_code == 303
    made = services.schedules.get_by_name("Nightly")
    assert made.owner.user_id == user.id
    page = client.get(f"/admin/schedules/{made.id}/edit").text
    assert 'value="ana"' in page
    assert "Ana Ruiz" in client.get(f"/admin/schedules/{made.id}").text


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        *(({"schedule-rule": text}, "rule", said) for text, said in BAD_RULES.items() if text),
        ({"schedule-rule": ""}, "rule", "this one has 0"),
        ({"schedule-zone": "Mars/Base"}, "zone", "Unknown time zone"),
        ({"schedule-zone": "../../etc/passwd"}, "zone", "Unknown time zone"),
        ({"schedule-name": " "}, "name", "A name must be one line"),
        ({"schedule-queue": "typo"}, "queue", "There is no queue"),
        ({"schedule-priority": "high"}, "priority", "A priority must be a number from 0 to 10,000"),
        ({"schedule-priority": "10001"}, "priority", "A priority must be a number from 0 to 10,000"),
        ({"schedule-whose": "person", "schedule-person": "nobody"}, "person", "No active account"),
        ({"schedule-missed": "never"}, "missed", "The policy for missed runs must be one of"),
    ],
    ids=str,
)
def test_an_invalid_form_shows_errors_and_stores_nothing(
    client: FlaskClient, services: Services, wrong: dict[str, str], field: str, sentence: str
) -> None:
    answer = client.post(NEW, data=FIELDS | wrong)
    assert answer.status_code == 422
    assert "One field needs attention" in answer.text
    assert sentence in answer.text.replace("&#39;", "'").replace("&lt;", "<")
    assert f'href="#schedule-{field}"' in answer.text
    assert 'value="/srv"' in answer.text, "nothing that was typed is lost"
    assert "hush" not in answer.text
    assert services.schedules.all() == ()


def test_errors_of_the_schedule_and_the_payload_are_shown_together(client: FlaskClient) -> None:
    answer = client.post(NEW, data=FIELDS | {"schedule-rule": "H", "path": "", "key": ""})
    assert answer.status_code == 422
    assert "fields need attention" in answer.text
    for link in ("#schedule-rule", "#field-key"):
        assert f'href="{link}"' in answer.text


def test_a_name_in_use_is_refused(client: FlaskClient, add: Add) -> None:
    add()
    assert "A schedule named" in client.post(NEW, data=FIELDS).text


def test_an_empty_secret_field_keeps_the_stored_secret(client: FlaskClient, services: Services, add: Add) -> None:
    old = add()
    here = f"/admin/schedules/{old.id}/edit"
    page = client.get(here).text
    assert "Leave a secret empty to keep its value." in page
    assert "hush" not in page
    assert client.post(here, data=FIELDS | {"version": "1", "key": "", "path": "/new"}).status_code == 303
    changed = services.schedules.get(old.id)
    assert (changed.payload["path"], secret(services, changed), changed.rule.text) == ("/new", "hush", "0 2 * * 1-5")
    assert client.post(here, data=FIELDS | {"version": "2", "key": "other"}).status_code == 303
    assert secret(services, services.schedules.get(old.id)) == "other"


def test_a_stale_form_is_refused_and_changes_nothing(client: FlaskClient, services: Services, add: Add) -> None:
    old = services.schedules.resume(services.schedules.pause(add()))
    answer = client.post(f"/admin/schedules/{old.id}/edit", data=FIELDS | {"version": "1", "schedule-name": "Other"})
    assert answer.status_code == 422
    assert "was changed by someone else" in answer.text
    assert services.schedules.get(old.id) == old


def test_the_preview_shows_the_next_runs(client: FlaskClient) -> None:
    typed = {"schedule-rule": "30 9 1 1 *", "schedule-zone": "America/New_York"}
    shown = client.get("/admin/schedules/_preview", query_string=typed).text
    assert "On day 1 of the month at 09:30, in January" in shown
    assert len(re.findall(r"1 Jan \d{4}, 09:30", shown)) == 5
    assert shown.count("14:30</time>") == 5, "on the reader's clock, too"
    wrong = client.get("/admin/schedules/_preview", query_string=typed | {"schedule-rule": "H"}).text
    assert "needs five fields" in wrong


def test_without_javascript_a_button_shows_the_preview(client: FlaskClient, services: Services) -> None:
    answer = client.post(NEW, data=FIELDS | {"schedule-name": "", "preview": "1"})
    assert answer.status_code == 200
    assert "Monday to Friday at 02:00" in answer.text
    assert 'value="/srv"' in answer.text
    assert services.schedules.all() == ()
