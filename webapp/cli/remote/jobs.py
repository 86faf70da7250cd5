"""Jobs of another installation: start, list, change and run them dry, with their logs and files."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile
from types import SimpleNamespace
from typing import IO, Any
from uuid import UUID

from webapp.cli.command_group import BadUsage, Failed, NotFound
from webapp.cli.parameters import unknown_job
from webapp.cli.remote.connection import PAYLOAD, Connection, RemoteNotFound, RemoteRefusal, UploadPart
from webapp.cli.remote.documents import Record, job_of, record_of
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.model.job import Job, Owner, Status, short_id
from webapp.jobs.questions.answer_class import InvalidAnswer

PAGE = 200
_PAGES_OF_A_SEARCH = 2  # each looks at 50,000 jobs
_SEARCHED = 100_000  # jobs among which a short id is looked for, as on the machine
_IN_MEMORY = 1_000_000  # bytes of an upload; more goes to a temporary file
_OPTIONS = ("title", "tags", "shared_with", "queue", "priority", "unique_key", "max_attempts", "on_duplicate", "run_at")
_TABS: Mapping[str, frozenset[Status]] = {  # the tabs of the list of jobs
    "running": frozenset({Status.RUNNING, Status.WAITING}),
    "waiting": frozenset({Status.QUEUED, Status.HELD}),
    "scheduled": frozenset({Status.SCHEDULED}),
    "failed": frozenset({Status.FAILED, Status.STALE}),
    "done": frozenset({Status.COMPLETED}),
    "stopped": frozenset({Status.CANCELLED}),
}


class RemoteUpload(SimpleNamespace):
    """A file to send: its name and its content."""

    name: str
    content: IO[bytes]


class RemoteFiles:
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


class RemoteJobs:
    """Starts and changes jobs."""

    def __init__(self, connection: Connection, files: RemoteFiles) -> None:
        self._connection = connection
        self._files = files

    def get(self, job_id: UUID) -> Job:
        """Return a job; raise `NotFound`."""
        try:
            return job_of(self._connection.get(f"/jobs/{job_id}"))
        except RemoteNotFound:
            raise unknown_job(job_id) from None

    def create_job(
        self,
        type_name: str,
        payload: Any = None,
        *,
        files: Mapping[str, list[RemoteUpload]] | None = None,
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
        except RemoteRefusal as error:
            if "#/shared_with" in error.errors:
                raise BadUsage(error.errors["#/shared_with"]) from None
            raise refusal_of_payload(error, type_name) from None
        finally:
            for part in parts:
                part.content.close()

    def approve(self, job_id: UUID, *, by: UUID, version: int | None) -> Job:  # noqa: ARG002  (the token's account)
        """Approve a job."""
        return self.perform(job_id, "approve", {"version": version})

    def reject(self, job_id: UUID, reason: str, *, by: UUID, version: int | None) -> Job:  # noqa: ARG002
        """Reject a job; raise `BadUsage` for a reason that is missing or too long."""
        try:
            return self.perform(job_id, "reject", {"reason": reason, "version": version})
        except RemoteRefusal as error:
            if "#/reason" in error.errors:
                raise BadUsage(error.errors["#/reason"]) from None
            raise

    def answer(self, job_id: UUID, values: Mapping[str, Any], *, by: UUID) -> Job | None:  # noqa: ARG002  (the token's)
        """Answer the question that a job waits for; return the job, or None if the account cannot see it.

        Raises `BadUsage` with a sentence for each field that is wrong.
        """
        listed = self._connection.items(f"/jobs/{job_id}/questions")
        is_open = [found["id"] for found in listed if found["state"] == "open"]
        if not is_open:
            raise Failed(f"Job {short_id(job_id)} does not wait for an answer.")
        try:
            self._connection.send("POST", f"/questions/{is_open[0]}/answer", {"answer": values})
        except RemoteRefusal as error:
            raise refusal_of_answer(error) from None
        try:
            return self.get(job_id)
        except NotFound:
            return None

    def cancel(self, job_id: UUID) -> Job:
        """Stop a job."""
        return self.perform(job_id, "cancel")

    def retry(self, job_id: UUID) -> Job:
        """Retry a job."""
        return self.perform(job_id, "retry")

    def run_again(self, job_id: UUID, *, from_step: str | None = None) -> Job:
        """Start a copy of a job, with the steps before ``from_step``."""
        try:
            return self.perform(job_id, "run-again", {"from_step": from_step} if from_step else None)
        except RemoteRefusal as error:
            raise Failed(" ".join(error.errors.values()) or error.detail) from None

    def delete(self, job_id: UUID) -> None:
        """Delete a finished job."""
        self._connection.send("DELETE", f"/jobs/{job_id}")

    def cancel_many(self, _ids: object) -> None:
        """Do nothing: the installation stops the jobs of a queue itself."""

    def perform(self, job_id: UUID, verb: str, body: Any = None, *, method: str = "POST") -> Job:
        """Run an action that returns the job."""
        return job_of(self._connection.send(method, f"/jobs/{job_id}/{verb}", body))

    def attachments(self, job_id: UUID) -> tuple[Record, ...]:
        """Return the files of a job that have not been removed, oldest first."""
        listed = self._connection.items(f"/jobs/{job_id}/files", limit=PAGE)
        documents = [each for each in listed if not each["deleted"]]
        self._files.remember({UUID(each["id"]): each["url"] for each in documents})
        return tuple(map(record_of, documents))


class RemoteApprovals:
    """Lists what waits for the approval of the token's account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self) -> tuple[Job, ...]:
        """Return the jobs, those that expire first before the others."""
        return tuple(map(job_of, self._connection.items("/approvals", limit=100)))

    def find_waiting(self, reference: str) -> Job | None:
        """Return one of the jobs by its id, or the last eight hex digits of it."""
        return next((job for job in self.waiting() if reference in {str(job.id), job.short_id}), None)


class RemoteQuestions:
    """Lists what jobs ask the token's account."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def asked(self) -> tuple[Record, ...]:
        """Return the questions, those that expire first before the others."""
        return tuple(map(record_of, self._connection.items("/questions", limit=100)))

    def find_asking_job(self, reference: str) -> Job | None:
        """Return the job that asks or asked the account, as far as a question tells, by its id.

        While it asks, the last eight hex digits of the id are enough.
        """
        try:
            found = tuple(self._connection.items(f"/jobs/{UUID(reference)}/questions"))
        except RemoteNotFound:
            found = ()
        except ValueError:  # a short id
            found = tuple(self._connection.items("/questions", limit=100))
        named = (each for each in found if reference in {each["job_id"], short_id(UUID(each["job_id"]))})
        return next(map(_asking_job, named), None)


def _asking_job(question: Mapping[str, Any]) -> Job:
    job_id, type_name, title = UUID(question["job_id"]), question["job_type"], question["job_title"]
    return Job(id=job_id, type=type_name, title=title, status=Status.HELD)


class RemoteAdminJobs:
    """What operators change."""

    def __init__(self, jobs: RemoteJobs) -> None:
        self._jobs = jobs

    def set_priority(self, job_id: UUID, priority: int) -> Job:
        """Set the priority of a waiting job."""
        try:
            return self._jobs.perform(job_id, "priority", {"priority": priority})
        except RemoteRefusal as error:
            raise Failed(error.detail) from None

    def run_next(self, job_id: UUID) -> Job:
        """Move a waiting job to the front of its queue."""
        return self._jobs.perform(job_id, "run-next")

    def set_tags(self, job_id: UUID, tags: Collection[str]) -> Job:
        """Replace the tags of a job."""
        return self._jobs.perform(job_id, "tags", {"tags": list(tags)}, method="PUT")

    def share(self, job_id: UUID, group: str | None) -> Job:
        """Share a job with a group, or with none; raise `BadUsage` if there is no such group."""
        try:
            return self._jobs.perform(job_id, "share", {"group": group}, method="PUT")
        except RemoteRefusal as error:
            raise BadUsage(error.errors.get("#/group") or error.detail) from None

    def pin(self, job_id: UUID) -> Job:
        """Keep a job."""
        return self._jobs.perform(job_id, "keep")

    def unpin(self, job_id: UUID) -> Job:
        """Stop keeping a job."""
        return self._jobs.perform(job_id, "keep-no-longer")

    def set_public(self, job_id: UUID, *, public: bool) -> Job:
        """Show a job of the system to everyone, or hide it."""
        return self._jobs.perform(job_id, "make-public" if public else "make-private")


class RemoteHistory:
    """Reads what happened to a job, and the time of the installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.now = connection.now

    def timeline(self, job_id: UUID) -> tuple[Record, ...]:
        """Return the events of a job, oldest first."""
        return tuple(map(record_of, self._connection.items(f"/jobs/{job_id}/events")))

    def steps(self, job_id: UUID) -> tuple[Record, ...]:
        """Return the ended steps of a job, oldest first."""
        return tuple(map(record_of, self._connection.items(f"/jobs/{job_id}/steps")))

    def compare(self, job_id: UUID, other_id: UUID) -> tuple[Record, ...]:
        """Return the values of two jobs, part by part."""
        return tuple(map(record_of, self._connection.items(f"/jobs/{job_id}/compare/{other_id}")))

    def attempts(self, job_id: UUID) -> tuple[Record, ...]:
        """Return the ended attempts of a job, oldest first."""
        return tuple(map(record_of, self._connection.items(f"/jobs/{job_id}/attempts")))


class RemoteEstimates:
    """Reads when waiting jobs may start."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def may_start(self, job: Job) -> datetime | None:
        """Return when the rate of a waiting job lets it start at the earliest; ``None`` if that is not known."""
        if not job.waits_for_rate:
            return None
        at: datetime | None = record_of(self._connection.get(f"/jobs/{job.id}"), "may_start_at").may_start_at
        return at


class RemoteSnapshots:
    """Asks where running jobs hang."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, job: Job) -> Record:
        """Ask the worker of a job."""
        return _snapshot(self._connection.send("POST", f"/jobs/{job.id}/stack"))

    def of_job(self, job: Job) -> tuple[Record, ...]:
        """Return the answers, newest first."""
        return tuple(map(_snapshot, self._connection.items(f"/jobs/{job.id}/stack")))


def _snapshot(document: Mapping[str, Any]) -> Record:
    awaited = document["taken_at"] is None and not document["note"]
    return record_of({**document, "content": document["content"] or {}, "is_awaited": awaited})


class RemoteLists:
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
        tag: str = "",
    ) -> tuple[Job, ...]:
        """Return the newest jobs, newest first."""
        tab = next((tab for tab, within in _TABS.items() if statuses and within.issuperset(statuses)), "")
        found = self._all(limit=limit, tab=tab, type=type_name, tag=tag, warned=warned or None, children=True)
        matching = (
            job for job in found if (not statuses or job.status in statuses) and owner_id in {None, job.owner.user_id}
        )
        return tuple(islice(matching, limit))

    def filtered(self, name: str, limit: int) -> tuple[Job, ...]:
        """Return the newest jobs of a saved filter that the account of the token can see."""
        return tuple(islice(self._all(limit=limit, children=None, filter=name), limit))

    def get_by_short_id(self, short_id: str) -> Job:
        """Return the job whose id ends in these digits; raise `NotFound`, or `BadUsage` if there are several."""
        matching = self._connection.items("/jobs", _PAGES_OF_A_SEARCH, q=short_id, children=True, limit=PAGE)
        found = [job for job in map(job_of, matching) if job.id.hex.endswith(short_id.lower())]
        if len(found) > 1:
            ids = ", ".join(str(job.id) for job in found)
            raise BadUsage(f"Several jobs end in {short_id}: {ids}. Use the full id.")
        if not found:
            raise unknown_job(short_id, searched=_SEARCHED)
        return found[0]

    def failed_ids(
        self, *, within: timedelta | None = None, after: UUID | None = None, limit: int = 200
    ) -> tuple[UUID, ...]:
        """Return failed and lost jobs, oldest first."""
        since = f"{max(1, round(within.total_seconds()))}s" if within is not None else ""
        ids = sorted(job.id for job in self._all(tab="failed", failed_since=since))
        return tuple(islice((job_id for job_id in ids if after is None or job_id > after), limit))

    def _all(self, *, limit: int = PAGE, **query: Any) -> Iterator[Job]:
        return map(job_of, self._connection.items("/jobs", limit=min(limit, PAGE), **query))


class RemoteFamilies:
    """Reads child jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def children(self, root_id: UUID, *, limit: int) -> tuple[Job, ...]:
        """Return the first children of a job."""
        documents = self._connection.items(f"/jobs/{root_id}/children", limit=min(limit, PAGE))
        return tuple(map(job_of, islice(documents, limit)))


class RemoteLogs:
    """Reads logs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def log(self, job_id: UUID, after: int = 0) -> tuple[Record, ...]:
        """Return the next lines of a log."""
        documents = self._connection.get(f"/jobs/{job_id}/log", after=after, limit=1000)["items"]
        return tuple(record_of(each, "id", "attempt", "at", "level", "text") for each in documents)


class RemoteDryRun:
    """Runs jobs without effects, on the machine of the installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, job_id: UUID, show: Callable[[Any], None], **_options: Any) -> bool:
        """Show what a job reports; return whether it would complete. Raises `Failed` if it was killed."""
        document = self._connection.send("POST", f"/jobs/{job_id}/dry-run")
        for line in document["lines"]:
            show(DryRunRecord(**line))
        if document["completes"] is None:
            raise Failed(document["sentence"])
        show(DryRunRecord(kind="result", text=document["sentence"]))
        return bool(document["completes"])


class DryRunRecord(Record):
    """A line of a dry run."""

    def __str__(self) -> str:
        """Return it as commands on the machine print it."""
        return self.text if self.kind in {"traceback", "result"} else f"{self.kind}: {self.text}"


class RemoteJobEditor:
    """Edits waiting jobs."""

    def __init__(self, jobs: RemoteJobs, connection: Connection) -> None:
        self._jobs = jobs
        self._connection = connection

    def edit(self, job_id: UUID, edit: Any, *, record: Any = None) -> tuple[Job, Job]:  # noqa: ARG002  (there)
        """Edit a job; return it before and after."""
        before = self._jobs.get(job_id)
        names = ("payload", "queue", "priority", "run_at", "start_now", "tags", "version")
        body = {name: value for name in names if (value := getattr(edit, name)) is not None}
        try:
            return before, job_of(self._connection.send("POST", f"/jobs/{job_id}/edit", body))
        except RemoteRefusal as error:
            raise refusal_of_payload(error, before.type) from None


def refusal_of_answer(error: RemoteRefusal) -> Exception:
    """Return the refusal as commands on the machine write it, if the fields of the answer were refused."""
    fields = error.below("#/answer")
    return error if fields is None else BadUsage(str(InvalidAnswer(fields)))


def refusal_of_payload(error: RemoteRefusal, type_name: str) -> BadUsage:
    """Return the refusal as commands on the machine write it, if the payload or its job type was refused."""
    if (fields := error.below(PAYLOAD)) is not None:
        return BadUsage(str(InvalidPayload(type_name, fields)))
    if "#/type" in error.errors:
        return NotFound(str(UnknownJobType(type_name)), "job type")
    if "#/queue" in error.errors:
        return NotFound(error.errors["#/queue"], "queue")
    return error
