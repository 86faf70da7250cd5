from uuid import uuid4

import pytest
from sqlalchemy import select

from webapp.db.engine import in_next_transaction, reading, taking_joined_row, writing
from webapp.db.joined_insert import JoinedInsert, JoinedRow
from webapp.schema import now, user_groups
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect(both=True)]


def test_a_row_is_inserted_at_the_end_of_the_next_transaction(services: Services, row: JoinedRow) -> None:
    with in_next_transaction(row), writing(services.engine):
        assert names(services) == []
    assert names(services) == ["Accounting"]


def test_a_row_that_was_taken_is_inserted_by_whoever_took_it(services: Services, row: JoinedRow) -> None:
    with in_next_transaction(row):
        with taking_joined_row() as taken, writing(services.engine):
            assert taken is row
        with writing(services.engine):
            pass
        with taking_joined_row() as taken:
            assert taken is None, "it is given once"
    assert names(services) == []


def test_a_row_whose_taker_fails_is_still_to_be_inserted(services: Services, row: JoinedRow) -> None:
    with in_next_transaction(row):
        with pytest.raises(RuntimeError), taking_joined_row():
            raise RuntimeError
        with writing(services.engine):
            pass
    assert names(services) == ["Accounting"]


def test_other_steps_cannot_be_taken(services: Services) -> None:
    done: list[object] = []
    with in_next_transaction(done.append), taking_joined_row() as taken, writing(services.engine):
        assert taken is None
    assert len(done) == 1


@pytest.fixture
def row() -> JoinedRow:
    return JoinedRow(JoinedInsert(user_groups, ("id", "name"), created_at=now()), {"id": uuid4(), "name": "Accounting"})


def names(services: Services) -> list[str]:
    with reading(services.engine) as connection:
        return list(connection.execute(select(user_groups.c.name)).scalars())
