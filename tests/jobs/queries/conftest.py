from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.jobs.queries.test_visible_jobs import ANAS
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Owner
from webapp.services import Services


class Order(BaseModel):
    """An order with a secret and nested values."""

    customer: str
    key: SecretStr = SecretStr("")
    lines: list[dict[str, Any]] = []


def _order(job: object, payload: Order) -> None: ...


@pytest.fixture
def order(services: Services) -> Callable[..., Job]:
    services.registry.add(job_type("order", title="Order")(_order))

    def order(customer: str, owner: Owner = ANAS, title: str = "", key: str = "", lines: Any = ()) -> Job:
        payload = {"customer": customer, "key": key, "lines": list(lines)}
        return services.jobs.create_job("order", payload, owner=owner, title=title or f"Order of {len(customer)}")

    return order
