"""Flows of jobs that do nothing, or what their test says."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.jobs.conftest import HOLDER, LOCATION
from tests.jobs.lifecycle_world import ENDINGS
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.reporter import Reporter
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import Job
from webapp.services import Services

COMPLETED, FAILED = ENDINGS[0], ENDINGS[1]


@pytest.fixture
def end(services: Services) -> Callable[..., Job]:
    """Claim a job of a flow and end it; return it."""

    def end(job_id: Any, ending: Any = COMPLETED) -> Job:
        lease = services.leases.open(HOLDER, "default")
        claimed = services.claims.claim_one(job_id, "default", lease)
        assert claimed is not None
        services.executor._write(claimed, LOCATION, ending, Reporter(services.engine, claimed))
        return services.jobs.get(job_id)

    return end


@pytest.fixture
def diamond(services: Services) -> Flow:
    """A flow that is started: “left” and “right” follow “first”, and “last” follows both."""
    flow = Flow("Diamond")
    first = flow.spawn("nothing", name="first")
    sides = [flow.spawn("nothing", name=name).after(first) for name in ("left", "right")]
    flow.spawn("nothing", name="last").after(*sides)
    services.jobs.start_flow(flow)
    return flow


@pytest.fixture
def statuses(services: Services) -> Callable[[Flow], dict[str, str]]:
    """Return the statuses of the jobs of a flow by name."""
    return lambda flow: {each.name: services.jobs.get(each.id).status.value for each in flow.jobs if each.id}


@pytest.fixture
def execute(services: Services) -> Callable[..., Job]:
    """Run a queued job with this handler; return the job."""

    def execute(job_id: Any, handler: Callable[..., Any]) -> Job:
        services.registry.add(job_type("nothing", title="Nothing", replaces=True)(handler))
        lease = services.leases.open(HOLDER, "default")
        claimed = services.claims.claim_one(job_id, "default", lease)
        assert claimed is not None
        services.executor.run(claimed, LOCATION)
        return services.jobs.get(job_id)

    return execute
