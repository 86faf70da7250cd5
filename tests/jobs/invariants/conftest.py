"""An installation with some history in which every check holds, and tools to break a rule."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from socket import gethostname
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from tests.jobs.conftest import LOCATION
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import JobError, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.leases import Holder, boot_id
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.flows.flow import Flow
from webapp.jobs.invariants.verifier import run_checks
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
def history(services: Services) -> dict[str, UUID]:
    """The ids of jobs in many statuses, after some have run and ended."""
    services.wake_ups.connection.flushdb()
    for job_type_ in (family, good, bad):
        services.registry.add(job_type_)
    jobs = services.jobs
    ids = {"family": jobs.create_job("family").id, "good": jobs.create_job("good", unique_key="k").id}
    ids["after"] = jobs.create_job("good", after=[ids["family"]], on_finish=True).id
    nightly = services.schedules.add("good", {}, ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC"))
    for _ in range(2):
        services.schedule_runner.run_now(nightly)
    holder = Holder(host=gethostname(), boot_id=boot_id(), worker="w", pid=os.getpid())
    WorkerHeartbeat(services.engine, holder, ["default"], "1").poll()
    lease_id = services.leases.open(holder, "default")
    services.work_horse().drain("default", lease_id, LOCATION)
    services.work_horse().drain("default", lease_id, LOCATION)
    ids["running"] = jobs.create_job("nothing", priority=999).id
    assert services.claims.claim("default", lease_id, fresh=True).id == ids["running"]
    ids["waiting"] = jobs.create_job("nothing", unique_key="waits").id
    ids["held"] = jobs.create_job("nothing", after=[ids["waiting"]]).id
    flow = Flow("Flow")
    flow.spawn("nothing", name="last", run_at=datetime(2099, 1, 1, tzinfo=UTC)).after("first")
    flow.spawn("nothing", name="first", run_at=datetime(2099, 1, 1, tzinfo=UTC))
    jobs.start_flow(flow)
    ClockHeartbeat(services.engine).beat()  # last, as the rest may take a while
    return ids


@pytest.fixture
def violations(services: Services) -> Callable[..., dict[str, tuple[int, tuple[str, ...]]]]:
    """Run all checks; return the count and the examples of each rule that is violated."""

    def violations(**options: Any) -> dict[str, tuple[int, tuple[str, ...]]]:
        findings = run_checks(services.checks(**options), pause_seconds=0)
        return {finding.rule: (finding.count, finding.examples) for finding in findings if not finding.holds}

    return violations


@pytest.fixture
def execute(services: Services) -> Callable[..., None]:
    """Run a statement that bypasses the engine; ``:name`` is the id of the job with that name."""

    def execute(statement: str, **ids: UUID) -> None:
        sqlite = services.engine.dialect.name == "sqlite"
        values = {name: value.hex if sqlite else value for name, value in ids.items()}
        with writing(services.engine) as connection:
            connection.execute(text(statement), values)

    return execute


@pytest.fixture
def violated_by(
    history: dict[str, UUID], violations: Callable[..., dict[str, Any]], execute: Callable[..., None]
) -> Callable[[str], list[str]]:
    """Run a statement that breaks a rule; return the rules that the checks find violated."""

    def violated_by(statement: str) -> list[str]:
        execute(statement, **{name: value for name, value in history.items() if f":{name}" in statement})
        return list(violations())

    return violated_by
