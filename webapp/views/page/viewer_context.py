"""Who reads a page, and when and where: what the words of a page depend on beside the job."""

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
    """A viewer at a moment in a time zone; ``names`` are those of the people on the page."""

    viewer: Viewer
    now: datetime
    zone: ZoneInfo
    names: Mapping[UUID, str] = field(default_factory=dict)
    operates: bool = False
    restricted_types: frozenset[str] = frozenset()  # types of jobs that only other roles may start

    def when(self, at: datetime) -> FormattedTime:
        """Say it as "2 min ago"."""
        return relative_time(at, self.now, self.zone)

    def time(self, at: datetime) -> FormattedTime:
        """Say it as "10:02:11"."""
        return clock_time(at, self.now, self.zone)

    def day(self, at: datetime) -> FormattedTime:
        """Say it as "28 Nov"."""
        return short_date(at, self.now, self.zone)

    def may_open(self, job: Job) -> bool:
        """Others see of a public job that it runs, not what went in and came out.

        Who may not start a type does not get at what its jobs took and left: an auditor who
        reads everything must not find an admin's list of passwords.
        """
        if self.is_involved(job):
            return True
        return self.viewer.sees_all and job.type not in self.restricted_types

    def name(self, user_id: UUID | None) -> str:
        """Name a person to this reader, in the middle of a sentence."""
        if user_id is None:
            return _("the system")
        if user_id == self.viewer.user_id:
            return _("you")
        if not self.viewer.sees_all:
            return _("another user")
        return self.names.get(user_id) or _("a deleted account")

    def may_act(self, job: Job) -> bool:
        """Stop, retry, repeat, keep and delete: one's own jobs, and all of them for those who operate."""
        return self.is_involved(job) or (self.operates and self.may_open(job))

    def is_involved(self, job: Job) -> bool:
        """It is this person's job, or was asked for by this person."""
        return self.viewer.user_id in {job.owner.user_id, job.triggered_by}


def viewer_context(people: Iterable[UUID | None] = ()) -> ViewerContext:
    """Return who reads now; ``people`` are those whose names the page may say."""
    known = {person for person in people if person is not None}
    looking = viewer()
    return ViewerContext(
        viewer=looking,
        now=services().queries.jobs.now(),
        zone=zone(),
        names=services().accounts.names(known) if known and looking.sees_all else {},
        operates=may(Right.ACT_ON_ALL_JOBS),
        restricted_types=restricted_types(),
    )


def zone() -> ZoneInfo:
    """Return the time zone of who reads."""
    return ZoneInfo(signed_in().timezone or services().settings.timezone)


def restricted_types() -> frozenset[str]:
    """Return the types of jobs that who reads may not start."""
    return frozenset(kind.name for kind in services().registry if not kind.may_be_started_by(signed_in().role))
