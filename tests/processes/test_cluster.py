"""Several machines: web, workers, PostgreSQL, Valkey and S3 each have a host, and links are cut and slowed down."""

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import create_engine, delete, select

from benchmarks.hosts import network, servers
from benchmarks.hosts.network import Host
from benchmarks.installation import add_person
from tests.installation import LEASE_SECONDS, TYPES, environment, wait_for
from tests.processes.test_schedules import due_since, is_done
from webapp.accounts.tokens import Scope
from webapp.config import load
from webapp.db.engine import engine_options, reading, writing
from webapp.jobs.model.job import Job, Status
from webapp.processes import bootstrap
from webapp.schema import attempts, jobs, leases, schedule_runs, workers
from webapp.services import Services

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not network.are_possible(), reason=network.IMPOSSIBLE),
]
PORT = 8000


@dataclass(frozen=True)
class Cluster:
    """The hosts, and services that see them from the switch."""

    hosts: dict[str, Host]
    services: Services
    settings: dict[str, str]
    folder: Path

    def start(self, host: str, *command: str) -> None:
        """Start a command of Deskjob on a host, with a data folder of its own."""
        own = {**environment(), **self.settings, "DESKJOB_DATA_DIR": str(self.folder / host)}
        words = [sys.executable, "-m", "webapp.cli", *command]
        with (self.folder / f"{host}.log").open("ab") as output:
            self.hosts[host].start(*words, environment=own, output=output)

    def start_workers(self, host: str) -> None:
        self.start(host, "worker", "--workers", "1")
        wait_for(lambda: any(worker.host == host for worker in self.services.workers.in_database()))

    def hosts_of(self, job_id: UUID) -> list[str]:
        """Return the hosts of the attempts of a job, in order."""
        query = select(attempts.c.host).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
        with reading(self.services.engine) as connection:
            return list(connection.execute(query).scalars())

    def await_status(self, job_id: UUID, *statuses: Status) -> Job:
        return wait_for(lambda: (job := self.services.jobs.get(job_id)).status in statuses and job)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start the servers, each on its host, and create the tables; this process is at the switch meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    try:
        with servers.open_cluster(folder) as opened:
            redis = opened.valkey.start()
            wait_for(opened.valkey.answers)
            assert redis.poll() is None
            own = {**opened.settings, "jobtypes": TYPES, "lease_seconds": LEASE_SECONDS}
            settings = {f"DESKJOB_{name.upper()}": str(value) for name, value in own.items()}
            services = _services(own, folder / "here")
            bootstrap.migrate(services)
            yield Cluster(opened.hosts, services, settings, folder)
            services.engine.dispose()
            services.wake_ups.connection.close()
    finally:
        shutil.rmtree(folder)


def _services(settings: Mapping[str, Any], folder: Path) -> Services:
    loaded = load(**settings, data_dir=folder)
    return Services(loaded, create_engine(loaded.database, **engine_options(loaded.database)))


@pytest.fixture
def at_work(cluster: Cluster) -> Iterator[Cluster]:
    """Both hosts with workers, and a clock on each; all of it ends with the test."""
    for host in ("first", "second"):
        cluster.start(host, "clock")
        cluster.start_workers(host)
    yield cluster
    for host in ("first", "second", "web"):
        cluster.hosts[host].join()
        cluster.hosts[host].speed_up()
        cluster.hosts[host].lose()
    with writing(cluster.services.engine) as connection:
        connection.execute(delete(workers))
        connection.execute(delete(leases))


def test_a_job_with_files_goes_from_the_page_of_one_host_to_the_worker_of_another(at_work: Cluster) -> None:
    owner = add_person(at_work.services)
    user = at_work.services.accounts.get(owner)
    _token, secret = at_work.services.tokens.add(user, "cluster", [Scope.READ, Scope.START])
    at_work.start("web", "web", "--host", "0.0.0.0", "--port", str(PORT))
    ask = partial(_ask, at_work.hosts["web"].address, secret)
    wait_for(lambda: ask("GET", "/healthz")[0] == 200)
    job = json.loads(
        ask("POST", "/api/v1/jobs", *_form({"type": "dataset_report"}, file=("sales.csv", b"a;b\n1;2\n")))[1]
    )
    done = at_work.await_status(UUID(job["id"]), Status.COMPLETED, Status.FAILED)
    assert done.status is Status.COMPLETED, done.errors
    assert set(at_work.hosts_of(done.id)) <= {"first", "second"}
    files = json.loads(ask("GET", f"/api/v1/jobs/{done.id}/files")[1])["items"]
    report = next(file for file in files if file["name"].endswith(".html"))
    status, content = ask("GET", report["url"] if report["url"].startswith("/") else urlsplit(report["url"]).path)
    assert (status, b"<html" in content) == (200, True)


def test_a_host_that_is_cut_off_loses_its_job_to_the_other_within_its_bound(at_work: Cluster) -> None:
    """The bound is that of docs/faults.md: a lease, and what the clock needs to see it."""
    go_on = at_work.folder / "go-on"
    job_id = at_work.services.jobs.create_job("steps", {"steps": 2, "until": str(go_on)}, max_attempts=3).id
    wait_for(lambda: at_work.services.jobs.get(job_id).state.get("step") == 1)
    lost = _host_of(at_work, job_id)
    at_work.hosts[lost].cut()
    other = wait_for(lambda: (host := _host_of(at_work, job_id)) != lost and host)
    go_on.touch()
    job = at_work.await_status(job_id, Status.COMPLETED)
    assert job.attempt == 2
    assert at_work.hosts_of(job_id) == [lost, other]
    at_work.hosts[lost].join()
    again = [at_work.services.jobs.create_job("quick").id for _ in range(20)]
    for one in again:
        at_work.await_status(one, Status.COMPLETED)
    assert job.state == at_work.services.jobs.get(job_id).state, "the first attempt wrote nothing after its lease"
    wait_for(lambda: {worker.host for worker in at_work.services.workers.in_database()} >= {"first", "second"})


def test_a_host_that_is_lost_loses_its_job_to_the_other(at_work: Cluster) -> None:
    job_id = at_work.services.jobs.create_job(
        "steps", {"steps": 2, "until": str(at_work.folder / "lost")}, max_attempts=3
    ).id
    wait_for(lambda: at_work.services.jobs.get(job_id).state.get("step") == 1)
    lost = _host_of(at_work, job_id)
    at_work.hosts[lost].lose()
    wait_for(lambda: _host_of(at_work, job_id) not in {lost, ""})
    (at_work.folder / "lost").touch()
    assert at_work.await_status(job_id, Status.COMPLETED).attempt == 2


def test_a_slow_link_costs_time_and_nothing_else(at_work: Cluster) -> None:
    for host in ("first", "second"):
        at_work.hosts[host].slow_down(256)
    ids = [at_work.services.jobs.create_job("steps", {"steps": 3}).id for _ in range(10)]
    for job_id in ids:
        job = at_work.await_status(job_id, Status.COMPLETED)
        assert (job.attempt, len(job.state["by"])) == (1, 3)


def test_clocks_on_two_hosts_fire_each_time_once(at_work: Cluster) -> None:
    for number in range(5):
        due_since(at_work.services, number, 10)
    wait_for(lambda: is_done(at_work.services))
    with reading(at_work.services.engine) as connection:
        fired = Counter(connection.execute(select(schedule_runs.c.schedule_id, schedule_runs.c.fire_at)).all())
    assert len(fired) >= 50
    assert set(fired.values()) == {1}


def _host_of(cluster: Cluster, job_id: UUID) -> str:
    """Return the host that runs a job now; empty if none does."""
    query = select(leases.c.host).join_from(leases, jobs, jobs.c.lease_id == leases.c.id).where(jobs.c.id == job_id)
    with reading(cluster.services.engine) as connection:
        return connection.execute(query).scalar() or ""


def _ask(
    address: str, secret: str, method: str, path: str, body: bytes = b"", kind: str = "application/json"
) -> tuple[int, bytes]:
    connection = HTTPConnection(address, PORT, timeout=30)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {secret}", "Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def _form(job: Mapping[str, Any], **files: tuple[str, bytes]) -> tuple[bytes, str]:
    """Return a body of multipart/form-data with a job and its files, and its content type."""
    parts = [b'Content-Disposition: form-data; name="job"\r\n\r\n' + json.dumps(job).encode()]
    for field, (name, content) in files.items():
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        parts.append(head.encode() + content)
    body = b"".join(b"--boundary\r\n" + part + b"\r\n" for part in parts) + b"--boundary--\r\n"
    return body, "multipart/form-data; boundary=boundary"
