"""Queues and workers, for those who see the installation."""

from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from redis import RedisError

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.job_document import JobDocument, job_document
from webapp.api.lists import Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.api.resources.job_types import ReasonBody
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.monitoring.workers import Worker
from webapp.jobs.queueing.queues import Queue, QueueLoad
from webapp.views.admin import queues, workers
from webapp.views.page.problem_details import API_ROOT
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import job_policy, services, viewer

operations = Operations("queues and workers")
QUEUE = "/queues/<path:name>"
_SEE, _RUN = Right.SEE_INSTALLATION, Right.RUN_QUEUES


class QueueDocument(BaseModel):
    """A queue. `max_running` is null without a limit."""

    model_config = ConfigDict(extra="forbid")

    name: str
    paused_at: AwareDatetime | None
    paused_by: UUID | None
    reason: str
    max_running: int | None
    waiting: int
    running: int
    workers: int
    longest_wait: float | None = Field(description="Seconds for which the oldest waiting job has waited.")
    wait_p95: float | None = Field(description="Seconds: 95 % of the jobs that ended lately waited less.")
    wait_samples: int = Field(description="The number of jobs from which `wait_p95` comes.")


class NewQueue(BaseModel):
    """A queue that no job type names."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)


class QueueLimit(BaseModel):
    """How many jobs of a queue can run at once; null for no limit."""

    model_config = ConfigDict(extra="forbid")

    max_running: int | None = Field(ge=0, le=1_000_000)


class EmptiedQueue(BaseModel):
    """How many waiting jobs were stopped, and the job that stops the others, if there are many."""

    model_config = ConfigDict(extra="forbid")

    stopped: int
    job: JobDocument | None


class PauseDocument(BaseModel):
    """The pause of everything. `paused_at` is null while jobs can start."""

    model_config = ConfigDict(extra="forbid")

    paused_at: AwareDatetime | None
    paused_by: UUID | None
    reason: str


class WorkerDocument(BaseModel):
    """A worker."""

    model_config = ConfigDict(extra="forbid")

    name: str
    host: str
    pid: int | None
    queues: list[str]
    state: Literal["busy", "idle", "stopping", "lost"]
    silent_for: float | None = Field(description="Seconds since its last sign of life.")
    job_id: UUID | None
    job_type: str | None
    job_title: str | None
    job_tenant: str | None
    job_started_at: AwareDatetime | None
    started_at: AwareDatetime | None
    memory: int | None = Field(description="Bytes.")
    horse_memory: int | None = Field(description="Bytes of the process that runs its jobs.")
    done: int
    failed: int
    version: str
    stop_request: Literal["drain", "now"] | None
    stop_requested_by: UUID | None
    has_row: bool = Field(description="Only such a worker can be asked to stop.")


_QUEUE = Answer(model=QueueDocument, description="The queue.")
_PAUSE = Answer(model=PauseDocument, description="The pause.")
_HIDDEN_JOB = dict.fromkeys(("job_id", "job_type", "job_title", "job_tenant", "job_started_at"))


@operations.add(
    "GET",
    "/queues",
    scope=Scope.READ,
    right=_SEE,
    answers={200: Answer(model=Page[QueueDocument], description="All queues.")},
)
def list_queues() -> Any:
    """List the queues."""
    return page_reply(_documents(services().queues.all()), following=None)


@operations.add(
    "POST",
    "/queues",
    scope=Scope.OPERATE,
    right=_RUN,
    body=NewQueue,
    answers={201: Answer(model=QueueDocument, description="The new queue.", headers=("Location",))},
)
def add_queue(body: NewQueue) -> Any:
    """Add a queue that no job type names.

    Jobs can be sent to it, and workers listen to it.
    """
    try:
        queue = queues.add_queue(body.name)
    except ValueError as error:
        raise InvalidInput({"pointer": "#/name", "detail": str(error)}) from None
    location = public_url_of(f"{API_ROOT}/queues/{quote(queue.name)}")
    return Reply(document=_documents((queue,))[0], status=201, headers={"Location": location})


@operations.add("GET", QUEUE, scope=Scope.READ, right=_SEE, answers={200: _QUEUE})
def get_queue(name: str) -> Any:
    """Get a queue."""
    return _documents((_find(name),))[0]


@operations.add("DELETE", QUEUE, scope=Scope.OPERATE, right=_RUN, answers={204: Answer(description="It was removed.")})
def remove_queue(name: str) -> Any:
    """Remove a queue that no job type, no schedule and no unfinished job uses."""
    queues.remove_queue(_find(name).name)


@operations.add("POST", f"{QUEUE}/pause", scope=Scope.OPERATE, right=_RUN, body=ReasonBody, answers={200: _QUEUE})
def pause_queue(name: str, body: ReasonBody) -> Any:
    """Pause a queue.

    Workers start no jobs from it until it is resumed. Running jobs continue.
    """
    queues.pause_queue(_find(name).name, body.reason)
    return get_queue(name)


@operations.add("POST", f"{QUEUE}/resume", scope=Scope.OPERATE, right=_RUN, answers={200: _QUEUE})
def resume_queue(name: str) -> Any:
    """Resume a paused queue."""
    queues.resume_queue(_find(name).name)
    return get_queue(name)


@operations.add("POST", f"{QUEUE}/limit", scope=Scope.OPERATE, right=_RUN, body=QueueLimit, answers={200: _QUEUE})
def limit_queue(name: str, body: QueueLimit) -> Any:
    """Limit how many jobs of a queue run at once."""
    queues.limit_queue(_find(name).name, body.max_running)
    return get_queue(name)


@operations.add(
    "POST",
    f"{QUEUE}/empty",
    scope=Scope.OPERATE,
    right=_RUN,
    answers={200: Answer(model=EmptiedQueue, description="The waiting jobs were stopped.")},
)
def empty_queue(name: str) -> Any:
    """Stop all waiting jobs of a queue."""
    stopped, rest = queues.empty_queue(_find(name).name)
    return {"stopped": stopped, "job": job_document(rest, job_policy()) if rest else None}


@operations.add("GET", "/pause", scope=Scope.READ, right=_SEE, answers={200: _PAUSE})
def get_pause() -> Any:
    """Get the pause of everything."""
    pause = services().global_pause.get()
    return {
        "paused_at": pause.since if pause else None,
        "paused_by": pause.by if pause else None,
        "reason": pause.reason if pause else "",
    }


@operations.add("POST", "/pause", scope=Scope.OPERATE, right=_RUN, body=ReasonBody, answers={200: _PAUSE})
def pause_everything(body: ReasonBody) -> Any:
    """Pause everything.

    No job of any queue starts until it is resumed. Running jobs continue.
    """
    queues.pause_everything(body.reason)
    return get_pause()


@operations.add("POST", "/resume", scope=Scope.OPERATE, right=_RUN, answers={200: _PAUSE})
def resume_everything() -> Any:
    """Resume after a pause of everything.

    Queues with a pause of their own stay paused.
    """
    queues.resume_everything()
    return get_pause()


@operations.add(
    "GET",
    "/workers",
    scope=Scope.READ,
    right=_SEE,
    answers={200: Answer(model=Page[WorkerDocument], description="All workers.")},
)
def list_workers() -> Any:
    """List the workers of all machines."""
    return page_reply([_worker(worker) for worker in _workers()], following=None)


@operations.add(
    "POST",
    "/workers/<name>/drain",
    scope=Scope.OPERATE,
    right=Right.STOP_WORKERS,
    answers={204: Answer(description="It will stop.")},
)
def drain_worker(name: str) -> Any:
    """Stop a worker after its current job."""
    workers.stop_worker(name, StopRequest.DRAIN)


@operations.add(
    "POST",
    "/workers/<name>/stop",
    scope=Scope.OPERATE,
    right=Right.STOP_WORKERS,
    answers={204: Answer(description="It will stop.")},
)
def stop_worker(name: str) -> Any:
    """Stop a worker now; its job goes back to the queue."""
    workers.stop_worker(name, StopRequest.NOW)


def _find(name: str) -> Queue:
    return next((queue for queue in services().queues.all() if queue.name == name), None) or abort(404)


def _documents(found: tuple[Queue, ...]) -> list[dict[str, Any]]:
    loads, waits = services().queues.loads(), services().queues.oldest_waits()
    latencies = services().queues.latencies()
    count = services().workers.count_by_queue()
    names = ("name", "paused_at", "paused_by", "reason", "max_running")
    return [
        {
            **{name: getattr(queue, name) for name in names},
            "waiting": loads.get(queue.name, QueueLoad()).waiting,
            "running": loads.get(queue.name, QueueLoad()).running,
            "workers": count.get(queue.name, 0),
            "longest_wait": waits.get(queue.name),
            "wait_p95": latencies[queue.name].p95 if queue.name in latencies else None,
            "wait_samples": latencies[queue.name].samples if queue.name in latencies else 0,
        }
        for queue in found
    ]


def _workers() -> tuple[Worker, ...]:
    try:
        return services().workers.all()
    except RedisError:
        return services().workers.in_database()


def _worker(worker: Worker) -> dict[str, Any]:
    document = {name: getattr(worker, name) for name in WorkerDocument.model_fields}
    is_visible = viewer().tenant in {None, worker.job_tenant}
    return document if is_visible else {**document, **_HIDDEN_JOB}
