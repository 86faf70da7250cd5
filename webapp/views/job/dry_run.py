"""A dry run of a job: GET asks, POST runs the job in a process of its own and shows what it reported.

The answer to the POST is the page with the result: nothing is stored, so there is nothing to redirect to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.jobs.execution.by_hand.dry_run import TRACEBACK, DryRunLine
from webapp.jobs.execution.by_hand.dry_run_process import OUTPUT, SECONDS, DryRunBusy, DryRunResult
from webapp.jobs.model.job import Job
from webapp.views.job.available_actions import can_run_dry, permission_refusal
from webapp.views.page.audit_log import record_audit
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("dry_run", __name__)
_LABELS: Mapping[str, tuple[str, str]] = {  # and the CSS class of the colour
    "progress": (lazy_gettext("Progress"), ""),
    "message": (lazy_gettext("Message"), ""),
    "warning": (lazy_gettext("Warning"), "attention"),
    "error": (lazy_gettext("Error"), "failed"),
    "file": (lazy_gettext("File"), ""),
    "child job": (lazy_gettext("Child job"), ""),
    "dependent job": (lazy_gettext("Dependent job"), ""),
    "state": (lazy_gettext("Checkpoint"), ""),
    "metadata": (lazy_gettext("Metadata"), ""),
    "debug": (lazy_gettext("Log"), ""),
    "info": (lazy_gettext("Log"), ""),
    "critical": (lazy_gettext("Log"), "failed"),
    OUTPUT: (lazy_gettext("Output"), ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunRow:
    """A line of the result: what it is, its colour and its text."""

    label: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunPage:
    """The result of a dry run; ``tracebacks`` are for operators."""

    tone: str
    sentence: str
    progress: str
    message: str
    rows: tuple[DryRunRow, ...]
    tracebacks: tuple[str, ...]


@bp.get("/jobs/<uuid:job_id>/dry-run")
def ask(job_id: UUID) -> ResponseReturnValue:
    """Show the confirmation."""
    context = viewer_context()
    job = _openable(job_id, context)
    text = _("The job runs with its parameters and its checkpoint for at most %(seconds)s s, and you see what it "
             "reports. Nothing is changed in Deskjob. Effects on other systems, such as a message that it sends, "
             "cannot be prevented.", seconds=round(SECONDS))  # fmt: skip
    return render_confirmation(
        Confirmation(
            title=_("Dry run of “%(job)s” #%(number)s?", job=translated(job.title), number=job.short_id),
            effect=text,
            action=_("Start dry run"),
            keep=_("Back"),
            post=url_for("dry_run.run", job_id=job.id),
            back=url_for("jobs.show", job_id=job.id),
            harmful=False,
            refusal=permission_refusal("dry-run", job, context) or _type_refusal(job),
        )
    )


@bp.post("/jobs/<uuid:job_id>/dry-run")
def run(job_id: UUID) -> ResponseReturnValue:
    """Run the job without effects, within limits, and show the result."""
    job, result = run_dry(job_id)
    operates = viewer_context().viewer.sees_all
    return render_template("job/dry_run.html", job=job, result=dry_run_page(result), operates=operates)


def run_dry(job_id: UUID) -> tuple[Job, DryRunResult]:
    """Run a job without effects for the signed-in user, or end the request; pages and the API call it."""
    context = viewer_context()
    job = _openable(job_id, context)
    if refusal := permission_refusal("dry-run", job, context):
        abort(403, refusal)
    if refusal := _type_refusal(job):
        abort(409, refusal)
    try:
        result = services().dry_run_processes.run(job)
    except DryRunBusy as busy:
        abort(409, translated(str(busy)))
    record_audit(AuditAction.JOB_DRY_RUN, AuditTarget.JOB, job.id, name=job.title)
    return job, result


def dry_run_page(result: DryRunResult) -> DryRunPage:
    """Describe the result of a dry run."""
    latest = {line.kind: line.text for line in result.lines}
    tone = "done" if result.completes else "attention" if result.completes is None else "failed"
    return DryRunPage(
        tone=tone,
        sentence=translated(result.sentence),
        progress=latest.get("progress", ""),
        message=translated(latest.get("message", "")),
        rows=_rows(result.lines),
        tracebacks=tuple(line.text for line in result.lines if line.kind == TRACEBACK),
    )


def _rows(lines: Sequence[DryRunLine]) -> tuple[DryRunRow, ...]:
    shown = (line for line in lines if line.kind not in {TRACEBACK, "progress", "message"})
    return tuple(_row(line) for line in shown)


def _row(line: DryRunLine) -> DryRunRow:
    label, tone = _LABELS.get(line.kind, (line.kind.capitalize(), ""))
    return DryRunRow(label=str(label), tone=tone, text=translated(line.text))


def _openable(job_id: UUID, context: ViewerContext) -> Job:
    job = services().queries.jobs.get_visible(context.viewer, job_id)
    return job if context.may_open(job) else abort(404)


def _type_refusal(job: Job) -> str:
    if can_run_dry(job, services().registry):
        return ""
    return _("A dry run is not possible: the work of this job is done outside Deskjob or only in a worker, or its "
             "job type is not installed.")  # fmt: skip
