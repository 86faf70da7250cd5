"""Error groups: read them, resolve or ignore them, and find their jobs to retry."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, select, tuple_, update

from webapp.db.engine import reading, writing
from webapp.schema import error_groups, error_hours, error_users, job_errors, jobs, now

PAGE = 50


class ErrorState(StrEnum):
    """The state that operators give an error. A resolved error reopens if it happens again."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class ErrorNotFound(Exception):
    """Raised when no error has this fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        """Name the fingerprint."""
        super().__init__(f"There is no error {fingerprint}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Failures with one fingerprint. ``count`` is the number of failures, ``users`` the number of affected users."""

    fingerprint: str
    type: str
    message: str
    place: str
    sample_job_id: UUID
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    state: str
    state_at: datetime | None
    state_by: UUID | None
    users: int


class ErrorGroups:
    """Reads and changes error groups."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        *,
        state: ErrorState | str | None = None,
        type_name: str = "",
        since: datetime | None = None,
        before: tuple[datetime, str] | None = None,
        limit: int = PAGE,
    ) -> tuple[ErrorGroup, ...]:
        """Return groups seen since ``since``, last seen first; ``before`` is the last group of the previous page."""
        order = tuple_(error_groups.c.last_seen_at, error_groups.c.fingerprint)
        conditions = [*_conditions(state, type_name, since), *([order < before] if before else [])]
        statement = (
            _groups()
            .where(*conditions)
            .order_by(error_groups.c.last_seen_at.desc(), error_groups.c.fingerprint.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(ErrorGroup(**row) for row in connection.execute(statement).mappings())

    def get(self, fingerprint: str) -> ErrorGroup:
        """Return one group; raise `ErrorNotFound` if there is none."""
        with reading(self._engine) as connection:
            query = _groups().where(error_groups.c.fingerprint == fingerprint)
            row = connection.execute(query).mappings().first()
        if row is None:
            raise ErrorNotFound(fingerprint)
        return ErrorGroup(**row)

    def count(self, *, state: ErrorState | None = None, type_name: str = "", since: datetime | None = None) -> int:
        """Count the groups that `page` returns, over all pages."""
        counted = select(func.count()).select_from(error_groups).where(*_conditions(state, type_name, since))
        with reading(self._engine) as connection:
            return connection.execute(counted).scalar_one()

    def counts_by_hour(self, fingerprints: Collection[str], since: datetime) -> Mapping[str, Mapping[datetime, int]]:
        """Return how often each error happened in each hour."""
        conditions = (error_hours.c.fingerprint.in_(list(fingerprints)), error_hours.c.hour >= since)
        found: dict[str, dict[datetime, int]] = {fingerprint: {} for fingerprint in fingerprints}
        with reading(self._engine) as connection:
            columns = (error_hours.c.fingerprint, error_hours.c.hour, error_hours.c.count)
            for fingerprint, hour, count in connection.execute(select(*columns).where(*conditions)):
                found[fingerprint][hour] = count
        return found

    def set_state(self, fingerprint: str, state: ErrorState | str, *, by: UUID | None = None) -> ErrorGroup:
        """Set the state of an error; raises `ErrorNotFound`."""
        values = {"state": ErrorState(state).value, "state_at": now(), "state_by": by}
        with writing(self._engine) as connection:
            statement = update(error_groups).where(error_groups.c.fingerprint == fingerprint).values(**values)
            if connection.execute(statement).rowcount != 1:
                raise ErrorNotFound(fingerprint)
        return self.get(fingerprint)

    def retriable(self, fingerprint: str, limit: int, after: UUID | None = None) -> tuple[UUID, ...]:
        """Return the jobs that last failed with this error and are still failed or lost, in the order of their ids."""
        later = [job_errors.c.job_id > after] if after else []
        with reading(self._engine) as connection:
            query = _still_failed(fingerprint).where(*later).order_by(job_errors.c.job_id).limit(limit)
            return tuple(connection.execute(query).scalars())

    def count_retriable(self, fingerprint: str, ceiling: int = 10_000) -> int:
        """Count the jobs that `retriable` returns; the count stops at ``ceiling``."""
        with reading(self._engine) as connection:
            limited = _still_failed(fingerprint).limit(ceiling).subquery()
            return connection.execute(select(func.count()).select_from(limited)).scalar_one()

    def fingerprint_of_job(self, job_id: UUID) -> str | None:
        """Return the fingerprint of a job's last failure, if there is one."""
        with reading(self._engine) as connection:
            query = select(job_errors.c.fingerprint).where(job_errors.c.job_id == job_id)
            return connection.execute(query).scalar()


def _groups() -> Any:
    users = select(func.count()).where(error_users.c.fingerprint == error_groups.c.fingerprint).scalar_subquery()
    return select(*error_groups.c, users.label("users"))


def _conditions(state: ErrorState | str | None, type_name: str, since: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if state is not None:
        found.append(error_groups.c.state == ErrorState(state).value)
    if type_name:
        found.append(error_groups.c.type == type_name)
    if since is not None:
        found.append(error_groups.c.last_seen_at >= since)
    return found


def _still_failed(fingerprint: str) -> Any:
    still = (job_errors.c.fingerprint == fingerprint, jobs.c.status.in_(("failed", "stale")))
    return select(job_errors.c.job_id).join(jobs, jobs.c.id == job_errors.c.job_id).where(*still)
