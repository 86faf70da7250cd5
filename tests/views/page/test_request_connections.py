"""A page takes one connection from the pool for all its queries."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from webapp.services import Services


@pytest.mark.parametrize("path", ["/jobs", "/jobs/_live", "/notices", "/jobs/new"])
def test_a_page_takes_one_connection(client: FlaskClient, services: Services, path: str, database: str) -> None:
    taken: list[object] = []
    event.listen(services.engine, "checkout", lambda *parts: taken.append(parts))
    assert client.get(path).status_code == 200
    assert len(taken) == 1
    assert services.engine.pool.checkedout() == 0
