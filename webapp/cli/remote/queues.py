"""Queues, workers and job types of another installation."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from webapp.cli.command_group import BadUsage, Failed, NotFound
from webapp.cli.remote.connection import Connection, RemoteNotFound, RemoteRefusal
from webapp.cli.remote.documents import Record, record_of
from webapp.jobs.definition.registry import UnknownJobType

_QUEUE = ("name", "paused_at", "paused_by", "reason", "max_running")


class RemoteQueues:
    """Lists and changes queues. The figures are those of the last request for all queues."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: Mapping[str, Mapping[str, Any]] = {}

    def all(self) -> tuple[Record, ...]:
        """Return the queues."""
        return tuple(record_of(each, *_QUEUE) for each in self._documents())

    def get(self, name: str) -> Record:
        """Return a queue; raise `NotFound`."""
        return self._queue("GET", name, "")

    def loads(self) -> Mapping[str, Record]:
        """Return by queue how many jobs wait and run."""
        return {each["name"]: record_of(each, "waiting", "running") for each in self._documents()}

    def oldest_waits(self) -> Mapping[str, timedelta]:
        """Return by queue how long its oldest job has waited."""
        waits = {name: each["longest_wait"] for name, each in self._seen.items()}
        return {name: timedelta(seconds=seconds) for name, seconds in waits.items() if seconds is not None}

    def latencies(self) -> Mapping[str, Record]:
        """Return by queue how long jobs waited lately."""
        known = {name: record_of(each, "wait_p95", "wait_samples") for name, each in self._seen.items()}
        return {
            name: Record(p95=timedelta(seconds=wait.wait_p95), samples=wait.wait_samples)
            for name, wait in known.items()
            if wait.wait_p95 is not None
        }

    def count_queued(self, name: str) -> int:
        """Count the waiting jobs of a queue."""
        return int(self._connection.get(f"/queues/{quote(name)}")["waiting"])

    def add(self, name: str) -> Record:
        """Add a queue; raise `ValueError` if it cannot have this name."""
        try:
            return record_of(self._connection.send("POST", "/queues", {"name": name}), *_QUEUE)
        except RemoteRefusal as error:
            raise ValueError(error.errors.get("#/name", error.detail)) from None

    def pause(self, name: str, *, reason: str = "") -> Record:
        """Pause a queue."""
        return self._queue("POST", name, "/pause", {"reason": reason})

    def resume(self, name: str) -> Record:
        """Resume a queue."""
        return self._queue("POST", name, "/resume")

    def limit(self, name: str, max_running: int | None) -> Record:
        """Limit how many of its jobs run at once."""
        return self._queue("POST", name, "/limit", {"max_running": max_running})

    def empty(self, name: str, _stop: object) -> int:
        """Stop all waiting jobs of a queue; return how many were stopped at once."""
        return int(self._send("POST", name, "/empty")["stopped"])

    def remove(self, name: str) -> None:
        """Remove a queue that nothing uses."""
        self._send("DELETE", name, "")

    def _queue(self, method: str, name: str, verb: str, body: Any = None) -> Record:
        return record_of(self._send(method, name, verb, body), *_QUEUE)

    def _send(self, method: str, name: str, verb: str, body: Any = None) -> Any:
        try:
            return self._connection.send(method, f"/queues/{quote(name)}{verb}", body)
        except RemoteNotFound:
            raise NotFound(f"There is no queue {name!r}.", "queue") from None

    def _documents(self) -> list[Any]:
        documents = list(self._connection.items("/queues"))
        self._seen = {each["name"]: each for each in documents}
        return documents


class RemotePause:
    """Pauses and resumes everything."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> Record | None:
        """Return the pause; ``None`` if jobs can start."""
        return _pause(self._connection.get("/pause"))

    def pause(self, *, reason: str = "") -> Record | None:
        """Pause everything."""
        return _pause(self._connection.send("POST", "/pause", {"reason": reason}))

    def resume(self) -> None:
        """Let jobs start again."""
        self._connection.send("POST", "/resume")


class RemoteWorkers:
    """Lists and stops workers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Record, ...]:
        """Return the workers."""
        return tuple(map(record_of, self._connection.items("/workers")))

    def in_database(self) -> tuple[Record, ...]:
        """Return the workers: the installation knows by itself whether Redis answers."""
        return self.all()

    def stop(self, name: str, request: str) -> None:
        """Stop a worker now, or after its current job."""
        self._connection.send("POST", f"/workers/{quote(name, safe='')}/{'stop' if request == 'now' else 'drain'}")


class RemoteWakeUps:
    """Returns whether a queue has workers, if the account may know it. The installation wakes them itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def push(self, _queue: str) -> None:
        """Do nothing."""

    def workers_alive(self, queue: str) -> int:
        """Return the number of workers of a queue; 1 if the account may not know it."""
        try:
            return int(self._connection.get(f"/queues/{quote(queue)}")["workers"]) if queue else 1
        except Failed:
            return 1


class RemoteTypes:
    """Lists, disables and enables job types."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the job types that the account sees."""
        return map(record_of, self._connection.items("/types"))

    def get(self, name: str) -> Record:
        """Return a job type; raise `NotFound`."""
        return record_of(self._send("GET", name, ""))

    def all(self) -> Mapping[str, Record]:
        """Return the disabled types by name."""
        return {each.name: _disabling(each) for each in self if each.disabled is not None}

    def disable(self, name: str, *, reason: str = "") -> None:
        """Disable a job type."""
        self._send("POST", name, "/disable", {"reason": reason})

    def enable(self, name: str) -> None:
        """Enable a job type."""
        self._send("POST", name, "/enable")

    def _send(self, method: str, name: str, verb: str, body: Any = None) -> Any:
        try:
            return self._connection.send(method, f"/types/{quote(name, safe='')}{verb}", body)
        except RemoteNotFound:
            raise NotFound(str(UnknownJobType(name)), "job type") from None


def _pause(document: Mapping[str, Any]) -> Record | None:
    pause = record_of(document, "paused_at", "paused_by", "reason")
    return pause.paused_at and Record(since=pause.paused_at, by=pause.paused_by, reason=pause.reason)


class RemotePresets:
    """Reads the presets of the forms of job types."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shared_named(self, type_name: str, name: str) -> Record:
        """Return the preset of this name, the account's own before a shared one; raise `NotFound`."""
        try:
            found = map(record_of, self._connection.items(f"/types/{quote(type_name, safe='')}/presets"))
            named = [each for each in found if each.name == name]
        except RemoteNotFound:
            raise NotFound(str(UnknownJobType(type_name)), "job type") from None
        if not named:
            raise BadUsage(f"There is no preset {name} that you can use.")
        return named[0]


def _disabling(job_type: Record) -> Record:
    return Record(
        name=job_type.name,
        reason=job_type.disabled,
        disabled_by=job_type.disabled_by,
        disabled_at=job_type.disabled_at,
    )
