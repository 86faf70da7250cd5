import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import Nothing
from tests.jobs.execution.conftest import Create, reports_everything
from webapp.accounts.accounts import Accounts
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.by_hand.dry_run import (
    DryRunContext,
    DryRunFiles,
    DryRunLine,
    DryRunPartialFile,
    DryRunReporter,
)
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.pruner import Pruner
from webapp.jobs.model.job import Owner, Status
from webapp.jobs.store import step_rows
from webapp.jobs.store.step_rows import Step
from webapp.schema import jobs, metadata
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def dry_run(services: Services, job_id: UUID, shown: list[str]) -> bool:
    return services.dry_run(job_id, lambda line: shown.append(str(line)))


def stored_rows_and_files(services: Services) -> dict[str, Any]:
    """Read every row of every table, and every file with its hash."""
    with reading(services.engine) as connection:
        rows = {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}
    paths = set(services.files.folder.rglob("*"))
    return {**rows, "paths": paths, "hashes": {p: sha256(p.read_bytes()).hexdigest() for p in paths if p.is_file()}}


@pytest.mark.parametrize("status", list(Status))
def test_a_dry_run_shows_every_report_and_changes_nothing(services: Services, create: Create, status: Status) -> None:
    job = create(reports_everything)
    services.files.receive(BytesIO(b"there"), "there.txt")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status=status.value))
    before, shown = stored_rows_and_files(services), []
    assert dry_run(services, job.id, shown) is True
    assert stored_rows_and_files(services) == before
    assert shown[:8] == [
        "progress: 42.86 % (3 of 7)",
        "message: on",
        "warning: odd",
        "info: a line",
        'state: {"row": 3}',
        'metadata: {"a": 1}',
        "file: a.txt, 3 bytes, text/plain",
        "file: b.txt, 5 bytes, text/plain",
    ]
    assert "dependent job: nothing" in shown
    assert {"step: count: [1, 2]", 'step: note: "noted"'} <= set(shown)
    assert {"job of a flow: Flow: second, nothing, after first", "job of a flow: Flow: first, nothing"} <= set(shown)
    assert shown[-2:] == ["child job: nothing, Nothing", "It would complete."]


def test_a_failing_dry_run_shows_the_error(services: Services, create: Create) -> None:
    def fails(job: JobContext, payload: Nothing) -> None:
        raise JobError("The sheet has no rows.")

    def breaks(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    job, shown = create(fails), []
    before = stored_rows_and_files(services)
    assert dry_run(services, job.id, shown) is False
    services.registry.add(job_type("handled", title="Handled", replaces=True)(breaks))
    assert dry_run(services, job.id, shown) is False
    assert shown[0] == "It would fail: The sheet has no rows."
    assert "Traceback" in shown[1]
    assert shown[2] == "It would fail: ValueError: broken"
    assert stored_rows_and_files(services) == before


def test_a_dry_run_rejects_writes_to_the_database(services: Services, create: Create) -> None:
    def adds(job: JobContext, payload: Nothing, accounts: Accounts) -> None:
        accounts.add("eve", "a long enough password", role="user")

    def removes(job: JobContext, payload: Nothing, pruner: Pruner) -> None:
        pruner.sweep_orphans()
        pruner.prune()

    for handler in (adds, removes):
        job, shown = create(handler), []
        before = stored_rows_and_files(services)
        assert dry_run(services, job.id, shown) is False
        assert shown[-1] == "It tried to write to the database, which a dry run does not allow."
        assert stored_rows_and_files(services) == before


def test_a_dry_run_fails_if_the_owner_is_missing(services: Services, create: Create) -> None:
    services.registry.add(job_type("handled", title="Handled", replaces=True)(reports_everything))
    job, shown = services.jobs.create_job("handled", owner=Owner(user_id=uuid4())), []
    assert dry_run(services, job.id, shown) is False
    assert "missing or disabled" in shown[0]


def test_a_dry_run_shows_when_the_job_would_run_again(services: Services, create: Create) -> None:
    def later(job: JobContext, payload: Nothing) -> None:
        raise job.retry_later(timedelta(minutes=5), "The bank is closed.")

    job, shown = create(later), []
    assert dry_run(services, job.id, shown) is True
    assert shown == ["It would run again after 0:05:00: The bank is closed."]


def test_the_error_of_a_dry_run_can_be_debugged(services: Services, create: Create) -> None:
    def breaks(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    errors: list[BaseException] = []
    lines: list[DryRunLine] = []
    assert services.dry_run(create(breaks).id, lines.append, debug=errors.append) is False
    assert [line.kind for line in lines] == ["traceback", "result"]
    assert errors[0].__traceback__ is not None


@pytest.mark.parametrize("replacement", [DryRunReporter, DryRunContext, DryRunPartialFile, DryRunFiles])
def test_every_method_of_a_replacement_overrides_one(replacement: type) -> None:
    (original,) = replacement.__bases__
    methods = [name for name, value in vars(replacement).items() if callable(value) and name != "show"]
    assert [name for name in methods if not hasattr(original, name)] == []


def test_a_dry_run_starts_no_thread(services: Services, create: Create) -> None:
    def counts_threads(job: JobContext, payload: Nothing) -> None:
        job.progress(1)
        assert not job.stop_requested
        assert "reporter" not in {thread.name for thread in threading.enumerate()}

    assert services.dry_run(create(counts_threads).id, lambda _: None) is True


def test_a_dry_run_goes_on_behind_the_steps_and_writes_in_none(services: Services, create: Create) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.step("kept", pytest.fail, "it ran")
        job.step_in_transaction("written", lambda connection: connection.execute(update(jobs).values(title="no")))

    job, at = create(handler), datetime.now(UTC)
    kept = Step(name="kept", place=1, attempt=1, started_at=at, finished_at=at, result=None)
    with writing(services.engine) as connection:
        step_rows.insert(connection, job.id, kept)
    shown: list[str] = []
    assert dry_run(services, job.id, shown) is False
    assert shown[-1] == "It tried to write to the database, which a dry run does not allow."
    assert services.queries.steps.of(job.id) == (kept,)
