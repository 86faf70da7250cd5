"""Banner for paused queues in which the viewer has waiting jobs."""

from dataclasses import dataclass

from flask import Flask, g

from webapp.jobs.model.job import Status
from webapp.jobs.queueing.queues import Queue
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True)
class PauseBanner:
    """A paused queue; ``name`` and ``by`` are only shown to viewers who see all jobs."""

    name: str
    by: str
    since: FormattedTime
    reason: str


def init_app(app: Flask) -> None:
    """Give templates ``pauses()``."""
    app.jinja_env.globals["pauses"] = pauses


def pauses() -> tuple[PauseBanner, ...]:
    """Return the banners, loaded once per request; no query for jobs while no queue is paused."""
    if "pauses" not in g:
        g.pauses = _load_banners()
    banners: tuple[PauseBanner, ...] = g.pauses
    return banners


def _load_banners() -> tuple[PauseBanner, ...]:
    paused = services().queues.paused()
    if not paused:
        return ()
    waiting = services().queries.lists.page(viewer(), tab="waiting")
    held_up = {job.queue for job in waiting if job.status is Status.QUEUED}
    context = viewer_context(queue.paused_by for queue in paused)
    return tuple(_pause(queue, context) for queue in paused if queue.name in held_up)


def _pause(queue: Queue, context: ViewerContext) -> PauseBanner:
    sees_all = context.viewer.sees_all
    by = context.name(queue.paused_by) if sees_all and queue.paused_by else _("an operator")
    assert queue.paused_at is not None  # noqa: S101  (it is paused)
    return PauseBanner(queue.name if sees_all else "", by, context.when(queue.paused_at), queue.reason)
