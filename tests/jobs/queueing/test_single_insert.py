from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import row_of
from webapp.db.engine import reading, writing
from webapp.db.joined_insert import JoinedRow
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.lifecycle import create
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.queueing.single_insert import is_insertable
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import audit, events
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
    due = datetime(2990, 1, 1, tzinfo=ZoneInfo("Europe/Madrid"))
    choices = {"title": "A title", "unique_key": "a key", "priority": 7, "max_attempts": 3, "tolerant": True}
    job = services.jobs.create_job("nothing", owner=Owner(user_id=people()), run_at=due, **choices)
    assert job == services.jobs.get(job.id)
    assert str(job.run_at) == str(services.jobs.get(job.id).run_at), "in UTC too"
    for other in ({"dispatch": False}, {"delay": timedelta(hours=1)}, {"request_key": "key"}, {"after": [job.id]}):
        made = services.jobs.create_job("nothing", **other)
        assert made == services.jobs.get(made.id), other


def test_every_value_of_a_new_job_is_written(services: Services, people: People) -> None:
    """Also of the columns that `insert_single` leaves to the database."""
    model = services.jobs.create_job("nothing", owner=Owner(user_id=people()))
    usual, unusual = replace(model, id=uuid4()), replace(model, id=uuid4(), message="Copied", state={"at": 3})
    assert (is_insertable(usual), is_insertable(unusual)) == (True, False)
    for job in (usual, unusual):
        with writing(services.engine) as connection:
            create.insert_jobs(connection, services.jobs.store, [job])
        written = services.jobs.get(job.id)
        assert replace(written, created_at=job.created_at, fair=job.fair) == job


def test_a_disabled_type_is_refused_by_the_insert(services: Services, make: Callable[..., Job]) -> None:
    root = make()
    services.disabled_types.disable("nothing", reason="Broken")
    with pytest.raises(TypeDisabled, match="Broken"):
        make()
    assert services.jobs.create_child_job(root.id, "nothing").root_id == root.id, "its root was created before"
    services.disabled_types.enable("nothing")
    assert make().type == "nothing"


def test_a_job_and_what_is_recorded_with_it_are_written_together(services: Services) -> None:
    def fail(_connection: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        services.jobs.create_or_find_job("nothing", record=lambda _job: fail)
    assert services.queries.all_jobs.newest(1) == ()


def test_its_creation_is_an_event_of_the_user_who_caused_it(services: Services, make: Callable[..., Job]) -> None:
    user_id = UUID(int=7)
    job = make(triggered_by=user_id)
    with reading(services.engine) as connection:
        [row] = connection.execute(select(events).where(events.c.job_id == job.id)).all()
    assert (row.name, row.attempt, row.actor_id, row.detail) == ("created", 0, user_id, "")


@pytest.mark.dialect(both=True)
def test_creating_a_job_takes_few_statements(services: Services, database: str) -> None:
    statements: list[str] = []
    services.jobs.create_job("nothing")

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(services.engine, "before_cursor_execute", note)
    services.jobs.create_job("nothing")
    event.remove(services.engine, "before_cursor_execute", note)
    # the job with its turn, unless its type is disabled; its event
    assert statements == (["INSERT", "INSERT"] if database == "sqlite" else ["WITH"])


@pytest.mark.dialect(both=True)
def test_a_line_of_the_audit_log_takes_no_statement_of_its_own_on_postgresql(services: Services, database: str) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split(maxsplit=1)[0])

    event.listen(services.engine, "before_cursor_execute", note)
    created = services.jobs.create_or_find_job("nothing", record=audit_line)
    event.remove(services.engine, "before_cursor_execute", note)
    assert statements == (["INSERT"] * 3 if database == "sqlite" else ["WITH"])
    assert lines_of(services) == [(str(created.job.id), {"type": "nothing"})]


def test_no_line_is_written_about_a_job_that_is_not_created(services: Services) -> None:
    services.disabled_types.disable("nothing", reason="Broken")
    with pytest.raises(TypeDisabled):
        services.jobs.create_or_find_job("nothing", record=audit_line)
    services.disabled_types.enable("nothing")
    holder = services.jobs.create_job("nothing", unique_key="one")
    for policy in OnDuplicate:
        with suppress(DuplicateJob):
            services.jobs.create_or_find_job("nothing", unique_key="one", on_duplicate=policy, record=audit_line)
    [waiting] = [job for job in services.queries.all_jobs.newest(9) if job.id != holder.id]
    assert lines_of(services) == [(str(waiting.id), {"type": "nothing"})], "only about the one that waits"


def audit_line(job: Job) -> JoinedRow:
    who = AuditActor(name="ana", role="user", address="127.0.0.1")
    details = {"name": job.title, "after": {"type": job.type}}
    return row_of(AuditLine(actor=who, action=AuditAction.JOB_CREATE, kind=AuditTarget.JOB, id=str(job.id), **details))


def lines_of(services: Services) -> list[tuple[str, object]]:
    query = select(audit.c.object_id, audit.c.after).where(audit.c.action == AuditAction.JOB_CREATE.value)
    with reading(services.engine) as connection:
        return [tuple(row) for row in connection.execute(query)]
