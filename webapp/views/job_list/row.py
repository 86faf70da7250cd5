"""A job as one line of a list, or one card of those that run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels, status_text
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import size
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.status_text import StatusFacts
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_ALONE = {
    "you": lazy_gettext("You"),
    "the system": lazy_gettext("System"),
    "somebody else": lazy_gettext("Somebody else"),
}
FILES_SHOWN = 2  # as many names of what it was given are told, too


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """A file of a job, to be offered; ``kept_until`` is None for as long as the job is kept."""

    id: UUID
    job_id: UUID
    name: str
    size: str
    kept_until: FormattedTime | None
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """What a list says of a job. ``percent`` is None while nobody can know it."""

    id: UUID
    short_id: str
    title: str
    look: StatusLabel
    type_name: str
    input_names: str
    line: str
    line_is_error: bool
    percent: float | None
    outlook: str
    runs: bool
    started_by: str
    started_by_inline: str
    files: tuple[FileLink, ...]
    more_files: int
    when: FormattedTime
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class DeletedRow:
    """The place of a job that was removed while its page was open."""

    id: UUID
    is_deleted: bool = True


def job_row(
    job: Job, attached: Sequence[Attachment], reader: ViewerContext, *, usual: timedelta | None = None
) -> JobRow:
    """Describe a job to this reader; ``attached`` is empty for one who may not open it."""
    offered = [file for file in file_links(attached, reader) if file.role == "output"]
    facts = StatusFacts(job=job, now=reader.now, zone=reader.zone, usual=usual)
    error = _error(job, reader)
    return JobRow(
        id=job.id,
        short_id=job.short_id,
        title=translated(job.title),
        look=status_labels.status_label(job),
        type_name=job.type,
        input_names=_input_names([file.name for file in attached if file.role == "input"]),
        line=error or _line(facts),
        line_is_error=bool(error),
        percent=status_labels.percent(job),
        outlook=status_text.expectation(facts) if job.is_running else "",
        runs=status_labels.appears_running(job),
        started_by=_started_by(job, reader),
        started_by_inline=_started_by_inline(job, reader),
        files=tuple(offered[:FILES_SHOWN]),
        more_files=max(len(offered) - FILES_SHOWN, 0),
        when=reader.when(_moment(job, reader)),
    )


def file_links(attached: Sequence[Attachment], reader: ViewerContext) -> tuple[FileLink, ...]:
    """Describe the files that can still be fetched."""
    return tuple(_file(file, reader) for file in attached if not is_unavailable(file, reader.now))


def is_unavailable(file: Attachment, now: datetime) -> bool:
    """Tell whether a file was removed, or is about to be."""
    return file.deleted_at is not None or (file.expires_at is not None and file.expires_at <= now)


def _file(file: Attachment, reader: ViewerContext) -> FileLink:
    return FileLink(
        id=file.id,
        job_id=file.job_id,
        name=file.name,
        size=size(file.size),
        kept_until=reader.day(file.expires_at) if file.expires_at else None,
        role=file.role,
    )


def _error(job: Job, reader: ViewerContext) -> str:
    if job.status not in {Status.FAILED, Status.STALE} or not job.errors or not reader.may_open(job):
        return ""
    return diagnostic_text(job.errors[-1])


def _input_names(names: Sequence[str]) -> str:
    """Name the first of the files that a job was given; they tell jobs of one type apart."""
    more = len(names) - FILES_SHOWN
    listed = ", ".join(names[:FILES_SHOWN])
    return str(_("%(files)s and %(count)s more", files=listed, count=more)) if more > 0 else listed


def _line(facts: StatusFacts) -> str:
    job = facts.job
    if job.status in {Status.SCHEDULED, Status.CANCELLED, Status.STALE}:
        return status_text.status_text(facts).fact
    return (
        status_labels.progress_summary(job, facts.now)
        if status_labels.appears_running(job)
        else translated(job.message)
    )


def _started_by(job: Job, reader: ViewerContext) -> str:
    name = _started_by_inline(job, reader)
    said = _ALONE.get(name)
    return str(said) if said else name


def _started_by_inline(job: Job, reader: ViewerContext) -> str:
    """Name the same in the middle of a sentence."""
    return reader.name(job.triggered_by or job.owner.user_id)


def _moment(job: Job, reader: ViewerContext) -> datetime:
    waits = job.run_at if job.status is Status.SCHEDULED else None
    return job.finished_at or waits or job.started_at or job.created_at or reader.now
