"""Wake-ups: RQ entries that say "work waits in this queue", and nothing else."""

import logging
import re
from collections.abc import Iterator
from time import monotonic
from typing import Any

from redis import Redis, RedisError, ResponseError
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text

from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import NO_QUEUE

log = logging.getLogger(__name__)
FUNCTION = "deskjob.wake_up"  # what RQ's own tools show; no such function exists, none is ever called
LEAST_CAP = 16
OWN_PREFIXES = ("rq:", "LIMITS", "deskjob")  # what keys begin with: RQ's, the login's throttle, our own
_TTL_SECONDS = 60  # of what RQ notes beside the entry; nobody reads it, and a worker that is killed leaves it behind
_PUSH_TIMEOUT = 2.0  # seconds: somebody waits for an answer
_PAUSE_SECONDS = 3.0  # seconds without another try, so that a Redis that hangs is waited for once and not for each job
_ID = re.compile("[0-9a-f-]{36}")
_INVALID_ID = "strange"  # RQ stops its worker on an id with other characters, and fills the environment with a long one


class WakeUp(Job):
    """An RQ job of which only the id and the queue are read; it cannot be performed."""

    success_callback = failure_callback = stopped_callback = property(lambda _: None)

    def perform(self) -> None:
        """Refuse: the work is in the database."""
        raise NotImplementedError

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Send none: an address found in Redis is not to be trusted."""


class WakeUpQueue(Queue):
    """A queue of wake-ups; what it gives out carries nothing that came from Redis but two names."""

    job_class = WakeUp

    def __init__(self, name: str, connection: Redis, **_: Any) -> None:
        super().__init__(name, connection=connection, job_class=WakeUp, serializer=JSONSerializer)

    @classmethod
    def dequeue_any(  # type: ignore[override]  # (RQ passes the rest by name)
        cls, queues: Any, timeout: int | None, connection: Redis, **options: Any
    ) -> Any:
        """Wait for a wake-up; an entry that is no text is dropped with a line in the log.

        A Redis that answers with a refusal is one that is away: RQ waits for that one, and stops
        its worker for the other.
        """
        while True:
            try:
                return super().dequeue_any(queues, timeout, connection, **options)
            except UnicodeDecodeError:
                log.warning("An entry that is no text was dropped from a queue in Redis.")
            except ResponseError as error:
                raise RedisConnectionError(str(error)) from error

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> Any:
        """Take an entry and keep no copy: RQ's list of what is in between would only grow."""
        return cls.lpop([queue_key], timeout, connection=connection)

    @classmethod
    def _fetch_dequeued_job(  # type: ignore[override]  # (RQ passes the rest by name)
        cls, connection: Redis, queue_key: str, job_id: str, **_others: Any
    ) -> tuple[Job, Queue]:
        queue = cls(as_text(queue_key).removeprefix(cls.redis_queue_namespace_prefix), connection)
        known = job_id if _ID.fullmatch(job_id) else _INVALID_ID
        return WakeUp(known, connection=connection, serializer=JSONSerializer), queue


class WakeUps:
    """Pushes wake-ups, no more than the workers can use."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url, _PUSH_TIMEOUT)
        self._paused_until = 0.0

    def push(self, name: str) -> None:
        """Say that work waits in queue ``name``, unless enough wake-ups wait already.

        A Redis that is away costs a line in the log, and is left alone for a while: the row is
        there, and the clock announces it again. For jobs in no queue nobody is woken.
        """
        if name == NO_QUEUE or monotonic() < self._paused_until:
            return
        try:
            if self.missing(name):
                self._enqueue(name)
        except RedisError as error:
            self._paused_until = monotonic() + _PAUSE_SECONDS
            log.warning("Redis cannot be reached (%s); the job waits until it is back.", error)

    def missing(self, name: str) -> int:
        """Count how many more wake-ups the workers of queue ``name`` could use."""
        waiting, cap = self._figures(name)
        return max(0, cap - waiting)

    def waiting(self, name: str) -> int:
        """Count the wake-ups that wait in queue ``name``."""
        return self._figures(name)[0]

    def unknown_keys(self) -> Iterator[str]:
        """Go through the keys in Redis that nothing of Deskjob's has put there; ``RedisError`` when it is away."""
        for key in self.connection.scan_iter(count=1000):
            name = as_text(key) if isinstance(key, str) else key.decode(errors="replace")
            if not name.startswith(OWN_PREFIXES):
                yield name

    def top_up(self, name: str, rows: int) -> int:
        """Bring the wake-ups of a queue up to ``min(rows, cap)``; return how many were added."""
        waiting, cap = self._figures(name)
        lacking = max(0, min(rows, cap) - waiting)
        for _ in range(lacking):
            self._enqueue(name)
        return lacking

    def workers_alive(self, name: str) -> int:
        """Count the workers that listen to queue ``name``; 0 when Redis is away."""
        try:
            keys = self.connection.smembers(f"rq:workers:{name}")
            return sum(self.connection.exists(key) for key in keys)
        except RedisError:
            return 0

    def _figures(self, name: str) -> tuple[int, int]:
        """How many wake-ups wait, and how many at most should: twice the workers, at least `LEAST_CAP`."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.llen(f"rq:queue:{name}")
            pipeline.scard(f"rq:workers:{name}")
            waiting, workers = pipeline.execute()
        return waiting, max(LEAST_CAP, 2 * workers)

    def _enqueue(self, name: str) -> None:
        faultpoint("wake-up.push")
        WakeUpQueue(name, self.connection).enqueue_call(FUNCTION, timeout=-1, ttl=_TTL_SECONDS, result_ttl=0)


def connect(url: str, patience: float = 5.0) -> Redis:
    """Open a client that notices a dead Redis within a second or two, and waits ``patience`` seconds for an answer."""
    once_more = Retry(ConstantBackoff(0.2), 1, supported_errors=(RedisConnectionError,))
    return Redis.from_url(
        url, socket_connect_timeout=1, socket_timeout=patience, retry=once_more, health_check_interval=30
    )
