"""What people were told of the month's last jobs; most of it they have read."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert

from webapp.demo.ended import Ended
from webapp.schema import notices

_TOLD, _UNREAD = 80, 5  # the last so many
_LATER = timedelta(minutes=7)


def write(connection: Connection, past: Sequence[Ended]) -> None:
    """Write the notices of jobs, oldest first."""
    connection.execute(insert(notices), list(_rows([job for job in past if job.owner_id][-_TOLD:])))


def _rows(told: Sequence[Ended]) -> Iterator[dict[str, Any]]:
    for job in told:
        read_at = None if job in told[-_UNREAD:] else job.ended + _LATER
        yield {
            "user_id": job.owner_id,
            "job_id": job.id,
            "kind": job.story.status.value,
            "at": job.ended,
            "read_at": read_at,
        }
