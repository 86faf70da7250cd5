"""The next claim: made in the transaction that ends the jobs before it, so that both need one commit."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

from sqlalchemy import Connection, RowMapping

from webapp.jobs.model.job import Job

Row = RowMapping | Mapping[str, Any]
Start = Callable[[Row], Job]


@dataclass(frozen=True, slots=True)
class Group:
    """Claim up to ``size`` jobs at once: the next one, and those after it that are of this ``type``."""

    size: int
    type: str


class ClaimedJobs:
    """Jobs that were claimed together and have not begun, in their order."""

    def __init__(self, rows: Iterable[Row], start: Start) -> None:
        self._rows = deque(rows)
        self._start = start
        self._claimed_at = monotonic()

    def __len__(self) -> int:
        """How many have not begun."""
        return len(self._rows)

    @property
    def age(self) -> float:
        """The seconds since the claim."""
        return monotonic() - self._claimed_at

    def begin(self) -> Job:
        """Return the next one, as of now: it has waited for those before it. Sends its signal."""
        row, waited = self._rows.popleft(), timedelta(seconds=self.age)
        return self._start(
            {**row, "started_at": row["started_at"] + waited, "heartbeat_at": row["heartbeat_at"] + waited}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What follows the end of a job: a claim to make with it, or a job that is claimed, so that the end can wait."""

    claim: "NextClaim | None" = None
    is_claimed: bool = False


class NextClaim:
    """One claim, in the transaction of someone else: `execute` in it, `take` the job after the commit.

    On PostgreSQL it is a part of the statement that ends the job, which calls `set_rows` with its rows.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        claim: Callable[[Connection, Mapping[str, Any], int], Sequence[Row]],
        start: Start,
        group: Group | None = None,
    ) -> None:
        self.size = group.size if group else 1  # jobs at most
        self.parameters = {**parameters, "group_type": group.type} if group else parameters
        self.is_made = False  # in vain if `take` returns no job
        self.is_uncertain = False  # the answer of the database was lost, so that a job may be claimed
        self._claim = claim
        self._start = start
        self.rest = ClaimedJobs((), start)  # after the one that `take` returns
        self._row: Row | None = None

    def execute(self, connection: Connection) -> None:
        """Claim in this transaction, if there is a job."""
        self.set_rows(self._claim(connection, self.parameters, self.size))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Remember what was claimed, in any order; it counts when the transaction is committed."""
        in_order = sorted(rows, key=_place) if len(rows) > 1 else rows
        self._row, self.rest = (in_order[0] if in_order else None), ClaimedJobs(in_order[1:], self._start)
        self.is_made = True

    def fail(self) -> None:
        """Note that the transaction failed; whether it was committed is not known."""
        self._row, self.rest = None, ClaimedJobs((), self._start)
        self.is_made, self.is_uncertain = False, True

    def take(self) -> Job | None:
        """Return the first job that was claimed and send its signal; call it once, after the commit."""
        return None if self._row is None else self._start(self._row)


def _place(row: Row) -> Any:
    return -row["priority"], row["fair"], row["id"]
