"""`deskjob maintain` runs the chores of the clock and the pruner once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import text, update

from tests.databases import BY_MONTH
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.month_partitions import TABLES, months_of_jobs
from webapp.jobs.model.policies import FOREVER, Retention
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobtypes.maintenance import Maintenance
from webapp.schema import jobs, later
from webapp.services import Services

OLD = later(-timedelta(days=31).total_seconds())


@pytest.fixture
def old(services: Services) -> Callable[[str], object]:
    """Add a job of a type that ended 31 days ago; return its id."""

    def kept(job: JobContext, payload: Maintenance) -> None:
        pass

    services.registry.add(job_type("kept", title="Kept", keep=Retention(completed=FOREVER))(kept))

    def old(type_name: str) -> object:
        job = services.jobs.create_system_job(type_name)
        with writing(services.engine) as connection:
            done = update(jobs).where(jobs.c.id == job.id).values(status="completed", finished_at=OLD)
            connection.execute(done)
        return job.id

    return old


def test_old_jobs_are_deleted_unless_their_type_keeps_them(
    services: Services, run: Callable[..., Result], old: Callable[[str], object]
) -> None:
    gone, kept = old("maintenance"), old("kept")
    assert "Would delete 1 old jobs." in run("maintain", "--dry-run").output
    assert services.jobs.get(gone)
    result = run("maintain")
    assert (result.exit_code, "Deleted 1 old jobs." in result.output) == (0, True), result.output
    with pytest.raises(JobNotFound):
        services.jobs.get(gone)
    assert services.jobs.get(kept)


class TestPartitions:
    """An installation whose tables have partitions by month."""

    @pytest.fixture
    def database(self) -> str:
        return BY_MONTH

    def test_partitions_for_the_next_months_are_added(
        self, services: Services, run: Callable[..., Result], database: str
    ) -> None:
        following = services.pruner.months.current().after()
        with writing(services.engine) as connection:
            for table in reversed(TABLES):
                connection.execute(text(f"DROP TABLE {table}_{following} CASCADE"))
        assert "partitions" not in run("maintain", "--dry-run").output
        assert "Added partitions for 1 month." in run("maintain").output
        with reading(services.engine) as connection:
            assert following in months_of_jobs(connection)
