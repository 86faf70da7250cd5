"""What the pages of queues say of each one: its figures in words, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.queues import Load, Queue
from webapp.jobs.waits import Wait
from webapp.services import Services
from webapp.views.moments import Moment, rough
from webapp.views.reader import Reader, reader
from webapp.views.texts import gettext as _
from webapp.views.wording import Look

FEW = 20  # samples: a 95th percentile of fewer is one job's luck


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue as people read it; empty words say that there is nothing to say."""

    name: str
    look: Look
    waiting: int
    oldest: str
    p95: str
    samples: int
    running: int
    limit: int | None
    workers: int
    paused_at: Moment | None
    paused_by: str
    reason: str

    @property
    def deserted(self) -> bool:
        """Whether nobody would take a job from it."""
        return not self.workers

    @property
    def few_samples(self) -> bool:
        """Whether its 95th percentile is to be taken with care."""
        return 0 < self.samples < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    loads: Mapping[str, Load]
    oldest: Mapping[str, timedelta]
    waits: Mapping[str, Wait]
    workers: Mapping[str, int]


def queue_views(services: Services) -> tuple[QueueView, ...]:
    """Describe every queue."""
    queues = services.queues.all()
    reading = reader(queue.paused_by for queue in queues)
    found = _Found(
        loads=services.queues.loads(),
        oldest=services.queues.oldest(),
        waits=services.queues.waits(),
        workers=services.workers.listening(),
    )
    return tuple(_view(queue, found, reading) for queue in queues)


def _view(queue: Queue, found: _Found, reading: Reader) -> QueueView:
    load, wait, oldest = found.loads.get(queue.name, Load()), found.waits.get(queue.name), found.oldest.get(queue.name)
    workers = found.workers.get(queue.name, 0)
    return QueueView(
        name=queue.name,
        look=_look(queue, load, workers),
        waiting=load.waiting,
        oldest=rough(oldest) if oldest is not None else "",
        p95=rough(wait.p95) if wait else "",
        samples=wait.samples if wait else 0,
        running=load.running,
        limit=queue.max_running,
        workers=workers,
        paused_at=reading.when(queue.paused_at) if queue.paused_at else None,
        paused_by=_who(queue, reading),
        reason=queue.reason,
    )


def _who(queue: Queue, reading: Reader) -> str:
    return reading.name(queue.paused_by) if queue.paused_by else _("the command line")


def _look(queue: Queue, load: Load, workers: int) -> Look:
    if queue.paused_at:
        return Look(_("Paused"), "attention", "player-pause")
    if not workers:
        return Look(_("No worker"), "failed" if load.waiting else "waiting", "alert-triangle")
    if load.running:
        return Look(_("Running"), "running", "loader-2")
    return Look(_("Open"), "done", "check")
