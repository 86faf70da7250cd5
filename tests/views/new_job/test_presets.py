"""What fills a form by one click: presets, the values of the last time, favourites."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr

from webapp.accounts.user import User
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Status
from webapp.services import Services


class Letter(BaseModel):
    name: str = Field(min_length=3)
    copies: int = 1
    key: SecretStr | None = None


@job_type("letter", title="Letter", group="Letters", replaces=True)
def letter(job: Any, payload: Letter) -> None:
    """Write."""


@pytest.fixture(autouse=True)
def _letters(services: Services) -> None:
    services.registry.add(letter)


def save(client: FlaskClient, **fields: str) -> Any:
    typed = {"name": "Ana", "copies": "3", "key": "quiet rivers", "job.preset_name": "Monthly", **fields}
    return client.post("/jobs/new/letter", data={**typed, "job.save_preset": "1"})


def test_a_preset_is_saved_without_secrets_and_fills_the_form(
    client: FlaskClient, services: Services, user: User
) -> None:
    saved = save(client)
    assert saved.status_code == 200
    assert "The preset “Monthly” was saved." in saved.text
    assert 'value="Ana"' in saved.text, "the form is as it was"
    (preset,) = services.form_presets.visible_to(user, "letter")
    assert preset.values == {"name": "Ana", "copies": "3"}
    assert not services.queries.jobs.last_of_type(user.id, "letter"), "no job was started"
    page = client.get("/jobs/new/letter").text
    assert f'href="/jobs/new/letter?preset={preset.id}"><strong>Monthly</strong>' in page
    assert 'value="Ana"' not in page
    filled = client.get(f"/jobs/new/letter?preset={preset.id}").text
    assert 'value="Ana"' in filled
    assert 'value="3"' in filled
    assert "The form shows the values of the preset “Monthly”." in filled
    assert f'preset={preset.id}" aria-current="true"' in filled


def test_values_that_would_not_start_a_job_can_be_saved(client: FlaskClient, services: Services, user: User) -> None:
    assert save(client, name="").status_code == 200
    (preset,) = services.form_presets.visible_to(user, "letter")
    assert preset.values["copies"] == "3"


def test_a_bad_name_is_refused_and_nothing_is_lost(client: FlaskClient) -> None:
    answer = save(client, **{"job.preset_name": " "})
    assert answer.status_code == 422
    assert "A preset needs a name of 1 to 60 characters on one line." in answer.text
    assert 'value="Ana"' in answer.text


def test_a_shared_preset_is_offered_to_others_who_cannot_delete_it(
    client: FlaskClient,
    client_of: Callable[[User], FlaskClient],
    person: Callable[..., User],
    services: Services,
    user: User,
) -> None:
    save(client, **{"job.preset_shared": "1"})
    (preset,) = services.form_presets.visible_to(user, "letter")
    other = client_of(person("ben"))
    page = other.get("/jobs/new/letter").text
    assert "Monthly" in page
    assert f"presets/{preset.id}/delete" not in page
    assert other.post(f"/jobs/new/presets/{preset.id}/delete").status_code == 404
    assert client.post(f"/jobs/new/presets/{preset.id}/delete").location == "/jobs/new/letter"
    assert "Monthly" not in other.get("/jobs/new/letter").text


def test_the_values_of_the_last_time_are_offered_without_secrets(
    client: FlaskClient, put: Callable[..., Job], services: Services
) -> None:
    assert "Values of last time" not in client.get("/jobs/new/letter").text
    secret = services.vault.encrypt(SecretStr("quiet rivers"))
    put(Status.COMPLETED, type="letter", payload={"name": "Old"})
    put(Status.COMPLETED, type="letter", payload={"name": "Latest", "copies": 7, "key": secret})
    assert "Values of last time" in client.get("/jobs/new/letter").text
    filled = client.get("/jobs/new/letter?values=last").text
    assert 'value="Latest"' in filled
    assert 'value="7"' in filled
    assert "quiet rivers" not in filled


def test_favourites_come_first_in_the_catalogue(client: FlaskClient) -> None:
    def headings() -> list[str]:
        return [
            part.partition("</h2>")[0].rpartition(">")[2]
            for part in client.get("/jobs/new").text.split('<h2 id="group-')[1:]
        ]

    assert "Favourites" not in headings()
    assert client.post("/jobs/new/letter/favourite").status_code == 303
    assert headings()[0] == "Favourites"
    assert headings().count("Letters") == 1
    client.post("/jobs/new/letter/favourite")
    assert "Favourites" not in headings()
    assert client.post("/jobs/new/unknown/favourite").status_code == 404
