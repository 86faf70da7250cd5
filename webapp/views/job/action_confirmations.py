"""The texts that confirm an action on a job: a question, its effect, and the labels of the buttons. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.views.text import status_labels
from webapp.views.text.date_format import SPACE, FormattedTime
from webapp.views.text.number_format import size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationContext:
    """What the texts depend on; ``grace`` is the grace period of a running job, as text."""

    job: Job
    files: tuple[Attachment, ...] = ()
    grace: str = ""
    removed_at: FormattedTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationText:
    """``title`` is a question, ``effect`` says what happens, ``notes`` are further sentences."""

    title: str
    effect: str
    action: str
    keep: str
    notes: tuple[str, ...] = ()


def stop(context: ConfirmationContext) -> ConfirmationText:
    """Stop the job and its unfinished children."""
    job = context.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    parts = ngettext(
        "Its %(num)s unfinished child job is stopped too.",
        "Its %(num)s unfinished child jobs are stopped too.",
        outstanding,
    )
    return ConfirmationText(
        title=with_job(_("Stop %(job)s?"), job),
        effect=_("It has not started yet and will not start.") if job.is_new else _running(context),
        action=_("Stop job"),
        keep=_("Keep waiting") if job.is_new else _("Keep running"),
        notes=(parts,) if outstanding > 0 else (),
    )


def retry(context: ConfirmationContext) -> ConfirmationText:
    """Run the same job again, from its checkpoint."""
    job = context.job
    notes = []
    if job.parts:
        notes.append(_("Only the child jobs that are not done run again."))
    return ConfirmationText(
        title=with_job(_("Retry %(job)s?"), job),
        effect=_("The same job runs again with the same parameters, as attempt %(number)s. It continues from "
                 "its last checkpoint. Its files and its log are kept.", number=job.attempt_number + 1),
        action=_("Retry"),
        keep=_("Back"),
        notes=tuple(notes),
    )  # fmt: skip


def delete(context: ConfirmationContext) -> ConfirmationText:
    """Delete the job with its children and files."""
    job, count = context.job, len(context.files)
    files = ngettext(
        "Its %(num)s file (%(size)s) is deleted too.",
        "Its %(num)s files (%(size)s) are deleted too.",
        count,
        size=size(sum(file.size for file in context.files)),
    )
    parts = ngettext(
        "Its %(num)s child job is deleted too, with its files.",
        "Its %(num)s child jobs are deleted too, with their files.",
        job.parts,
    )
    kept = _("The job is marked “Keep”.")
    candidates = ((files, count), (parts, job.parts), (kept, job.kept_at))
    return ConfirmationText(
        title=with_job(_("Delete %(job)s?"), job),
        effect=_("The job, its log and its timeline are deleted. This cannot be undone."),
        action=_("Delete job"),
        keep=_("Back"),
        notes=tuple(note for note, applies in candidates if applies),
    )


def keep(context: ConfirmationContext) -> ConfirmationText:
    """Protect the job from deletion by age."""
    return ConfirmationText(
        title=with_job(_("Keep %(job)s?"), context.job),
        effect=_("The job and its files are kept until someone deletes them."),
        action=_("Keep job"),
        keep=_("Back"),
    )


def keep_no_longer(context: ConfirmationContext) -> ConfirmationText:
    """Let the job expire again."""
    day = context.removed_at.text if context.removed_at else ""
    return ConfirmationText(
        title=with_job(_("Don't keep %(job)s?"), context.job),
        effect=_("It will be deleted on its normal schedule, with its files."),
        action=_("Don't keep"),
        keep=_("Back"),
        notes=(_("It expires: %(day)s.", day=day),) if day else (),
    )


def run_next(context: ConfirmationContext) -> ConfirmationText:
    """Put the job at the front of its queue."""
    return ConfirmationText(
        title=with_job(_("Run %(job)s next?"), context.job),
        effect=_("It moves to the front of its queue. The next available worker runs it."),
        notes=(_("It does not wait for its scheduled time."),) if context.job.status is Status.SCHEDULED else (),
        action=_("Run next"),
        keep=_("Keep waiting"),
    )


def make_public(context: ConfirmationContext) -> ConfirmationText:
    """Show the status of the job to all users."""
    return ConfirmationText(
        title=with_job(_("Make %(job)s public?"), context.job),
        effect=_("All users can see its status. Only operators, auditors and admins can see its "
                 "parameters, files and log."),
        action=_("Make public"),
        keep=_("Back"),
    )  # fmt: skip


def make_private(context: ConfirmationContext) -> ConfirmationText:
    """Hide the job from users."""
    return ConfirmationText(
        title=with_job(_("Make %(job)s private?"), context.job),
        effect=_("Only operators, auditors and admins will be able to see it."),
        action=_("Make private"),
        keep=_("Back"),
    )


def confirmation_text(verb: str, context: ConfirmationContext) -> ConfirmationText:
    """Return the confirmation of an action."""
    return _CONFIRMATIONS[verb](context)


def with_job(question: str, job: Job) -> str:
    """Put the title and the number of the job into a question."""
    return question % {"job": _("“%(title)s” #%(number)s", title=translated(job.title), number=job.short_id)}


def _running(context: ConfirmationContext) -> str:
    percent = status_labels.percent(context.job)
    progress = _("It is %(percent)s done.", percent=f"{int(percent)}{SPACE}%") + " " if percent is not None else ""
    if not context.job.is_running:
        return _("It is waiting for its child jobs, which are stopped.")
    if context.job.record_only:
        return progress + _("Its work runs outside Deskjob, which can only ask it to stop.")
    return progress + _(
        "It has %(grace)s to finish its current step, then it is killed. The files it has created are kept.",
        grace=context.grace,
    )


_CONFIRMATIONS: Mapping[str, Callable[[ConfirmationContext], ConfirmationText]] = MappingProxyType(
    {
        "stop": stop,
        "retry": retry,
        "delete": delete,
        "keep": keep,
        "keep-no-longer": keep_no_longer,
        "run-next": run_next,
        "make-public": make_public,
        "make-private": make_private,
    }
)
VERBS = tuple(_CONFIRMATIONS)
