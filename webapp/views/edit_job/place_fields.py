"""The fields of the form besides the input: queue, priority, earliest start and tags, as they are typed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo

from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.tags import InvalidTags, split_tags
from webapp.jobs.model.value_rules import HIGHEST_PRIORITY
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

QUEUE, PRIORITY, AT, TAGS, VERSION = "job.queue", "job.priority", "job.at", "job.tags", "job.version"
_DIGITS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFields:
    """What was typed; ``errors`` has a sentence for each field, and under "" those about the whole form.

    ``version`` is that of the job when the form was opened; without it, the newest one is edited.
    """

    queue: str = ""
    priority: str = ""
    at: str = ""
    tags: str = ""
    version: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, zone: ZoneInfo) -> Self:
        """Return the fields of a job."""
        return cls(
            queue=job.queue,
            priority=str(job.priority),
            at=_shown(job, zone),
            tags=", ".join(job.tags),
            version=job.version,
        )

    @classmethod
    def typed(cls, form: Mapping[str, str], zone: ZoneInfo) -> Self:
        """Read the submitted form."""
        queue, priority, at, tags, version = (
            form.get(name, "").strip() for name in (QUEUE, PRIORITY, AT, TAGS, VERSION)
        )
        known = int(version) if version.isascii() and version.isdecimal() else None
        found = cls(queue=queue, priority=priority, at=at, tags=tags, version=known)
        return replace(found, errors=dict(found._problems(zone)))

    def with_error(self, name: str, sentence: str) -> Self:
        """Add a sentence about a field."""
        return replace(self, errors={**self.errors, name: sentence})

    def edit(self, job: Job, zone: ZoneInfo) -> JobEdit:
        """Return the edit of what differs from the job; call it without errors."""
        changes_time = self.at != _shown(job, zone)
        return JobEdit(
            queue=self.queue if self.queue and self.queue != job.queue else None,
            priority=int(self.priority) if self.priority and int(self.priority) != job.priority else None,
            tags=split_tags(self.tags),
            run_at=_moment(self.at, zone) if changes_time and self.at else None,
            start_now=changes_time and not self.at,
            version=self.version,
        )

    def _problems(self, zone: ZoneInfo) -> list[tuple[str, str]]:
        found = []
        digits = self.priority.removeprefix("-")
        if digits and not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS):
            found.append(("priority", _("Enter a whole number.")))
        elif digits and abs(int(digits)) > HIGHEST_PRIORITY:
            found.append(("priority", _("Enter a number up to %(most)s.", most=HIGHEST_PRIORITY)))
        try:
            split_tags(self.tags)
        except InvalidTags as error:
            found.append(("tags", translated(str(error))))
        try:
            _moment(self.at, zone)
        except (ValueError, OverflowError):
            found.append(("at", _("This must be a date and a time.")))
        return found


def _shown(job: Job, zone: ZoneInfo) -> str:
    """Return the earliest start as the field shows it; empty if it can start now."""
    waits = job.status is not Status.QUEUED and job.run_at is not None
    return job.run_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if waits and job.run_at else ""


def _moment(typed: str, zone: ZoneInfo) -> datetime | None:
    if not typed:
        return None
    local = datetime.fromisoformat(typed)
    return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
