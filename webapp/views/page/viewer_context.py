"""The viewer of a page: what the user can see and do, the current time and the time zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.jobs.model.job import Job
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.user_policy import viewer_of
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.text.date_format import FormattedTime, clock_time, relative_time, short_date
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerContext:
    """The viewer, the current time and the time zone; ``names`` are the users mentioned on the page."""

    policy: JobPolicy
    now: datetime
    zone: ZoneInfo
    names: Mapping[UUID, str] = field(default_factory=dict)

    @property
    def viewer(self) -> Viewer:
        """The viewer as queries take it."""
        return viewer_of(self.policy)

    @property
    def operates(self) -> bool:
        """Whether the viewer can act on the jobs of other users."""
        return self.policy.acts_on_all

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
        """Whether the viewer can see the input, files, messages and log of a job."""
        return self.policy.may_open(job)

    def readable(self, job: Job) -> Job:
        """Return the job without its message if the viewer cannot open it: the message is a text of the handler."""
        return job if self.may_open(job) else replace(job, message="")

    def name(self, user_id: UUID | None) -> str:
        """Return the name of a user as this viewer sees it, for the middle of a sentence."""
        if user_id is None:
            return _("the system")
        if user_id == self.viewer.user_id:
            return _("you")
        if not self.viewer.sees_all:
            return self.names.get(user_id) or _("another user")
        return self.names.get(user_id) or _("a deleted account")

    def label(self, user_id: UUID | None) -> str:
        """Return the name of a user as it stands alone, in a column or a list of facts."""
        if user_id is None:
            return _("System")
        if user_id == self.viewer.user_id:
            return _("You")
        if not self.viewer.sees_all:
            return self.names.get(user_id) or _("Another user")
        return self.names.get(user_id) or _("Deleted account")

    def on_behalf(self, job: Job, starter: str) -> str:
        """Return who started a job, with the owner if that is another user: "Ana for Ben"."""
        if job.owner.user_id is None or job.triggered_by in {None, job.owner.user_id}:
            return starter
        if job.owner.user_id == self.viewer.user_id:
            return _("%(person)s for you", person=starter)
        return _("%(person)s for %(owner)s", person=starter, owner=self.name(job.owner.user_id))

    def may_act(self, job: Job) -> bool:
        """Whether the viewer can stop, keep and delete the job: own jobs, or all for operators."""
        return self.policy.may_act(job)


def viewer_context(people: Iterable[UUID | None] = (), jobs: Iterable[Job] = ()) -> ViewerContext:
    """Return the context of this request; ``people`` are the users whose names the page mentions.

    Users who do not see all jobs know only the owners and starters of those ``jobs`` that are shared with their groups.
    """
    policy = job_policy()
    shared = jobs if policy.groups and not policy.sees_all else ()
    sharing = (job for job in shared if policy.is_shared(job.shared_with, job.tenant))
    named = people if policy.sees_all else (user for job in sharing for user in (job.owner.user_id, job.triggered_by))
    known = {person for person in named if person is not None}
    return ViewerContext(
        policy=policy,
        now=services().queries.jobs.now(),
        zone=zone(),
        names=services().accounts.names(known) if known else {},
    )


def zone() -> ZoneInfo:
    """Return the time zone of the signed-in user."""
    return ZoneInfo(signed_in().timezone or services().settings.timezone)


def own_groups() -> tuple[str, ...]:
    """Return the groups with which the signed-in user can share jobs: their own, or all for those who manage groups."""
    policy = job_policy()
    names = [group.name for group in services().user_groups.all()] if policy.shares_with_all else policy.groups
    return tuple(sorted(names, key=str.casefold))
