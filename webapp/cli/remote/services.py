"""What commands find instead of `webapp.services.Services` when they work against another installation.

Each object has the methods that the commands about jobs call, and no more. Every other command says in one sentence
that it works on the machine of the installation only.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile
from types import SimpleNamespace
from typing import IO, Any
from uuid import UUID

from webapp.cli.command_group import BadUsage, Failed
from webapp.cli.remote.connection import Connection, UploadPart
from webapp.cli.remote.documents import attachment_of, job_of, log_line_of
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.visible_jobs import TABS
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.job_store import JobNotFound

_PAGE = 200
_MOST_SEARCHED = 10_000  # jobs among which a short id is looked for
_IN_MEMORY = 1_000_000  # bytes of an upload; more goes to a temporary file
_OPTIONS = ("title", "queue", "priority", "unique_key", "max_attempts", "on_duplicate", "run_at")


class _Only:
    """An object of which some methods exist; the others are a sentence."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise BadUsage("This command works on the machine of the installation only. Leave out --server.")


class RemoteServices(_Only):
    """The services of another installation."""

    def __init__(self, server: str, token: str) -> None:
        connection = Connection(server, token)
        self.files = RemoteFiles(connection)
        self.jobs = RemoteJobs(connection, self.files)
        self.accounts = RemoteAccounts(connection)
        self.queries = SimpleNamespace(
            all_jobs=RemoteLists(connection), logs=RemoteLogs(connection), related=RemoteFamilies(connection)
        )
        self.registry = RemoteTypes(connection)
        self.wake_ups = RemoteWorkers(connection)
        self.audit = RemoteAudit()
        self.settings = SimpleNamespace(max_upload_bytes=None, timezone="UTC")

    def owner_named(self, person: str | None) -> Owner:
        """Return the owner of a new job: always the account of the token."""
        own = self.accounts.own()
        if person not in {None, own.name}:
            raise BadUsage(f"--as {person}: the token acts as {own.name}, so its jobs belong to {own.name}.")
        return Owner(user_id=own.id, tenant=own.tenant)


class RemoteJobs(_Only):
    """Starts and changes jobs."""

    def __init__(self, connection: Connection, files: "RemoteFiles") -> None:
        self._connection = connection
        self._files = files

    def get(self, job_id: UUID) -> Job:
        """Return a job; raise `JobNotFound`."""
        return job_of(self._connection.get(f"/jobs/{job_id}"))

    def create_job(
        self,
        type_name: str,
        payload: Any = None,
        *,
        files: Mapping[str, list["RemoteUpload"]] | None = None,
        after: Any = (),
        delay: timedelta | None = None,
        owner: Owner | None = None,  # noqa: ARG002  (it is the account of the token)
        triggered_by: UUID | None = None,  # noqa: ARG002
        **options: Any,
    ) -> Job:
        """Start a job."""
        body = {
            "type": type_name,
            "payload": payload or {},
            **{name: options[name] for name in _OPTIONS if name in options},
        }
        if after:
            body["after"] = [str(job_id) for job_id in after]
        if delay is not None:
            body["delay"] = delay.total_seconds()
        parts = [UploadPart(field, file.name, file.content) for field, given in (files or {}).items() for file in given]
        try:
            if parts:
                return job_of(self._connection.upload("/jobs", body, parts))
            return job_of(self._connection.send("POST", "/jobs", body))
        except InvalidPayload as error:
            raise InvalidPayload(type_name, error.errors) from None
        except UnknownJobType:
            raise UnknownJobType(type_name) from None
        finally:
            for part in parts:
                part.content.close()

    def cancel(self, job_id: UUID) -> Job:
        """Stop a job."""
        return job_of(self._connection.send("POST", f"/jobs/{job_id}/cancel"))

    def retry(self, job_id: UUID) -> Job:
        """Retry a job."""
        return job_of(self._connection.send("POST", f"/jobs/{job_id}/retry"))

    def run_again(self, job_id: UUID) -> Job:
        """Start a copy of a job."""
        return job_of(self._connection.send("POST", f"/jobs/{job_id}/run-again"))

    def delete(self, job_id: UUID) -> None:
        """Delete a finished job."""
        self._connection.send("DELETE", f"/jobs/{job_id}")

    def attachments(self, job_id: UUID) -> tuple[Attachment, ...]:
        """Return the files of a job that have not been removed, oldest first."""
        documents = [
            each for each in self._connection.items(f"/jobs/{job_id}/files", limit=_PAGE) if not each["deleted"]
        ]
        self._files.remember({UUID(each["id"]): each["url"] for each in documents})
        return tuple(map(attachment_of, documents))


class RemoteUpload(SimpleNamespace):
    """A file that is to be sent: its name and its content."""

    name: str
    content: IO[bytes]


class RemoteFiles(_Only):
    """Reads files to send, and opens those of jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._urls: dict[UUID, str] = {}

    def remember(self, urls: Mapping[UUID, str]) -> None:
        """Note where files are."""
        self._urls.update(urls)

    def receive(self, content: IO[bytes], name: str, *, limit: int | None = None) -> RemoteUpload:  # noqa: ARG002
        """Return a copy of a file, to be sent with its job; the installation knows the limit."""
        copy = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (it lives until the process ends)
        while chunk := content.read(_IN_MEMORY):
            copy.write(chunk)
        copy.seek(0)
        return RemoteUpload(name=name, content=copy)

    def open(self, file_id: UUID) -> Any:
        """Open the content of a file."""
        return self._connection.open("GET", self._urls[file_id])


class RemoteLists(_Only):
    """Lists jobs, those that the account of the token sees."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(
        self,
        limit: int,
        *,
        statuses: tuple[Status, ...] = (),
        type_name: str = "",
        owner_id: UUID | None = None,
        warned: bool = False,
    ) -> tuple[Job, ...]:
        """Return the newest jobs, newest first."""
        tab = next((tab for tab, within in TABS.items() if statuses and set(statuses) <= set(within)), "")
        found = self._all(tab=tab, type=type_name, warned=warned or None, children=True)
        matching = (
            job for job in found if (not statuses or job.status in statuses) and owner_id in {None, job.owner.user_id}
        )
        return tuple(islice(matching, limit))

    def get_by_short_id(self, short_id: str) -> Job:
        """Return the newest job whose id ends in these digits; raise `JobNotFound`."""
        for job in islice(self._all(children=True), _MOST_SEARCHED):
            if job.id.hex.endswith(short_id.lower()):
                return job
        raise JobNotFound(short_id)

    def failed_ids(
        self, *, within: timedelta | None = None, after: UUID | None = None, limit: int = 200
    ) -> tuple[UUID, ...]:
        """Return failed and lost jobs, oldest first."""
        since = f"{max(1, round(within.total_seconds()))}s" if within is not None else ""
        ids = sorted(job.id for job in self._all(tab="failed", failed_since=since))
        return tuple(islice((job_id for job_id in ids if after is None or job_id > after), limit))

    def _all(self, **query: object) -> Iterator[Job]:
        return map(job_of, self._connection.items("/jobs", limit=_PAGE, **query))


class RemoteFamilies(_Only):
    """Reads child jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def children(self, root_id: UUID, *, limit: int) -> tuple[Job, ...]:
        """Return the first children of a job."""
        documents = self._connection.items(f"/jobs/{root_id}/children", limit=min(limit, _PAGE))
        return tuple(map(job_of, islice(documents, limit)))


class RemoteLogs(_Only):
    """Reads logs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def log(self, job_id: UUID, after: int = 0) -> tuple[Any, ...]:
        """Return the next lines of a log."""
        return tuple(map(log_line_of, self._connection.get(f"/jobs/{job_id}/log", after=after, limit=1000)["items"]))


class RemoteAccounts(_Only):
    """Finds accounts, as far as the account of the token sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._own: Any = None

    def own(self) -> Any:
        """Return the account of the token."""
        if self._own is None:
            self._own = _account(self._connection.get("/me")["user"])
        return self._own

    def get(self, user_id: UUID) -> Any:
        """Return the account of this id, or None."""
        own = self.own()
        return own if own.id == user_id else self._first(f"/users/{user_id}")

    def by_name(self, name: str) -> Any:
        """Return the account of this name, or None."""
        own = self.own()
        if own.name == name.casefold():
            return own
        try:
            found = (_account(each) for each in self._connection.items("/users", q=name, limit=_PAGE))
            return next((user for user in found if user.name == name.casefold()), None)
        except Failed:  # the account sees no others
            return None

    def _first(self, path: str) -> Any:
        try:
            return _account(self._connection.get(path))
        except Failed:
            return None


class RemoteTypes(_Only):
    """Lists job types."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the job types that the account can start."""
        return (SimpleNamespace(**each) for each in self._connection.items("/types"))


class RemoteWorkers(_Only):
    """Tells whether a queue has workers, if the account may know it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def workers_alive(self, queue: str) -> int:
        """Return the number of workers of a queue; 1 if the account may not know it."""
        try:
            return int(self._connection.get(f"/queues/{queue}")["workers"]) if queue else 1
        except Failed:
            return 1


class RemoteAudit:
    """Writes no audit log: the installation itself records what the token does."""

    def record(self, _line: object) -> None:
        """Do nothing."""

    def record_with_change(self, _line: object) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


def _account(document: Mapping[str, Any]) -> Any:
    at = datetime.fromisoformat(document["created_at"])
    return SimpleNamespace(**{**document, "id": UUID(document["id"]), "created_at": at})
