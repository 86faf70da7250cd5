"""Flows of another installation. The installation checks everything."""

from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.remote.connection import Connection, RemoteNotFound, RemoteRefusal

_TIMES = ("created_at", "started_at", "finished_at")
_ADDRESSES = ("url", "page")


class RemoteFlows:
    """Starts, reads and changes flows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, document: Any) -> UUID:
        """Start a flow; return its id."""
        try:
            return UUID(self._connection.send("POST", "/flows", document)["id"])
        except RemoteRefusal as error:
            first = next(iter(error.errors.items()), None)
            raise BadUsage(f"{first[0]}: {first[1]}" if first else error.detail) from None

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest flows."""
        return [_values(flow) for flow in islice(self._connection.items("/flows", limit=limit), limit)]

    def document(self, flow_id: UUID) -> dict[str, Any]:
        """Return a flow, with times and ids as values."""
        try:
            found = self._connection.get(f"/flows/{flow_id}")
        except RemoteNotFound:
            raise _unknown(flow_id) from None
        document = _values(found)
        document["jobs"] = [_values(job) for job in document["jobs"]]
        return document

    def perform(self, flow_id: UUID, verb: str) -> None:
        """Stop or retry a flow."""
        try:
            self._connection.send("POST", f"/flows/{flow_id}/{verb}")
        except RemoteNotFound:
            raise _unknown(flow_id) from None
        except RemoteRefusal as error:
            raise Failed(error.detail) from None


def _values(document: Any) -> dict[str, Any]:
    values = {name: value for name, value in document.items() if name not in _ADDRESSES}
    return {
        name: datetime.fromisoformat(value) if name in _TIMES and value is not None else value
        for name, value in values.items()
    }


def _unknown(flow_id: UUID) -> BadUsage:
    return BadUsage(f"There is no flow {flow_id}.")
