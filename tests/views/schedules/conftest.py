from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr

from webapp.accounts.user import User
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule
from webapp.services import Services


class Mirror(BaseModel):
    path: str = Field(title="Path")
    key: SecretStr = Field(title="Key")


class Table(BaseModel):
    table: Upload


@job_type("mirror", title="Mirror a folder")
def mirror(job: Any, payload: Mirror) -> None:
    """Copy it."""


@job_type("hire_all", title="Hire everybody", roles=("admin",))
def hire_all(job: Any, payload: Mirror) -> None:
    """Only admins may."""


@job_type("see_all", title="See everything", acts_as_owner=True)
def see_all(job: Any, payload: Mirror) -> None:
    """Show what the owner sees."""


@job_type("guarded", title="Ask who it is", asks_password=True)
def guarded(job: Any, payload: Mirror) -> None:
    """Only with a password."""


@job_type("read_table", title="Read a table")
def read_table(job: Any, payload: Table) -> None:
    """It needs a file."""


@pytest.fixture
def services(services: Services) -> Services:
    for one in (mirror, hire_all, see_all, guarded, read_table):
        services.registry.add(one)
    return services


@pytest.fixture
def add(services: Services) -> Callable[..., Schedule]:
    """Make a schedule of the type "mirror", every night; choices as `ScheduleDraft` takes them."""

    def add(name: str = "Nightly", type_name: str = "mirror", **choices: Any) -> Schedule:
        draft = ScheduleDraft(**{"name": name, "rule": "0 2 * * *", "zone": "Europe/Madrid", **choices})
        return services.schedules.add(type_name, {"path": "/srv", "key": "hush"}, draft)

    return add


@pytest.fixture
def by(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> Callable[[str], FlaskClient]:
    """Give the browser of somebody of this role."""
    return lambda role: client_of(person(role, role=role, full_name=f"The {role}"))
