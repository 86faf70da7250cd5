"""Nested models in the form of a job type: sections with their own fields, errors and values."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr, model_validator

from tests.views.forms.form_filling import sent
from tests.views.schedules.test_edit import FIELDS
from webapp.accounts.user import User
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job
from webapp.services import Services


class Period(BaseModel):
    first: int = Field(ge=1, le=12)
    last: int = 12

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.last < self.first:
            message = "the last month is before the first one"
            raise ValueError(message)
        return self


@dataclass
class Address:
    street: str
    city: str = "Madrid"


class Access(BaseModel):
    user: str
    password: SecretStr


class Delivery(BaseModel):
    access: Access | None = None
    address: Address


class Report(BaseModel):
    name: str
    period: Period = Field(title="Months", description="Both are included.")
    delivery: Delivery | None = None


@job_type("nested_report", title="Nested report", group="Samples")
def nested_report(job: Any, payload: Report) -> None:
    """Write a report."""


@pytest.fixture
def client(services: Services, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    services.registry.add(nested_report)
    return client_of(user)


VALID = {"name": "May", "period.first": "3", "period.last": "5", "delivery": ""}
DELIVERED = {
    **VALID,
    "delivery": "true",
    "delivery.address.street": "Gran Vía 1",
    "delivery.access": "true",
    "delivery.access.user": "ana",
    "delivery.access.password": "hush",
}


def post(client: FlaskClient, **fields: str) -> Any:
    return client.post("/jobs/new/nested_report", data=fields)


def started(answer: Any, services: Services) -> Job:
    assert answer.status_code == 303, answer.text
    return services.jobs.get(UUID(answer.location.rpartition("/")[2]))


def last_values(page: str, form: str) -> dict[str, str]:
    """Return what a browser sends: the last value of each name, because a switch that is on sends two."""
    fields = sent(re.sub(rf"(?s).*(<form class=\"{form}.*?</form>).*", r"\1", page))
    return {name: values[-1] for name, values in fields.lists()}


def errors(page: str) -> dict[str, str]:
    return dict(re.findall(r'<p class="error" id="field-([\w.]+)-error">(.*?)</p>', page))


def test_a_nested_model_is_a_section_with_its_fields(client: FlaskClient) -> None:
    page = client.get("/jobs/new/nested_report").text
    assert page.count("<fieldset") == 4
    assert "<legend>Months</legend>" in page
    assert "Both are included." in page
    assert re.search(r'<label for="field-period.first">First</label>', page)
    assert re.search(r'<input[^>]*id="field-period.first"[^>]*required', page)
    assert not re.search(r'<input[^>]*id="field-delivery.address.street"[^>]*required', page), "its section is optional"
    assert 'value="Madrid"' in page


def test_the_values_of_sections_are_nested_in_the_payload(client: FlaskClient, services: Services) -> None:
    plain = started(post(client, **VALID), services)
    assert plain.payload == {"name": "May", "period": {"first": 3, "last": 5}, "delivery": None}
    job = started(post(client, **DELIVERED), services)
    assert job.payload["delivery"]["address"] == {"street": "Gran Vía 1", "city": "Madrid"}
    assert job.payload["delivery"]["access"]["user"] == "ana"
    assert set(job.payload["delivery"]["access"]["password"]) == {"$secret"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"period.first": "13"}, {"period.first": "This must be 12 or less."}),
        ({"period.first": "x"}, {"period.first": "This must be a whole number."}),
        ({"period.first": ""}, {"period.first": "Fill in this field."}),
        ({"period.last": "2"}, {"period": "The last month is before the first one."}),
        ({"delivery.address.street": ""}, {"delivery.address.street": "Fill in this field."}),
        (
            {"delivery.access.user": "", "name": ""},
            {"delivery.access.user": "Fill in this field.", "name": "Fill in this field."},
        ),
    ],
)
def test_an_error_is_at_its_field(client: FlaskClient, change: dict[str, str], expected: dict[str, str]) -> None:
    answer = post(client, **{**DELIVERED, **change})
    assert answer.status_code == 422
    assert errors(answer.text) == expected


def test_the_summary_names_the_section_and_links_to_the_field(client: FlaskClient) -> None:
    page = post(client, **{**DELIVERED, "delivery.access.user": ""}).text
    assert '<a href="#field-delivery.access.user">Delivery: Access: User</a>: Fill in this field.' in page


def test_a_section_that_is_left_out_needs_no_values(client: FlaskClient, services: Services) -> None:
    left_out = {**DELIVERED, "delivery.access": "", "delivery.access.user": "", "delivery.access.password": ""}
    assert started(post(client, **left_out), services).payload["delivery"]["access"] is None
    nothing_of_it = {**left_out, "delivery": "", "delivery.address.street": ""}
    assert started(post(client, **nothing_of_it), services).payload["delivery"] is None


def test_a_refused_form_shows_what_was_entered(client: FlaskClient) -> None:
    fields = sent(post(client, **{**DELIVERED, "name": ""}).text)
    assert fields["delivery.address.street"] == "Gran Vía 1"
    assert fields.getlist("delivery") == ["", "true"]
    assert fields["delivery.access.password"] == ""


def test_a_job_with_sections_runs_again(client: FlaskClient, services: Services) -> None:
    job = started(post(client, **DELIVERED), services)
    page = client.get(f"/jobs/{job.id}/run-again").text
    fields = last_values(page, "card")
    assert (fields["period.first"], fields["delivery.access.user"]) == ("3", "ana")
    assert (fields["delivery.access.password"], "hush" in page) == ("", False)
    assert "secrets are not copied" in page
    answer = client.post(f"/jobs/{job.id}/run-again", data={**fields, "delivery.access.password": "hush"})
    again = started(answer, services)
    assert again.payload["period"] == job.payload["period"]


def test_the_page_of_the_job_shows_each_value_with_its_section(client: FlaskClient, services: Services) -> None:
    job = started(post(client, **DELIVERED), services)
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(f"/jobs/{job.id}").text))
    for line in ("Months: First 3", "Delivery: Address: Street Gran Vía 1", "Delivery: Access: Password •••••• hidden"):
        assert line in page
    whole = client.get(f"/jobs/{job.id}/parameters/delivery.address.street")
    assert whole.text == "Gran Vía 1"


def test_a_section_can_be_scheduled(client_of: Callable[[User], FlaskClient], admin: User, services: Services) -> None:
    services.registry.add(nested_report)
    admins = client_of(admin)
    assert "<legend>Months</legend>" in admins.get("/admin/schedules/new/nested_report").text
    timing = {name: value for name, value in FIELDS.items() if name.startswith("schedule-")}
    answer = admins.post("/admin/schedules/new/nested_report", data={**DELIVERED, **timing})
    assert answer.status_code == 303, answer.text
    schedule = services.schedules.get_by_name("Nightly")
    address = f"/admin/schedules/{schedule.id}/edit"
    fields = last_values(admins.get(address).text, "schedule-form")
    assert fields["delivery.access.password"] == ""
    saved = admins.post(address, data={**fields, "period.first": "4"})
    assert saved.status_code == 303, saved.text
    payload = services.schedules.get(schedule.id).payload
    assert payload["period"]["first"] == 4
    assert services.vault.decrypt(payload["delivery"]["access"]["password"]) == "hush"
