"""Banners for pauses: of everything on each page, and of queues in which the viewer has waiting jobs on lists."""

from dataclasses import dataclass

from flask import Flask, g

from webapp.jobs.model.job import Status
from webapp.jobs.queries.pauses import Pause, PausedQueues
from webapp.views.page.request import services, viewer
from webapp.views.page.topbar import topbar
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True)
class PauseBanner:
    """A paused queue, or everything; ``name`` and ``by`` are only shown to viewers who see all jobs."""

    name: str
    by: str
    since: FormattedTime
    reason: str


def init_app(app: Flask) -> None:
    """Give templates ``pauses()`` and ``pause_of_everything()``."""
    app.jinja_env.globals["pauses"] = pauses
    app.jinja_env.globals["pause_of_everything"] = pause_of_everything


def pauses() -> tuple[PauseBanner, ...]:
    """Return the banners of queues, loaded once per request; no query for jobs while no queue is paused."""
    if "pauses" not in g:
        g.pauses = _load_banners()
    banners: tuple[PauseBanner, ...] = g.pauses
    return banners


def pause_of_everything() -> PauseBanner | None:
    """Return the banner of every page; no query while the top bar knows of no pause."""
    everything = _paused().everything if topbar().is_paused else None
    return _banner(everything, viewer_context((everything.by,))) if everything else None


def _load_banners() -> tuple[PauseBanner, ...]:
    paused = _paused()
    if not paused.queues:
        return ()
    waiting = services().queries.lists.page(viewer(), tab="waiting")
    held_up = {job.queue for job in waiting if job.status is Status.QUEUED}
    context = viewer_context(pause.by for pause in paused)
    return tuple(_banner(pause, context) for pause in paused if pause.queue in held_up)


def _paused() -> PausedQueues:
    if "paused_queues" not in g:
        g.paused_queues = services().queues.paused()
    found: PausedQueues = g.paused_queues
    return found


def _banner(pause: Pause, context: ViewerContext) -> PauseBanner:
    sees_all = context.viewer.sees_all
    by = _("an operator")
    if sees_all:
        by = context.name(pause.by) if pause.by else _("the command line")
    return PauseBanner(pause.queue if sees_all else "", by, context.when(pause.since), pause.reason)
