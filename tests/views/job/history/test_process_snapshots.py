"""Where a running job hangs: asked by operators, shown to all who see the jobs of others."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

Put = Callable[..., Job]
CONTENT = {
    "pid": 7,
    "state": "disk-sleep",
    "memory": 7_000_000,
    "cpu_seconds": 61.0,
    "files": ["/rows <b>.csv"],
    "connections": [],
    "children": [],
    "threads": [{"name": "MainThread", "stack": '  File "a.py", line 1, in <lambda>\n    wait()\n'}],
}


@pytest.fixture
def job(services: Services, put: Put) -> Job:
    """Return a job that runs under a worker."""
    holder = Holder(host="mill", boot_id="b", worker="w", pid=1)
    WorkerHeartbeat(services.engine, holder, ["default"], "1").poll()
    return put(Status.RUNNING, attempt=1, lease_id=services.leases.open(holder, "default"))


def test_the_page_of_a_running_job_offers_it_to_operators(admins: FlaskClient, client: FlaskClient, job: Job) -> None:
    assert "Where does it hang?" in admins.get(f"/jobs/{job.id}").text
    assert "Where does it hang?" not in client.get(f"/jobs/{job.id}").text
    assert client.get(f"/jobs/{job.id}/stack").status_code == 404


def test_the_answer_of_the_worker_is_shown(admins: FlaskClient, services: Services, job: Job) -> None:
    assert admins.post(f"/jobs/{job.id}/stack").location == f"/jobs/{job.id}/stack"
    page = admins.get(f"/jobs/{job.id}/stack").text
    assert "Asking the worker …" in page
    assert f'hx-get="/jobs/{job.id}/stack/_live"' in page
    (snapshot,) = services.process_snapshots.of_job(job)
    services.process_snapshots.fill_in(snapshot.id, snapshot.worker, CONTENT)
    shown = admins.get(f"/jobs/{job.id}/stack/_live").text
    assert "<code>File &#34;a.py&#34;, line 1, in &lt;lambda&gt;</code>" in shown
    assert "7, waiting for a disk or a network file system" in shown
    assert "/rows &lt;b&gt;.csv" in shown
    assert "hx-get" not in shown, "it is not polled any more"
    assert "Where it hung" in admins.get(f"/jobs/{job.id}").text


def test_a_refusal_is_a_sentence_on_the_page(admins: FlaskClient, put: Put) -> None:
    answer = admins.post(f"/jobs/{put(Status.COMPLETED).id}/stack")
    assert answer.status_code == 409
    assert "This job is not running, so it has no process." in answer.text
