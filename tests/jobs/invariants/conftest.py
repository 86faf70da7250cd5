"""An installation as it stands after some life, in which every check holds, and what breaks one."""

import os
from collections.abc import Callable
from socket import gethostname
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from tests.jobs.conftest import HORSE
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.leases import Holder, boot_id
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.invariants.verifier import verify
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.services import Services


class Nothing(BaseModel):
    pass


@job_type("family", title="Family")
def family(job: JobContext, payload: Nothing) -> None:
    for number in range(3):
        job.spawn("bad" if number == 2 else "good", name=str(number))


@job_type("good", title="Good", max_running=2, max_running_per_owner=1)
def good(job: JobContext, payload: Nothing) -> None:
    job.attach("out.txt", b"all is well")


@job_type("bad", title="Bad", max_attempts=2)
def bad(job: JobContext, payload: Nothing) -> None:
    raise JobError("It is bad.")


@pytest.fixture
def lived(services: Services) -> dict[str, UUID]:
    """The ids of one job per kind, after all of them have ended but those that follow or wait."""
    services.wake_ups.connection.flushdb()
    for kind in (family, good, bad):
        services.registry.add(kind)
    jobs = services.jobs
    made = {"family": jobs.create_job("family").id, "good": jobs.create_job("good", unique_key="k").id}
    made["after"] = jobs.create_job("good", after=[made["family"]], on_finish=True).id
    nightly = services.schedules.add("good", {}, ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC"))
    for _ in range(2):
        services.schedule_runner.run_now(nightly)
    holder = Holder(host=gethostname(), boot_id=boot_id(), worker="w", pid=os.getpid())
    WorkerHeartbeat(services.engine, holder, ["default"], "1").poll()
    lease_id = services.leases.open(holder, "default")
    services.work_horse().drain("default", lease_id, HORSE)
    services.work_horse().drain("default", lease_id, HORSE)
    made["running"] = jobs.create_job("nothing", priority=999).id
    assert services.claims.claim("default", lease_id, fresh=True).id == made["running"]
    made["waiting"] = jobs.create_job("nothing").id
    made["held"] = jobs.create_job("nothing", after=[made["waiting"]]).id
    ClockHeartbeat(services.engine).beat()  # last, as the rest may take a while
    return made


@pytest.fixture
def found(services: Services) -> Callable[..., dict[str, tuple[int, tuple[str, ...]]]]:
    """Check everything; return what is broken, by its rule: how often, and the examples."""

    def found(**how: Any) -> dict[str, tuple[int, tuple[str, ...]]]:
        findings = verify(services.checks(**how), pause_seconds=0)
        return {one.rule: (one.count, one.examples) for one in findings if not one.holds}

    return found


@pytest.fixture
def execute(services: Services) -> Callable[..., None]:
    """Run a statement past all that keeps the rows in order; ``:name`` is the job of that name."""

    def execute(statement: str, **ids: UUID) -> None:
        sqlite = services.engine.dialect.name == "sqlite"
        values = {name: value.hex if sqlite else value for name, value in ids.items()}
        with writing(services.engine) as connection:
            connection.execute(text(statement), values)

    return execute
