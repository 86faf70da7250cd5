"""Checks of flows: their jobs are roots of one owner, and nobody waits in a circle."""

from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

from sqlalchemy import Engine, or_, select

from webapp.db.engine import lift_time_limit, reading
from webapp.jobs.invariants.check import Check, check_items, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.schema import dependencies, flow_jobs, flows, jobs


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    members = select(*JOB_COLUMNS, flow_jobs.c.flow_id, flow_jobs.c.name.label("name")).join(
        flow_jobs, flow_jobs.c.job_id == jobs.c.id
    )
    yield check_rows(engine, "No job of a flow is a child.", members.where(jobs.c.root_id.is_not(None)))
    another = (jobs.c[name].is_distinct_from(flows.c[name]) for name in ("owner_id", "tenant"))
    yield check_rows(
        engine,
        "The jobs of a flow have the owner of the flow.",
        members.join(flows, flows.c.id == flow_jobs.c.flow_id).where(or_(*another)),
    )
    yield check_items("No jobs wait for each other in a circle.", lambda: _circles(engine))


def _circles(engine: Engine) -> Iterator[str]:
    """Yield a circle of unfinished jobs, if there is one."""
    held = select(dependencies.c.job_id, dependencies.c.after_id).join(jobs, jobs.c.id == dependencies.c.job_id)
    graph: dict[UUID, list[UUID]] = defaultdict(list)
    with reading(engine) as connection:
        lift_time_limit(connection)
        for row in connection.execute(held.where(jobs.c.status == "held")):
            graph[row.job_id].append(row.after_id)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " → ".join(map(str, error.args[1]))
