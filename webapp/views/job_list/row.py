"""A job as a row or a card of a list. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webapp.jobs.model.job import Job, Status, short_id
from webapp.jobs.model.progress import UNKNOWN_RUN, UsualRun
from webapp.jobs.model.shown_results import PAGE_ONLY_TYPES
from webapp.jobs.store.attachments import Attachment
from webapp.views.job_list.search_match import SearchMatch, search_matches
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels, status_text
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import number, size
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.status_text import RateFacts, StatusFacts
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _

USUAL_COLUMNS = ("by", "files")  # those that a list shows unless its user chose others
FILES_SHOWN = 2  # links to output files, and names of input files


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLink:
    """A link to a file of a job; ``kept_until`` is None if it is kept as long as the job."""

    id: UUID
    job_id: UUID
    name: str
    size: str
    kept_until: FormattedTime | None
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenSummary:
    """How many of a root's child jobs are done: "3 of 12 child jobs done, 1 failed"."""

    text: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentLink:
    """The root of a child job, and the child's name among its siblings."""

    id: UUID
    short_id: str
    child_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A row of the list; ``percent`` is None while the progress is unknown.

    ``children`` is None for a job without child jobs, ``parent`` for any job that is not one itself. ``matches`` is
    where a search found the job. ``columns`` are the names of the columns that the user chose, and ``cells`` the texts
    of those that are no field of their own. A routine job is one that the system ran and that went well.
    """

    id: UUID
    short_id: str
    title: str
    look: StatusLabel
    type_name: str
    input_names: str
    line: str
    line_is_error: bool
    children: ChildrenSummary | None
    parent: ParentLink | None
    percent: float | None
    outlook: str
    stuck: bool  # it has reported nothing for longer than usual
    runs: bool
    started_by: str
    started_by_inline: str
    files: tuple[FileLink, ...]
    more_files: int
    when: FormattedTime
    matches: tuple[SearchMatch, ...] = ()
    tags: tuple[str, ...] = ()
    shared_with: str | None = None
    columns: tuple[str, ...] = USUAL_COLUMNS
    cells: tuple[tuple[str, str], ...] = ()
    is_routine: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class DeletedRow:
    """The row of a job that was deleted while the page was open."""

    id: UUID
    is_deleted: bool = True


def job_row(
    job: Job,
    attached: Sequence[Attachment],
    context: ViewerContext,
    *,
    run: UsualRun = UNKNOWN_RUN,
    words: Sequence[str] = (),
    columns: tuple[str, ...] = USUAL_COLUMNS,
) -> JobRow:
    """Describe a job to this viewer, who searched for ``words``; ``attached`` is empty for a job they cannot open."""
    job = context.readable(job)
    outputs = [file for file in file_links(attached, context) if file.role == "output"]
    rate = RateFacts(rate=services().registry.rate_of(job.type)) if job.waits_for_rate else None
    facts = StatusFacts(job=job, now=context.now, zone=context.zone, run=run, rate=rate)
    error = _error(job, context)
    title, line = translated(job.title), error or _line(facts)
    return JobRow(
        id=job.id,
        short_id=job.short_id,
        title=title,
        look=status_labels.reader_label(job, context.policy),
        type_name=job.type,
        input_names=_input_names(
            [file.name for file in attached if file.role == "input" and file.name not in job.title]
        ),
        line=line,
        line_is_error=bool(error),
        children=children_summary(job),
        parent=_parent(job),
        percent=status_labels.percent(job),
        outlook=status_text.expectation(facts) if job.is_running else "",
        stuck=facts.silence is not None,
        runs=status_labels.appears_running(job),
        started_by=context.on_behalf(job, context.label(_starter(job))),
        started_by_inline=context.on_behalf(job, context.name(_starter(job))),
        files=tuple(outputs[:FILES_SHOWN]),
        more_files=max(len(outputs) - FILES_SHOWN, 0),
        when=context.when(_relevant_time(job, context)),
        matches=search_matches(job, words if context.may_open(job) else (), (title, line, str(job.id))),
        columns=columns,
        cells=tuple((name, _CELLS[name](job, context)) for name in columns if name in _CELLS),
        is_routine=_is_routine(job),
        tags=job.tags,
        shared_with=job.shared_with if context.may_open(job) else None,
    )


def _is_routine(job: Job) -> bool:
    by_system = job.owner.user_id is None and job.triggered_by is None
    return by_system and not job.public and job.status is Status.COMPLETED and not job.has_warnings


def children_summary(job: Job) -> ChildrenSummary | None:
    """Return how many of the job's child jobs are done, failed and stopped; ``None`` if it has none."""
    if not job.parts:
        return None
    counts = [
        _("%(done)s of %(total)s child jobs done", done=number(job.parts_completed), total=number(job.parts)),
        _("%(count)s failed", count=number(job.parts_failed)) if job.parts_failed else "",
        _("%(count)s stopped", count=number(job.parts_cancelled)) if job.parts_cancelled else "",
    ]
    return ChildrenSummary(text=", ".join(filter(None, counts)), failed=job.parts_failed > 0)


def _parent(job: Job) -> ParentLink | None:
    if job.root_id is None:
        return None
    return ParentLink(id=job.root_id, short_id=short_id(job.root_id), child_name=job.child_name or "")


def file_links(attached: Sequence[Attachment], context: ViewerContext) -> tuple[FileLink, ...]:
    """Return links to the files that can still be downloaded."""
    return tuple(
        _file(file, context)
        for file in attached
        if not is_unavailable(file, context.now) and file.media_type not in PAGE_ONLY_TYPES
    )


def is_unavailable(file: Attachment, now: datetime) -> bool:
    """Return whether a file was deleted or has expired."""
    return file.deleted_at is not None or (file.expires_at is not None and file.expires_at <= now)


def _file(file: Attachment, context: ViewerContext) -> FileLink:
    return FileLink(
        id=file.id,
        job_id=file.job_id,
        name=file.name,
        size=size(file.size),
        kept_until=context.day(file.expires_at) if file.expires_at else None,
        role=file.role,
    )


def _error(job: Job, context: ViewerContext) -> str:
    if job.status not in {Status.FAILED, Status.STALE} or not job.errors or not context.may_open(job):
        return ""
    return diagnostic_text(job.errors[-1])


def _input_names(names: Sequence[str]) -> str:
    """Return the first names of the input files; they distinguish jobs of the same type."""
    more = len(names) - FILES_SHOWN
    listed = ", ".join(names[:FILES_SHOWN])
    return str(_("%(files)s and %(count)s more", files=listed, count=more)) if more > 0 else listed


def _line(facts: StatusFacts) -> str:
    job = facts.job
    if job.status is Status.WAITING and job.parts:  # the summary of its children says it
        return ""
    if job.status in {Status.SCHEDULED, Status.CANCELLED, Status.STALE}:
        return status_text.status_text(facts).fact
    return (
        status_labels.progress_summary(job, facts.now)
        if status_labels.appears_running(job)
        else translated(job.message)
    )


def _starter(job: Job) -> UUID | None:
    return job.triggered_by or job.owner.user_id


def _relevant_time(job: Job, context: ViewerContext) -> datetime:
    due_at = job.run_at if job.status is Status.SCHEDULED else None
    return job.finished_at or due_at or job.started_at or job.created_at or context.now


def _duration(job: Job, context: ViewerContext) -> str:
    if job.started_at is None or job.is_new:
        return ""
    return duration((job.finished_at or context.now) - job.started_at)


_CELLS: Mapping[str, Callable[[Job, ViewerContext], str]] = {
    "type": lambda job, _context: job.type,
    "queue": lambda job, _context: job.queue,
    "duration": _duration,
    "created": lambda job, context: context.when(job.created_at or context.now).text,
    "attempt": lambda job, _context: f"{job.attempt_number} / {job.attempts_allowed}",
    "priority": lambda job, _context: str(job.priority),
}
