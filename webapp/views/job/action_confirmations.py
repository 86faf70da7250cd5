"""What each verb of a job asks before it is done: what happens, and to how much of it.

What is asked before a job is stopped, tried again or deleted.

What is asked before a job is kept, or kept no longer.

What a question is about, and what it is made of.

What is asked of those who run the place: to put a job before others, and to show it to everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.model.job import Job
from webapp.jobs.store.attachments import Attachment
from webapp.views.text import status_labels
from webapp.views.text.date_format import SPACE, FormattedTime
from webapp.views.text.number_format import size
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationContext:
    """What a question is about; ``grace`` is how long a running job may take to stop, in words."""

    job: Job
    files: tuple[Attachment, ...] = ()
    grace: str = ""
    removed_at: FormattedTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationText:
    """``title`` asks, ``effect`` says what happens; ``notes`` are further sentences."""

    title: str
    effect: str
    action: str
    keep: str
    notes: tuple[str, ...] = ()


def named(words: str, job: Job) -> str:
    """Name the job in a question."""
    return words % {"job": f"“{translated(job.title)}” #{job.short_id}"}


def stop(context: ConfirmationContext) -> ConfirmationText:
    """Say what happens to its work and to its parts."""
    job = context.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    parts = ngettext(
        "Its part that has not ended is stopped, too.",
        "Its %(num)s parts that have not ended are stopped, too.",
        outstanding,
    )
    return ConfirmationText(
        title=named(_("Stop %(job)s?"), job),
        effect=_("It has not started yet, and will not.") if job.is_new else _running(context),
        action=_("Stop the job"),
        keep=_("Let it wait") if job.is_new else _("Keep running"),
        notes=(parts,) if outstanding > 0 else (),
    )


def retry(context: ConfirmationContext) -> ConfirmationText:
    """Say from where it goes on."""
    job = context.job
    notes = []
    if job.parts:
        notes.append(_("Of its parts, only those that did not complete run again."))
    return ConfirmationText(
        title=named(_("Try %(job)s again?"), job),
        effect=_("The same job runs once more, with the same parameters, as attempt %(number)s. It goes on from "
                 "its last checkpoint. Its files and its log are kept.", number=job.attempt + 1),
        action=_("Try again"),
        keep=_("Leave it"),
        notes=tuple(notes),
    )  # fmt: skip


def delete(context: ConfirmationContext) -> ConfirmationText:
    """Say what goes with it."""
    job, count = context.job, len(context.files)
    files = ngettext(
        "Its file (%(size)s) is removed for good, too.",
        "Its %(num)s files (%(size)s) are removed for good, too.",
        count,
        size=size(sum(file.size for file in context.files)),
    )
    parts = ngettext("Its part goes with it.", "Its %(num)s parts go with it, with their files.", job.parts)
    kept = _("Somebody has chosen to keep it.")
    chosen = ((files, count), (parts, job.parts), (kept, job.kept_at))
    return ConfirmationText(
        title=named(_("Delete %(job)s?"), job),
        effect=_("The job, its log and its timeline are removed. This cannot be undone."),
        action=_("Delete the job"),
        keep=_("Keep it"),
        notes=tuple(note for note, true in chosen if true),
    )


def _running(context: ConfirmationContext) -> str:
    known = status_labels.percent(context.job)
    far = _("It is %(percent)s done.", percent=f"{int(known)}{SPACE}%") + " " if known is not None else ""
    if not context.job.is_running:
        return _("It waits for its parts, which are stopped.")
    if context.job.record_only:
        return far + _("Its work is done elsewhere: whoever does it is asked to end, and nothing here can force it.")
    return far + _(
        "It is asked to stop and has %(grace)s to finish its current step; then it is ended by force. "
        "Files that it has made are kept.",
        grace=context.grace,
    )


def keep(context: ConfirmationContext) -> ConfirmationText:
    """Say for how long."""
    return ConfirmationText(
        title=named(_("Keep %(job)s?"), context.job),
        effect=_("It and its files stay until somebody deletes them."),
        action=_("Keep the job"),
        keep=_("Leave it"),
    )


def keep_no_longer(context: ConfirmationContext) -> ConfirmationText:
    """Say when it goes."""
    day = context.removed_at.text if context.removed_at else ""
    return ConfirmationText(
        title=named(_("Keep %(job)s no longer?"), context.job),
        effect=_("It is removed in its time again, with its files."),
        action=_("Keep it no longer"),
        keep=_("Keep it"),
        notes=(_("That is: %(day)s.", day=day),) if day else (),
    )


def run_next(context: ConfirmationContext) -> ConfirmationText:
    """Say before whom."""
    return ConfirmationText(
        title=named(_("Run %(job)s next?"), context.job),
        effect=_("It is put before all others in its queue. The next worker that is free takes it."),
        action=_("Run it next"),
        keep=_("Let it wait"),
    )


def make_public(context: ConfirmationContext) -> ConfirmationText:
    """Say what everybody sees."""
    return ConfirmationText(
        title=named(_("Make %(job)s public?"), context.job),
        effect=_("Everybody who can sign in sees that it runs and how it ended. "
                 "Its parameters, files and log stay with those who operate."),
        action=_("Make it public"),
        keep=_("Leave it"),
    )  # fmt: skip


def make_private(context: ConfirmationContext) -> ConfirmationText:
    """Say who still sees it."""
    return ConfirmationText(
        title=named(_("Make %(job)s private?"), context.job),
        effect=_("Only those who see all jobs will still see it."),
        action=_("Make it private"),
        keep=_("Leave it"),
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


def confirmation_text(verb: str, context: ConfirmationContext) -> ConfirmationText:
    """Return what is asked before ``verb``."""
    return _CONFIRMATIONS[verb](context)
