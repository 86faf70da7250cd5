from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import event, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Owner
from webapp.schema import events
from webapp.services import Services

People = Callable[[], UUID]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


def test_a_single_job_gets_the_turn_that_a_job_of_many_would_get(services: Services, people: People) -> None:
    ana, ben = people(), people()
    services.jobs.create_many("nothing", [{}] * 3, owner=Owner(user_id=ana))
    assert services.jobs.create_job("nothing", owner=Owner(user_id=ana)).fair == 3
    assert services.jobs.create_job("nothing", owner=Owner(user_id=ben)).fair == 0
    assert services.jobs.create_job("nothing", owner=Owner(user_id=ben)).fair == 1
    assert services.jobs.create_job("nothing").fair == 0, "the system takes turns too"
    assert services.jobs.create_job("nothing", priority=200).fair == 0, "each priority has its own turns"


def test_the_returned_job_is_the_row(services: Services, people: People) -> None:
    job = services.jobs.create_job("nothing", title="A title", owner=Owner(user_id=people()), unique_key="a key")
    assert job == services.jobs.get(job.id)


def test_its_creation_is_an_event_of_the_user_who_caused_it(services: Services, make: Callable[..., Job]) -> None:
    user_id = UUID(int=7)
    job = make(triggered_by=user_id)
    with reading(services.engine) as connection:
        [row] = connection.execute(select(events).where(events.c.job_id == job.id)).all()
    assert (row.name, row.attempt, row.actor_id, row.detail) == ("created", 0, user_id, "")


def test_creating_a_job_takes_few_statements(services: Services, database: str) -> None:
    statements: list[str] = []
    services.jobs.create_job("nothing")

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(services.engine, "before_cursor_execute", note)
    services.jobs.create_job("nothing")
    event.remove(services.engine, "before_cursor_execute", note)
    # whether types are disabled; the job with its turn; its event; the job as it is written
    assert len(statements) == (4 if database == "sqlite" else 3), statements
