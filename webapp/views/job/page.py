"""The page of a job: loads what it shows, and describes it for the viewer.

`load_page_data` asks the services; `job_page` reads files only, which never change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import request

from webapp.accounts.permissions import Right
from webapp.jobs.flows.flow_queries import FlowOfJob
from webapp.jobs.metrics.error_groups import ErrorGroup, ErrorNotFound
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.model.progress import UNKNOWN_RUN, UsualRun
from webapp.jobs.queries.dependency_graph import NO_GRAPH, DependencyGraph
from webapp.jobs.queries.pauses import Pause
from webapp.jobs.queries.related_jobs import NO_RELATED_JOBS, RelatedJobs
from webapp.jobs.queries.visible_jobs import Attempt, Event, RunLocation
from webapp.jobs.queueing.queues import Queue
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.step_rows import Step
from webapp.views.job import children
from webapp.views.job.approval_card import ApprovalCard, approval_card
from webapp.views.job.available_actions import OfferedAction, can_share, offered_actions, permission_refusal
from webapp.views.job.children import ChildTable
from webapp.views.job.dependencies import DependencyPicture, dependency_picture
from webapp.views.job.failure_help import FailureHelp, failure_help
from webapp.views.job.files import JobFile, job_files
from webapp.views.job.history.attempts import AttemptRow, attempt_rows
from webapp.views.job.history.steps import StepRow, can_run_from_step, step_rows
from webapp.views.job.history.timeline import TimelineEntry, timeline
from webapp.views.job.questions.question_card import QuestionCard, may_answer, question_cards
from webapp.views.job.results.result import Result, job_results
from webapp.views.page.permissions import may
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels, status_text
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.status_text import QueueFacts, QueuePause, RateFacts, StatusFacts, StatusText
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

CHILDREN_SHOWN = 20
FILES_SHOWN = 50
_LONGEST = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticLine:
    """A warning or an error of a job."""

    text: str
    at: FormattedTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroupLink:
    """The group of a job's last error, and how often that error happened."""

    fingerprint: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Everything on the page of a job that can change while the page is open.

    ``location`` is where it runs now, for users who see all jobs.
    """

    id: UUID
    short_id: str
    title: str
    look: StatusLabel
    saying: StatusText
    runs: bool
    finished: bool
    percent: float | None
    amounts: str
    location: str
    seconds_left: int | None
    slower: bool  # than estimated when the page was opened
    stuck: bool
    opened: bool
    failure: FailureHelp | None
    error_group: ErrorGroupLink | None
    warnings: tuple[DiagnosticLine, ...]
    errors: tuple[DiagnosticLine, ...]
    inputs: tuple[JobFile, ...]
    outputs: tuple[JobFile, ...]
    more_files: int  # than the page lists
    results: tuple[Result, ...]
    links: tuple[Result, ...]
    timeline: tuple[TimelineEntry, ...]
    attempts: tuple[AttemptRow, ...]
    steps: tuple[StepRow, ...]
    can_run_from_step: bool
    children: ChildTable
    child_count: int
    children_failed: int
    kin: RelatedJobs
    flow: FlowOfJob | None
    graph: DependencyPicture | None
    actions: tuple[OfferedAction, ...]
    removed_at: FormattedTime | None
    kept: bool
    tags: tuple[str, ...]
    can_tag: bool
    shared_with: str | None
    can_share: bool
    approval: ApprovalCard | None
    questions: tuple[QuestionCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPageData:
    """What the page of a job shows in addition to the job itself."""

    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    attached: tuple[Attachment, ...] = ()
    file_count: int = 0
    children: tuple[Job, ...] = ()
    kin: RelatedJobs = NO_RELATED_JOBS
    flow: FlowOfJob | None = None
    graph: DependencyGraph = NO_GRAPH
    queue: QueueFacts | None = None
    rate: RateFacts | None = None
    location: RunLocation | None = None
    error_group: ErrorGroup | None = None
    run: UsualRun = UNKNOWN_RUN
    shown_left: timedelta | None = None
    removed_at: datetime | None = None
    actions: tuple[OfferedAction, ...] = ()
    approval: ApprovalCard | None = None
    questions: tuple[QuestionCard, ...] = ()


def load_page_data(job: Job, context: ViewerContext) -> JobPageData:
    """Return what the page shows in addition to the job itself, without what this viewer cannot open."""
    queries, opened = services().queries, context.may_open(job)
    kin = queries.related.find(viewer(), job)
    has_edges = bool(kin.predecessors or kin.dependents)
    attached = queries.files.all_attachments(job.id, limit=FILES_SHOWN + 1) if opened else ()
    events = queries.jobs.timeline(job.id)
    return JobPageData(
        events=events,
        attempts=queries.jobs.attempts(job.id) if opened else (),
        steps=queries.steps.of(job.id) if opened and (job.started_at or job.again_of) else (),
        attached=attached[:FILES_SHOWN],
        file_count=queries.files.count(job.id) if len(attached) > FILES_SHOWN else len(attached),
        children=queries.related.notable_children(job.id, limit=CHILDREN_SHOWN) if job.parts else (),
        kin=kin,
        flow=queries.flows.of_job(job.id) if job.root_id is None else None,
        graph=queries.graphs.around(viewer(), job.id) if has_edges else NO_GRAPH,
        queue=queue_outlook(job, context),
        rate=_rate(job),
        location=queries.jobs.run_location(job) if context.viewer.sees_all else None,
        error_group=_error_group(job) if opened else None,
        run=UNKNOWN_RUN if job.is_finished else queries.estimates.usual_run(job.type),
        shown_left=_shown_left(context),
        removed_at=services().pruner.deletion_time(job),
        actions=offered_actions(job, services().registry, context),
        approval=approval_card(job, events, context),
        questions=_questions(job, events, context),
    )


def job_page(job: Job, data: JobPageData, context: ViewerContext) -> JobPage:
    """Describe a job to this viewer."""
    job = context.readable(job)
    opened, facts = context.may_open(job), _facts(job, data, context)
    left = status_text.time_left(facts) if job.is_running else None
    results = job_results(data.attached, services().files, context) if opened else ()
    failure = _failure(job, data) if opened else None
    return JobPage(
        id=job.id,
        short_id=job.short_id,
        title=translated(job.title),
        look=status_labels.reader_label(job, context.policy),
        saying=status_text.status_text(facts),
        runs=status_labels.appears_running(job),
        finished=job.is_finished,
        percent=status_labels.percent(job),
        amounts=status_labels.progress_summary(job, context.now)
        if status_labels.appears_running(job)
        else status_labels.progress_amounts(job),
        location=_location(data.location),
        seconds_left=round(left.total_seconds()) if left is not None else None,
        slower=status_text.is_slower(facts),
        stuck=facts.silence is not None,
        opened=opened,
        failure=failure,
        error_group=_error_group_link(data.error_group) if failure and data.error_group else None,
        warnings=_diagnostics(job.warnings, context) if opened else (),
        errors=_diagnostics(job.errors[:-1] if failure else job.errors, context) if opened else (),
        inputs=job_files(data.attached, "input", context, data.removed_at),
        outputs=job_files(data.attached, "output", context, data.removed_at),
        more_files=data.file_count - len(data.attached),
        results=tuple(result for result in results if result.kind != "link"),
        links=tuple(result for result in results if result.kind == "link"),
        timeline=timeline(job, data.events, context),
        attempts=attempt_rows(data.attempts, context),
        steps=step_rows(data.steps, context),
        can_run_from_step=can_run_from_step(job, context),
        children=children.child_table(job, data.children, context),
        child_count=job.parts,
        children_failed=job.parts_failed,
        kin=data.kin,
        flow=data.flow,
        graph=dependency_picture(job, data.graph),
        actions=data.actions,
        removed_at=context.day(data.removed_at) if data.removed_at else None,
        kept=job.kept_at is not None,
        tags=job.tags,
        approval=data.approval,
        questions=data.questions,
        can_tag=context.may_open(job) and not permission_refusal("tags", job, context),
        shared_with=job.shared_with if opened else None,
        can_share=can_share(job, context),
    )


def queue_outlook(job: Job, context: ViewerContext | None = None) -> QueueFacts | None:
    """Return the state of the queue in which a job waits; without a viewer, leave the start estimate out."""
    if job.status is not Status.QUEUED or job.record_only:
        return None
    workers = services().wake_ups.workers_alive(job.queue)
    queue, pause = services().queues.stored(job.queue)
    estimates, limited = services().queries.estimates, _limited(job, queue)
    return QueueFacts(
        place=estimates.place_in_queue(job),
        workers=workers,
        starts_within=estimates.starts_within(job, workers=workers, limited=limited) if context else None,
        pause=_pause(pause, context),
    )


def _facts(job: Job, data: JobPageData, context: ViewerContext) -> StatusFacts:
    stops = [event for event in data.events if event.name in {EventName.CANCEL_REQUESTED, EventName.CANCELLED}]
    actors = [event.actor_id for event in stops if event.actor_id]
    if data.approval and data.approval.decided_by and job.cancel_kind == "rejected":
        stopped_by = data.approval.decided_by
    else:
        stopped_by = context.name(actors[-1]) if actors else ""
    return StatusFacts(
        job=job,
        now=context.now,
        zone=context.zone,
        queue=data.queue,
        rate=data.rate,
        run=data.run,
        shown_left=data.shown_left,
        slower=request.args.get("slower") == "1",
        stopped_by=stopped_by,
    )


def _location(location: RunLocation | None) -> str:
    if location is None:
        return ""
    return _(
        "Runs on %(host)s, worker %(worker)s, process %(pid)s",
        host=location.host,
        worker=location.worker,
        pid=location.pid,
    )


def _questions(job: Job, events: Sequence[Event], context: ViewerContext) -> tuple[QuestionCard, ...]:
    """Return what a job has asked, if its timeline says so."""
    if not (context.may_open(job) or may_answer(job, context)):
        return ()
    has_asked = job.again_of is not None or any(event.name == EventName.ASKED for event in events)
    return question_cards(job, services().questions.of(job.id), context) if has_asked else ()


def _failure(job: Job, data: JobPageData) -> FailureHelp | None:
    possible = {action.verb for action in data.actions if not action.refusal}
    return failure_help(job, may_retry="retry" in possible, may_change="run-again" in possible)


def _error_group(job: Job) -> ErrorGroup | None:
    """Return the group of the last error of a job that has not succeeded, for users who see the page of errors."""
    if not (
        job.errors and job.status in {Status.FAILED, Status.STALE, Status.SCHEDULED} and may(Right.SEE_INSTALLATION)
    ):
        return None
    errors = services().metrics.errors
    fingerprint = errors.fingerprint_of_job(job.id)  # none until the clock has counted the failure
    try:
        return errors.get(fingerprint) if fingerprint else None
    except ErrorNotFound:  # removed in between
        return None


def _error_group_link(group: ErrorGroup) -> ErrorGroupLink:
    times = ngettext("This error happened once.", "This error happened %(num)s times.", group.count)
    return ErrorGroupLink(fingerprint=group.fingerprint, words=times)


def _diagnostics(diagnostics: Sequence[Mapping[str, Any]], context: ViewerContext) -> tuple[DiagnosticLine, ...]:
    return tuple(
        DiagnosticLine(text=diagnostic_text(note), at=_recorded_at(note.get("at"), context)) for note in diagnostics
    )


def _recorded_at(at: object, context: ViewerContext) -> FormattedTime | None:
    return context.time(datetime.fromisoformat(at)) if isinstance(at, str) and at else None


def _pause(pause: Pause | None, context: ViewerContext | None) -> QueuePause | None:
    if pause is None:
        return None
    named = context and context.viewer.sees_all and pause.by
    by = context.name(pause.by) if context and named else _("an operator")
    return QueuePause(by=by, since=pause.since, reason=pause.reason, of_everything=not pause.queue)


def _rate(job: Job) -> RateFacts | None:
    if not job.waits_for_rate:
        return None
    return RateFacts(rate=services().registry.rate_of(job.type), starts_at=services().queries.estimates.may_start(job))


def _limited(job: Job, queue: Queue) -> bool:
    registry = services().registry
    return queue.max_running is not None or job.type not in registry or bool(registry.get(job.type).limits)


def _shown_left(context: ViewerContext) -> timedelta | None:
    """Return the time left that the page shows, less the time since its last poll (which sends both)."""
    left, shown_at = (request.args.get(name, type=int) for name in ("left", "at"))
    if left is None or shown_at is None:
        return None
    passed = context.now.timestamp() - shown_at
    if not 0 <= passed <= _LONGEST.total_seconds() or not 0 <= left <= _LONGEST.total_seconds():
        return None
    return timedelta(seconds=max(left - passed, 0.0))
