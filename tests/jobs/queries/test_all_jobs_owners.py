"""Jobs are counted by owner without reading all of them."""

from uuid import uuid4

import pytest

from tests.jobs.queries.test_visible_jobs import ANA, BEN, many
from tests.jobs.statements import recorded
from webapp.jobs.queries import all_jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_jobs_are_counted_by_owner_up_to_a_ceiling_in_one_statement(services: Services) -> None:
    other_id = uuid4()
    many(services, 7, owner=ANA.user_id)
    with recorded(services.engine) as statements:
        found = all_jobs.count_by_owner(services.engine, [ANA.user_id, BEN.user_id, other_id], ceiling=5)
    assert found == {ANA.user_id: 5, BEN.user_id: 0, other_id: 0}
    assert len([statement for statement, _ in statements if "FROM" in statement]) == 1
    assert all_jobs.count_by_owner(services.engine, []) == {}
