from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.model.job import Job, Status
from webapp.schema import later, workers
from webapp.services import Services
from webapp.version import version

AuditEntries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def worker(services: Services) -> WorkerHeartbeat:
    holder = Holder(host="mill", boot_id="b", worker="abcdef0123", pid=17)
    presence = WorkerHeartbeat(services.engine, holder, ["default"], version())
    presence.poll()
    return presence


@pytest.mark.usefixtures("worker")
def test_a_worker_is_shown_with_its_job(operator: FlaskClient, services: Services, put: Callable[..., Job]) -> None:
    lease = services.leases.open(Holder(host="mill", boot_id="b", worker="abcdef0123", pid=17), "default")
    job = put(Status.RUNNING, lease_id=lease)
    text = operator.get("/admin/workers").text
    assert "mill" in text
    assert "process 17" in text
    assert f'href="/jobs/{job.id}"' in text
    assert "differs from the version of the web server" not in text


@pytest.mark.usefixtures("worker")
def test_a_worker_of_another_version_is_marked(operator: FlaskClient, services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(workers).values(version="0.0.9+old"))
    assert "differs from the version of the web server" in operator.get("/admin/workers").text


def test_a_worker_can_be_stopped_after_its_job(
    operator: FlaskClient, services: Services, worker: WorkerHeartbeat, audit_entries: AuditEntries
) -> None:
    assert operator.post("/admin/workers/abcdef0123/drain").status_code == 303
    worker._poll_due = 0.0
    assert worker.poll() is StopRequest.DRAIN
    assert "Stop after current job requested by you." in operator.get("/admin/workers").text
    line = audit_entries()[-1]
    assert (line["action"], line["object_name"], line["after"]) == ("worker_drain", "mill, 17", {"wish": "drain"})


def test_stopping_now_explains_what_happens_to_the_job(
    operator: FlaskClient,
    services: Services,
    worker: WorkerHeartbeat,
    put: Callable[..., Job],
    audit_entries: AuditEntries,
) -> None:
    lease = services.leases.open(Holder(host="mill", boot_id="b", worker="abcdef0123", pid=17), "default")
    put(Status.RUNNING, lease_id=lease)
    asked = operator.get("/admin/workers/abcdef0123/stop").text
    assert "Its job “Monthly report” goes back to the queue" in asked
    assert "its pool starts a new one" in asked
    assert operator.post("/admin/workers/abcdef0123/stop").status_code == 303
    worker._poll_due = 0.0
    assert worker.poll() is StopRequest.NOW
    assert audit_entries()[-1]["action"] == "worker_stop"
    assert operator.post("/admin/workers/abcdef0123/drain").status_code == 409


@pytest.mark.usefixtures("worker")
def test_a_lost_worker_is_shown_and_cannot_be_stopped(operator: FlaskClient, services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(workers).values(beat_at=later(-100)))
    text = operator.get("/admin/workers").text
    assert "It stopped responding." in text
    assert "It does not respond, so it cannot be stopped from here." in text
    assert operator.post("/admin/workers/abcdef0123/drain").status_code == 409


def test_an_unknown_worker_is_not_found(operator: FlaskClient) -> None:
    assert operator.post("/admin/workers/nobody/drain").status_code == 404


@pytest.mark.usefixtures("worker")
def test_an_unchanged_list_is_not_sent_again(operator: FlaskClient) -> None:
    tag = operator.get("/admin/workers").text.partition('hx-ptag="')[2].partition('"')[0]
    assert operator.get("/admin/workers/_live", headers={"HX-PTag": tag}).status_code == 304
