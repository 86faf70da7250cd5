"""Retry what did not complete of a flow: jobs that follow others which run again wait for them again.

A retry of single jobs queues each at once, whatever it follows.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from webapp.jobs.budgets.admission import BudgetUsedUp, admit_owner, begin_month
from webapp.jobs.lifecycle.retry import RootHasEnded, handler_has_returned, hold_again, retry_one, select_retriable
from webapp.jobs.model.job import TERMINAL, NotApproved, Status
from webapp.jobs.store import lock_order
from webapp.jobs.store.transitions import MAY_RUN
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.schema import dependencies, jobs


def retry_flow(
    connection: Connection, ids: Collection[UUID], max_attempts: Mapping[str, int], *, by: UUID | None
) -> set[str]:
    """Retry failed, stopped and lost roots in the order in which they follow each other.

    Jobs that cannot run again are skipped, and so are those that follow them and need them to complete. Each counts in
    the budget of its owner; `BudgetUsedUp` is raised if that is why none runs again.
    ``max_attempts`` is the number of further attempts per job type. Returns the queues in which jobs can be claimed.
    """
    lock_order.lock_families(connection, ids)
    return _FlowRetry(connection, max_attempts, by).run(ids)


class _FlowRetry:
    """One retry; ``unfinished`` are the jobs that run again because of it."""

    def __init__(self, connection: Connection, max_attempts: Mapping[str, int], by: UUID | None) -> None:
        self._connection = connection
        self._max_attempts = max_attempts
        self._by = by
        self._unfinished: set[UUID] = set()
        self._refused: BudgetUsedUp | None = None

    def run(self, ids: Collection[UUID]) -> set[str]:
        rows = {row.id: row for row in self._connection.execute(select_retriable(ids).where(MAY_RUN))}
        begin_month(self._connection, [row.owner_id for row in rows.values()])
        edges = _edges_to(self._connection, rows)
        graph = {job_id: [edge.after_id for edge in edges[job_id]] for job_id in rows}
        woken: set[str] = set()
        for job_id in TopologicalSorter(graph).static_order():
            queues = self._retry(rows[job_id], edges[job_id]) if job_id in rows else None
            if queues is not None:
                self._unfinished.add(job_id)
                woken |= queues
        if self._refused and not self._unfinished:
            raise self._refused
        return woken

    def _retry(self, row: Row[Any], edges: Sequence[Row[Any]]) -> set[str] | None:
        """Retry one job after those that it follows; return None if it cannot run again."""
        missing = [edge for edge in edges if self._has_ended(edge) and not _allows(edge)]
        if any(not edge.waits for edge in missing):
            return None
        waits = bool(missing) or not all(map(self._has_ended, edges))
        try:
            with self._connection.begin_nested():
                admit_owner(self._connection, row.owner_id)
                if waits and not (row.parts and handler_has_returned(self._connection, row.id)):
                    return set() if hold_again(self._connection, row, self._max_attempts, self._by) else None
                return retry_one(self._connection, row, self._max_attempts, self._by)
        except BudgetUsedUp as error:
            self._refused = error
            return None
        except (UniqueKeyTaken, RootHasEnded, NotApproved):
            return None

    def _has_ended(self, edge: Row[Any]) -> bool:
        """Return whether the job that an edge comes from has ended, and does not run again."""
        return edge.after_id not in self._unfinished and edge.status in TERMINAL


def _allows(edge: Row[Any]) -> bool:
    return edge.status == Status.COMPLETED or not edge.only_on_success


def _edges_to(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, list[Row[Any]]]:
    """Return the edges that lead to jobs, each with the status of the job that it comes from."""
    columns: Any = (*dependencies.c, jobs.c.status)
    query = select(*columns).join_from(dependencies, jobs, jobs.c.id == dependencies.c.after_id)
    found: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query.where(dependencies.c.job_id.in_(list(ids)))):
        found[row.job_id].append(row)
    return found
