"""job stack: ask the worker of a job where it hangs."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import Result

from tests.installation import wait_for
from webapp.accounts.audit_log import AuditAction
from webapp.accounts.audit_query import AuditCriteria
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
CONTENT = {
    "pid": 7,
    "state": "sleeping",
    "memory": 7 * 2**20,
    "cpu_seconds": 61.0,
    "files": ["/rows.csv"],
    "connections": ["1 → 2 (ESTABLISHED)"],
    "children": [],
    "threads": [{"name": "MainThread", "stack": '  File "a.py", line 1, in f\n'}],
}


@pytest.fixture
def job(services: Services) -> Job:
    """Return a job that runs under a worker which answers nothing."""
    holder = Holder(host="mill", boot_id="b", worker="w", pid=1)
    WorkerHeartbeat(services.engine, holder, ["default"], "1").poll()
    lease_id = services.leases.open(holder, "default")
    made = services.jobs.create_job("job_history_export", {"format": "csv"})
    claimed = services.claims.claim(made.queue, lease_id, fresh=True)
    assert claimed
    return claimed


@contextmanager
def answered(services: Services, job: Job) -> Iterator[None]:
    """Answer the request of the block, as the worker does."""

    def answer() -> None:
        (snapshot,) = wait_for(lambda: services.process_snapshots.of_job(job))
        services.process_snapshots.fill_in(snapshot.id, snapshot.worker, CONTENT)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()


def test_the_answer_of_the_worker_is_printed(run: Run, services: Services, job: Job) -> None:
    with answered(services, job):
        done = run("job", "stack", job.short_id)
    assert done.exit_code == 0
    assert done.stdout == (
        "Process 7 on mill: sleeping, 7 MiB, CPU time 0:01:01\n\n"
        'Thread MainThread\n  File "a.py", line 1, in f\n'
        "files: /rows.csv\nconnections: 1 → 2 (ESTABLISHED)\n"
    )
    assert len(services.audit_trail.page(AuditCriteria(action=AuditAction.JOB_SNAPSHOT))) == 1


def test_the_last_answer_can_be_read_again(run: Run, services: Services, job: Job) -> None:
    with answered(services, job):
        services.process_snapshots.request(job)
    printed = json.loads(run("job", "stack", job.short_id, "--last", "--json").stdout)
    assert printed["threads"] == CONTENT["threads"]
    assert printed["host"] == "mill"


def test_a_job_that_does_not_run_is_refused_with_a_sentence(run: Run, services: Services) -> None:
    made = services.jobs.create_job("job_history_export", {"format": "csv"})
    done = run("job", "stack", made.short_id)
    assert (done.exit_code, done.stderr) == (1, "deskjob: This job is not running, so it has no process.\n")
