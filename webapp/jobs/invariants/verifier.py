"""The verifier: collects all checks and runs them one by one."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from time import sleep

from sqlalchemy import Engine

from webapp.jobs.budgets.admission import BudgetGuard
from webapp.jobs.invariants import (
    approvals,
    attempts,
    dependencies,
    families,
    flows,
    infrastructure,
    leases,
    questions,
    schedules,
    statuses,
    workers,
)
from webapp.jobs.invariants import files as file_checks
from webapp.jobs.invariants import limits as limit_checks
from webapp.jobs.invariants.check import Check, Finding
from webapp.jobs.model.policies import Limits
from webapp.jobs.store.file_store import FileStore

_PAUSE_SECONDS = 3.0


def all_checks(
    engine: Engine,
    *,
    files: FileStore,
    limits: Mapping[str, Limits],
    self_approvable: Collection[str],
    budget_guard: BudgetGuard | None,
    lease_seconds: float,
    wake_up_sources: infrastructure.WakeUpSources,
    deep: bool,
) -> Iterator[Check]:
    """Yield every check; ``engine`` is disposed after the last one."""
    yield from statuses.checks(engine)
    yield from approvals.checks(engine, self_approvable)
    yield from questions.checks(engine)
    yield from attempts.checks(engine)
    yield from families.checks(engine)
    yield from dependencies.checks(engine)
    yield from flows.checks(engine)
    yield from leases.checks(engine, lease_seconds)
    yield from workers.checks(engine, lease_seconds)
    yield from schedules.checks(engine)
    yield from limit_checks.checks(engine, limits)
    if budget_guard is not None:
        yield from limit_checks.budget_checks(engine, budget_guard)
    yield from infrastructure.checks(engine, wake_up_sources)
    yield from file_checks.checks(engine, files, deep=deep)
    engine.dispose()


def run_checks(checks: Iterable[Check], pause_seconds: float = _PAUSE_SECONDS) -> Iterator[Finding]:
    """Run the checks; a violation of a transient rule counts only if it remains after a pause."""
    for check in checks:
        found = check.run()
        if check.transient and not found.holds:
            sleep(pause_seconds)
            found = check.run()
        yield found
