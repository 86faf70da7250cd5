"""The verifier: goes through all checks, one by one."""

from collections.abc import Iterable, Iterator, Mapping
from time import sleep

from sqlalchemy import Engine

from webapp.jobs.invariants import (
    attempts,
    dependencies,
    families,
    infrastructure,
    leases,
    schedules,
    statuses,
    workers,
)
from webapp.jobs.invariants import files as stored
from webapp.jobs.invariants import limits as limited
from webapp.jobs.invariants.check import Check, Finding
from webapp.jobs.model.policies import Limits
from webapp.jobs.store.file_store import FileStore

_PAUSE_SECONDS = 3.0


def all_checks(
    engine: Engine,
    *,
    files: FileStore,
    limits: Mapping[str, Limits],
    lease_seconds: float,
    announcing: infrastructure.WakeUpSources,
    deep: bool,
) -> Iterator[Check]:
    """Return every check there is; ``engine`` is closed after the last one."""
    yield from statuses.checks(engine)
    yield from attempts.checks(engine)
    yield from families.checks(engine)
    yield from dependencies.checks(engine)
    yield from leases.checks(engine, lease_seconds)
    yield from workers.checks(engine, lease_seconds)
    yield from schedules.checks(engine)
    yield from limited.checks(engine, limits)
    yield from infrastructure.checks(engine, announcing)
    yield from stored.checks(engine, files, deep=deep)
    engine.dispose()


def verify(checks: Iterable[Check], pause_seconds: float = _PAUSE_SECONDS) -> Iterator[Finding]:
    """Look at each; what may be broken for a moment only counts if it still is after a pause."""
    for check in checks:
        found = check.look()
        if check.passing and not found.holds:
            sleep(pause_seconds)
            found = check.look()
        yield found
