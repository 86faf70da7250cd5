"""The viewer of a page: what the user can see and do, the current time and the time zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.accounts.permissions import Right
from webapp.jobs.model.job import Job
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.views.page.permissions import may
from webapp.views.page.request import services, signed_in, viewer
from webapp.views.text.date_format import FormattedTime, clock_time, relative_time, short_date
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerContext:
    """The viewer, the current time and the time zone; ``names`` are the users mentioned on the page."""

    viewer: Viewer
    now: datetime
    zone: ZoneInfo
    names: Mapping[UUID, str] = field(default_factory=dict)
    operates: bool = False
    restricted_types: frozenset[str] = frozenset()  # job types that only other roles can start

    def when(self, at: datetime) -> FormattedTime:
        """Format as "2 min ago"."""
        return relative_time(at, self.now, self.zone)

    def time(self, at: datetime) -> FormattedTime:
        """Format as "10:02:11"."""
        return clock_time(at, self.now, self.zone)

    def day(self, at: datetime) -> FormattedTime:
        """Format as "28 Nov"."""
        return short_date(at, self.now, self.zone)

    def may_open(self, job: Job) -> bool:
        """Whether the viewer can see the input, files and log of a job.

        Other users see that a public job runs, but not its input and output. Users who cannot start
        a type cannot see what its jobs read and wrote: an auditor must not find an admin's list of
        passwords.
        """
        if self.is_involved(job):
            return True
        return self.viewer.sees_all and job.type not in self.restricted_types

    def name(self, user_id: UUID | None) -> str:
        """Return the name of a user as this viewer sees it, for the middle of a sentence."""
        if user_id is None:
            return _("the system")
        if user_id == self.viewer.user_id:
            return _("you")
        if not self.viewer.sees_all:
            return _("another user")
        return self.names.get(user_id) or _("a deleted account")

    def may_act(self, job: Job) -> bool:
        """Whether the viewer can stop, retry, rerun, keep and delete the job: own jobs, or all for operators."""
        return self.is_involved(job) or (self.operates and self.may_open(job))

    def is_involved(self, job: Job) -> bool:
        """Whether the viewer owns or started the job."""
        return self.viewer.user_id in {job.owner.user_id, job.triggered_by}


def viewer_context(people: Iterable[UUID | None] = ()) -> ViewerContext:
    """Return the context of this request; ``people`` are the users whose names the page mentions."""
    known = {person for person in people if person is not None}
    current = viewer()
    return ViewerContext(
        viewer=current,
        now=services().queries.jobs.now(),
        zone=zone(),
        names=services().accounts.names(known) if known and current.sees_all else {},
        operates=may(Right.ACT_ON_ALL_JOBS),
        restricted_types=restricted_types(),
    )


def zone() -> ZoneInfo:
    """Return the time zone of the signed-in user."""
    return ZoneInfo(signed_in().timezone or services().settings.timezone)


def restricted_types() -> frozenset[str]:
    """Return the job types that the signed-in user cannot start."""
    return frozenset(kind.name for kind in services().registry if not kind.may_be_started_by(signed_in().role))
