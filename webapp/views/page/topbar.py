"""The top bar of every page: active jobs of the user, unread notifications and toasts.

Active jobs are those that run, wait or are scheduled. Child jobs count with their root.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from flask import Flask, g

from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.notifications import CEILING, Notification
from webapp.jobs.queries.polled_state import UserActivity
from webapp.views.page.request import job_policy, services, viewer
from webapp.views.text import status_labels
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

LISTED = 6
ACTIVE_CEILING = 100  # the badge has room for two digits


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A running job in the popover of the badge."""

    id: UUID
    title: str
    percent: float | None
    amounts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopBar:
    """The badge and the bell; ``latest`` is the number of the latest unread notification.

    ``counts`` are the numbers of active jobs by tab, without empty tabs. ``failures`` is the number of failed jobs
    that the user has not looked at. ``activity`` changes when the top bar does.
    ``is_paused``: no job starts, because everything is paused. ``to_approve`` is the number of jobs that wait for the
    user's approval, empty for none, and None for users who approve no type of job. ``to_answer`` is the number of
    questions to the user.
    """

    running: tuple[RunningJob, ...]
    active: str
    counts: Mapping[str, str]
    failures: int
    unread: str
    latest: int
    activity: UserActivity
    is_paused: bool
    to_approve: str | None
    to_answer: str

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits; a job that is scheduled for later does not count."""
        return bool(self.counts.keys() & {"running", "waiting"})

    @classmethod
    def now(cls) -> Self:
        """Load the top bar of the signed-in user."""
        who = viewer()
        found = services().queries.lists.find_active(who, LISTED)
        state = services().notifications.state(who.user_id)
        counts = {tab: count for tab, count in found.counts.items() if count}
        return cls(
            running=tuple(_running(job) for job in found.running),
            active=_up_to(sum(counts.values()), ACTIVE_CEILING) if counts else "",
            counts={tab: _up_to(count, ACTIVE_CEILING) for tab, count in counts.items()},
            failures=state.failures,
            unread=_up_to(state.unread, CEILING) if state.unread else "",
            latest=state.latest,
            activity=UserActivity.of(found, state),
            is_paused=state.paused_at is not None,
            to_approve=_to_approve(),
            to_answer=_to_answer(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Toast:
    """A message that is shown once; ``job_id`` links to its job."""

    text: str
    tone: str = "done"
    job_id: UUID | None = None


def init_app(app: Flask) -> None:
    """Give templates ``topbar()``."""
    app.jinja_env.globals["topbar"] = topbar


def topbar() -> TopBar:
    """Return the top bar of this page, loaded once per request."""
    if "topbar" not in g:
        g.topbar = TopBar.now()
    found: TopBar = g.topbar
    return found


def mark_failures_seen(jobs: Iterable[Job]) -> None:
    """Take the user's own failed jobs among these off the red mark; the page is about to show them."""
    user_id = viewer().user_id
    failed = [job.id for job in jobs if job.owner.user_id == user_id and job.status in {Status.FAILED, Status.STALE}]
    if failed and topbar().failures:
        services().notifications.mark_failures_seen(user_id, failed)
        g.pop("topbar")


def toasts(after: int, *, ran: bool) -> tuple[Toast, ...]:
    """Return toasts for the notifications after a number; ``ran``: jobs were running at the last refresh."""
    found = services().notifications.after(viewer().user_id, after)
    ended = [
        notification for notification in found if notification.id <= topbar().latest
    ]  # newer ones are shown at the next refresh
    if ran and len(ended) > 1 and not topbar().is_busy:
        failed = sum(notification.status in {Status.FAILED, Status.STALE} for notification in ended)
        return (_all_done(failed),)
    return tuple(
        Toast(
            text=notification_text(notification),
            tone=notification_tone(notification.status),
            job_id=notification.job_id,
        )
        for notification in ended[-3:]
    )


def notification_text(notification: Notification) -> str:
    """Return the sentence of a notification."""
    sentences = {
        Status.COMPLETED: _("%(job)s is done.", job=translated(notification.title)),
        Status.FAILED: _("%(job)s failed.", job=translated(notification.title)),
        Status.STALE: _("%(job)s was lost with its worker.", job=translated(notification.title)),
    }
    return str(sentences.get(notification.status) or _("%(job)s was stopped.", job=translated(notification.title)))


def notification_tone(kind: Status) -> str:
    """Return the CSS colour class of a final status."""
    return {Status.COMPLETED: "done", Status.CANCELLED: "stopped"}.get(kind, "failed")


def _all_done(failed: int) -> Toast:
    if not failed:
        return Toast(text=_("All of your jobs are done."))
    sentence = ngettext(
        "All of your jobs have finished. %(num)s failed.", "All of your jobs have finished. %(num)s failed.", failed
    )
    return Toast(text=sentence, tone="failed")


def _to_approve() -> str | None:
    policy = job_policy()
    if not policy.approvable_types:
        return None
    count = services().approvals.count(policy)
    return _up_to(count, ACTIVE_CEILING) if count else ""


def _to_answer() -> str:
    count = services().open_questions.count(job_policy())
    return _up_to(count, ACTIVE_CEILING) if count else ""


def _up_to(count: int, ceiling: int) -> str:
    return f"{ceiling - 1}+" if count >= ceiling else str(count)


def _running(job: Job) -> RunningJob:
    return RunningJob(
        id=job.id,
        title=translated(job.title),
        percent=status_labels.percent(job),
        amounts=status_labels.progress_amounts(job),
    )
