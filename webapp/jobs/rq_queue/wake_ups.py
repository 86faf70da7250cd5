"""Wake-ups: RQ entries that only say that a queue has queued jobs."""

import logging
import re
from collections.abc import Iterator
from time import monotonic
from typing import Any
from uuid import uuid4

from redis import Redis, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text

from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import NO_QUEUE

log = logging.getLogger(__name__)
LEAST_CAP = 16
OWN_PREFIXES = ("rq:", "LIMITS", "deskjob")  # key prefixes of RQ, the login throttle and Deskjob
_PAUSE_SECONDS = 3.0  # after a failure, so that a Redis that hangs delays one job and not each of them
_ID = re.compile("[0-9a-f-]{36}")
_INVALID_ID = "invalid"  # RQ stops its worker on other characters, and a long id fills the environment


class WakeUp(Job):
    """An RQ job of which only the id and the queue name are read; it cannot be performed."""

    success_callback = failure_callback = stopped_callback = property(lambda _: None)

    def perform(self) -> None:
        """Raise: the work is in the database."""
        raise NotImplementedError

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Do nothing: an address from Redis cannot be trusted."""


class WakeUpQueue(Queue):
    """A queue of wake-ups. Nothing from Redis is used except a queue name and an id."""

    job_class = WakeUp

    def __init__(self, name: str, connection: Redis, **_: Any) -> None:
        super().__init__(name, connection=connection, job_class=WakeUp, serializer=JSONSerializer)

    @classmethod
    def dequeue_any(  # type: ignore[override]  # (RQ passes the rest by name)
        cls, queues: Any, timeout: int | None, connection: Redis, **options: Any
    ) -> Any:
        """Wait for a wake-up; an entry that is not text is dropped with a log line.

        An error response counts as a lost connection: RQ waits for a lost connection, but stops its
        worker on an error response.
        """
        while True:
            try:
                return super().dequeue_any(queues, timeout, connection, **options)
            except UnicodeDecodeError:
                log.warning("Dropped an entry that is not text from a queue in Redis.")
            except ResponseError as error:
                raise RedisConnectionError(str(error)) from error

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> Any:
        """Take an entry without the copy that RQ keeps in an intermediate list, which would only grow."""
        return cls.lpop([queue_key], timeout, connection=connection)

    @classmethod
    def _fetch_dequeued_job(  # type: ignore[override]  # (RQ passes the rest by name)
        cls, connection: Redis, queue_key: str, job_id: str, **_others: Any
    ) -> tuple[Job, Queue]:
        queue = cls(queue_of(queue_key), connection)
        checked = job_id if _ID.fullmatch(job_id) else _INVALID_ID
        return WakeUp(checked, connection=connection, serializer=JSONSerializer), queue


class WakeUps:
    """Pushes wake-ups, but no more than the workers can use."""

    def __init__(self, connection: Redis) -> None:
        self.connection = connection
        self._paused_until = 0.0
        self._caps: dict[str, int] = {}  # of the queues that were full at the last push

    def push(self, name: str, rows: int = 1) -> None:
        """Push a wake-up for queue ``name``, or one for each of its workers but not more than ``rows``.

        If Redis is away, a log line is written and nothing is pushed for a while: the job is in the
        database, and the clock pushes the wake-up later. `NO_QUEUE` gets no wake-ups.
        """
        if name == NO_QUEUE or monotonic() < self._paused_until:
            return
        try:
            if not self._is_full(name):
                self._push(name, 1 if rows == 1 else max(1, min(rows, self._workers(name))))
        except (RedisError, OSError) as error:  # also if a job has left no file to open
            self._paused_until = monotonic() + _PAUSE_SECONDS
            log.warning("Redis cannot be reached (%s); the job stays queued until it is back.", error)

    def waiting(self, name: str) -> int:
        """Return the number of wake-ups in queue ``name``."""
        return int(self.connection.llen(key_of(name)))

    def unknown_keys(self) -> Iterator[str]:
        """Iterate over the keys in Redis that do not belong to Deskjob; raises ``RedisError`` if Redis is away."""
        for key in self.connection.scan_iter(count=1000):
            name = as_text(key) if isinstance(key, str) else key.decode(errors="replace")
            if not name.startswith(OWN_PREFIXES):
                yield name

    def top_up(self, name: str, rows: int) -> int:
        """Add wake-ups to a queue until it has ``min(rows, cap)``; return how many were added."""
        lacking = max(0, min(rows, self._cap(name)) - self.waiting(name))
        if lacking:
            self._push(name, lacking)
        return lacking

    def workers_alive(self, name: str) -> int:
        """Return the number of live workers of queue ``name``; 0 if Redis is away."""
        try:
            keys = self.connection.smembers(f"rq:workers:{name}")
            return sum(self.connection.exists(key) for key in keys)
        except RedisError:
            return 0

    def _is_full(self, name: str) -> bool:
        """Return whether a queue that was full still is, with one command; for any other queue, with none.

        Each of its wake-ups is taken after this, so that its worker finds all rows that were committed before.
        """
        if (cap := self._caps.get(name)) is None:
            return False
        if self.waiting(name) >= cap:
            return True
        self._caps.pop(name, None)
        return False

    def _push(self, name: str, count: int) -> None:
        """Push ``count`` wake-ups, and take back those beyond the cap. Mostly one command."""
        faultpoint("wake-up.push")
        length = self.connection.rpush(key_of(name), *(str(uuid4()) for _ in range(count)))
        if length > LEAST_CAP and length > (cap := self._cap(name)):
            self._caps[name] = cap
            for _ in range(min(count, length - cap)):
                self.connection.lpop(key_of(name))

    def _cap(self, name: str) -> int:
        """Return the maximum of wake-ups: twice the workers, at least `LEAST_CAP`."""
        return max(LEAST_CAP, 2 * self._workers(name))

    def _workers(self, name: str) -> int:
        return int(self.connection.scard(f"rq:workers:{name}"))


def key_of(queue: str) -> str:
    """Return the key of a queue's wake-ups in Redis."""
    return f"{Queue.redis_queue_namespace_prefix}{queue}"


def queue_of(key: bytes | str) -> str:
    """Return the queue whose wake-ups a key has."""
    return as_text(key).removeprefix(Queue.redis_queue_namespace_prefix)
