"""The next claim: made in the transaction that ends the job before it, so that both need one commit."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping

from webapp.jobs.model.job import Job

Row = RowMapping | Mapping[str, Any]


class NextClaim:
    """One claim, in the transaction of someone else: `execute` in it, `take` the job after the commit.

    On PostgreSQL it is a part of the statement that ends the job, which calls `set_row` with its row.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        claim: Callable[[Connection, Mapping[str, Any]], Row | None],
        started: Callable[[Row], Job],
    ) -> None:
        self.parameters = parameters
        self.is_made = False  # in vain if `take` returns no job
        self.is_uncertain = False  # the answer of the database was lost, so that a job may be claimed
        self._claim = claim
        self._started = started
        self._row: Row | None = None

    def execute(self, connection: Connection) -> None:
        """Claim a job in this transaction, if there is one."""
        self.set_row(self._claim(connection, self.parameters))

    def set_row(self, row: Row | None) -> None:
        """Remember what was claimed; it counts when the transaction is committed."""
        self._row, self.is_made = row, True

    def fail(self) -> None:
        """Note that the transaction failed; whether it was committed is not known."""
        self._row, self.is_made, self.is_uncertain = None, False, True

    def take(self) -> Job | None:
        """Return the job that was claimed and send its signal; call it once, after the commit."""
        return None if self._row is None else self._started(self._row)
