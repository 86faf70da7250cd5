from sqlalchemy import func, select

from webapp.db.engine import reading
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.rehearsal import rehearse
from webapp.schema import attempts, events, jobs, leases
from webapp.services import Services

HOLDER = Holder(host="here", boot_id="now", worker="a worker", pid=1)


def test_a_rehearsal_leaves_nothing(services: Services) -> None:
    rehearse(services.claims, services.leases, HOLDER)
    with reading(services.engine) as connection:
        for table in (jobs, attempts, events, leases):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0, table.name


def test_it_wakes_nobody_and_takes_no_queued_job(services: Services) -> None:
    job = services.jobs.create_job("nothing")
    rehearse(services.claims, services.leases, HOLDER)
    assert services.jobs.get(job.id) == job
