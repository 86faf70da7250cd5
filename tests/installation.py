"""A whole installation in its own folder, with real processes to start, watch and kill."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import create_engine, select

from tests.forked_commands import ForkedCommand
from webapp.config import load
from webapp.db.engine import engine_options, reading
from webapp.jobs.model.job import Job, Status
from webapp.os_process import die_with_parent
from webapp.schema import leases
from webapp.services import Services

ROOT = Path(__file__).parent.parent
TYPES = "tests.jobs.fake_types"
# How long a test waits for a state before it fails: it ends as soon as the state is reached, so this is generous
PATIENCE_SECONDS = 300.0
# For what must be killed: a test that waits for its regular end fails first
ENDLESS_SECONDS = 900.0
ENDLESS_STEPS = {"steps": 10_000, "seconds": 0.1}
LEASE_SECONDS = 12.0  # no machine stalls for so long
SHORT_LEASE = {"DESKJOB_LEASE_SECONDS": "3"}  # for tests in which a lease must expire
_databases = count(1)


def wait_for(fact: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll, less and less often, until the fact is true; return it."""
    began = time.monotonic()
    while True:
        if answer := fact():
            return answer
        waited = time.monotonic() - began
        assert waited < seconds, f"the state was not reached within {seconds} s"
        time.sleep(min(0.02 + waited / 20, 0.1))


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, also if nobody has collected it yet."""
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


class Installation:
    """One data folder, one Redis database, any number of processes."""

    def __init__(self, folder: Path, redis_url: str, database_url: str = "", *, pooled: bool = False) -> None:
        self.folder = folder
        self.settings = {
            "DESKJOB_DATA_DIR": str(folder),
            "DESKJOB_REDIS_URL": redis_url,
            "DESKJOB_DATABASE_URL": database_url,
            "DESKJOB_DATABASE_POOLED": str(pooled),
            "DESKJOB_SECRET_KEY": "k" * 32,
            "DESKJOB_JOBTYPES": TYPES,
            "DESKJOB_STOP_GRACE_SECONDS": "2",
            "DESKJOB_LEASE_SECONDS": f"{LEASE_SECONDS}",
            "DESKJOB_HORSE_LINGER_SECONDS": "0.2",  # many tests wait until no work-horse is left
        }
        places = {"data_dir": folder, "redis_url": redis_url, "database_url": database_url, "database_pooled": pooled}
        settings = load(**places, secret_key="k" * 32, jobtypes=(TYPES,), lease_seconds=LEASE_SECONDS)
        options = engine_options(settings.database, pooled=pooled)
        self.services = Services(settings, create_engine(settings.database, **options))
        self.redis = self.services.wake_ups.connection
        self._started: list[ForkedCommand | subprocess.Popen[bytes]] = []

    def start(self, *command: str, **settings: str) -> ForkedCommand:
        """Start a `deskjob` command; `output` has what it prints."""
        process = ForkedCommand(command, {**environment(), **self.settings, **settings}, self.folder / "output")
        self._started.append(process)
        return process

    def start_up(self, *options: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start `deskjob up` as users do, in a new Python; `output` has what it prints."""
        parent = os.getpid()
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "webapp.cli", "up", *options],
                env={**environment(), **self.settings, **settings},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509  (as `up` does)
            )
        self._started.append(process)
        return process

    @property
    def output(self) -> str:
        output = self.folder / "output"
        return output.read_text() if output.exists() else ""

    def job(self, type_name: str, payload: Any = None, **choices: Any) -> UUID:
        return self.services.jobs.create_job(type_name, payload, **choices).id

    def get(self, job_id: UUID) -> Job:
        return self.services.jobs.get(job_id)

    def await_status(self, job_id: UUID, *statuses: Status, seconds: float = PATIENCE_SECONDS) -> Job:
        return wait_for(lambda: (job := self.get(job_id)).status in statuses and job, seconds)

    def await_horse(self, job_id: UUID) -> psutil.Process:
        """Wait until the handler of a job runs; return its work-horse.

        Killed before that, the work-horse would give the job back as it was.
        """
        lease_id = self.await_status(job_id, Status.RUNNING).lease_id
        assert lease_id is not None
        with reading(self.services.engine) as connection:
            worker = connection.execute(select(leases).where(leases.c.id == lease_id)).one()

        def has_begun() -> bool:
            noted = self.services.begun_jobs.under(lease_id, worker.worker)
            return noted is None or any(begun.job_id == job_id for begun in noted.begun)  # None: it is not noted

        wait_for(has_begun)
        return psutil.Process(worker.worker_pid).children()[0]

    def workers(self) -> list[psutil.Process]:
        """Return the workers of the pool that was started last."""
        pool = self._started[-1].pid
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(pool).children()
        return []

    def end_launched(self) -> None:
        """Kill what launchers have started, which is no child of this process."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("DESKJOB_DATA_DIR") == str(self.folder):
                    process.kill()
                    wait_for(lambda process=process: has_ended(process))  # type: ignore[misc]

    def close(self) -> None:
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()  # a fork has no group yet if it is killed as it starts
            process.wait()
        self.services.engine.dispose()
        self.redis.flushdb()
        self.redis.close()


def environment() -> dict[str, str]:
    """Return the environment of this process without its Deskjob settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DESKJOB_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


@contextmanager
def installed(
    template: Path, valkey_url: str, database_url: str = "", *, pooled: bool = False
) -> Iterator[Installation]:
    """Create an installation with a migrated database, SQLite if no URL is given; end its processes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="deskjob-"))  # short, for a socket's path
    shutil.copy(template, folder / "deskjob.sqlite3")
    redis_url = f"{valkey_url}?db={next(_databases) % 15 + 1}"
    installation = Installation(folder, redis_url, database_url, pooled=pooled)
    try:
        yield installation
    finally:
        installation.close()
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
