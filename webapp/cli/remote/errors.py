"""Errors of another installation."""

from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

import click

from webapp.cli.command_group import NotFound
from webapp.cli.remote.connection import Connection, RemoteNotFound
from webapp.cli.remote.documents import Record, record_of
from webapp.cli.remote.jobs import PAGE

_VERBS = {"resolved": "resolve", "ignored": "ignore", "open": "reopen"}
_FIELDS = (  # in the order in which commands on the machine print them
    *("fingerprint", "type", "message", "place", "sample_job_id", "count", "first_seen_at", "last_seen_at"),
    *("state", "state_at", "state_by", "users"),
)


class RemoteErrors:
    """Lists, settles and retries errors."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, *, state: str | None, type_name: str = "", since: datetime | None = None, limit: int
    ) -> tuple[Record, ...]:
        """Return errors, the last seen first; of all states if none is given."""
        query: dict[str, Any] = {"state": state or "all", "type": type_name, "since": since and since.isoformat()}
        found = self._connection.items("/errors", limit=min(limit, PAGE), **query)
        return tuple(record_of(each, *_FIELDS) for each in islice(found, limit))

    def get(self, fingerprint: str) -> Record:
        """Return an error; raise `NotFound`."""
        return record_of(self._send("GET", fingerprint, ""), *_FIELDS)

    def set_state(self, fingerprint: str, state: str) -> Record:
        """Resolve, ignore or reopen an error."""
        return record_of(self._send("POST", fingerprint, f"/{_VERBS[state]}"), *_FIELDS)

    def retry(self, fingerprint: str) -> int:
        """Retry the failed jobs of an error; return how many were retried at once."""
        result = self._send("POST", fingerprint, "/retry")
        if result["job"]:
            click.echo(f"The job {result['job']['id']} retries them.", err=True)
        return len(result["retried"])

    def _send(self, method: str, fingerprint: str, verb: str) -> Any:
        try:
            return self._connection.send(method, f"/errors/{quote(fingerprint, safe='')}{verb}")
        except RemoteNotFound:
            raise NotFound(f"There is no error {fingerprint}.", "error") from None
