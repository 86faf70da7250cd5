"""What is asked before a job is stopped, tried again or deleted."""

from webapp.views import wording
from webapp.views.asking.matter import Matter, Question, named
from webapp.views.locales import size
from webapp.views.moments import SPACE
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext


def stop(matter: Matter) -> Question:
    """Say what happens to its work and to its parts."""
    job = matter.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    parts = ngettext(
        "Its part that has not ended is stopped, too.",
        "Its %(num)s parts that have not ended are stopped, too.",
        outstanding,
    )
    return Question(
        title=named(_("Stop %(job)s?"), job),
        effect=_("It has not started yet, and will not.") if job.is_new else _running(matter),
        action=_("Stop the job"),
        keep=_("Let it wait") if job.is_new else _("Keep running"),
        notes=(parts,) if outstanding > 0 else (),
    )


def retry(matter: Matter) -> Question:
    """Say from where it goes on."""
    job = matter.job
    notes = []
    if job.parts:
        notes.append(_("Of its parts, only those that did not complete run again."))
    return Question(
        title=named(_("Try %(job)s again?"), job),
        effect=_("The same job runs once more, with the same parameters, as attempt %(number)s. It goes on from "
                 "its last checkpoint. Its files and its log are kept.", number=job.attempt + 1),
        action=_("Try again"),
        keep=_("Leave it"),
        notes=tuple(notes),
    )  # fmt: skip


def delete(matter: Matter) -> Question:
    """Say what goes with it."""
    job, count = matter.job, len(matter.files)
    files = ngettext(
        "Its file (%(size)s) is removed for good, too.",
        "Its %(num)s files (%(size)s) are removed for good, too.",
        count,
        size=size(sum(file.size for file in matter.files)),
    )
    parts = ngettext("Its part goes with it.", "Its %(num)s parts go with it, with their files.", job.parts)
    kept = _("Somebody has chosen to keep it.")
    chosen = ((files, count), (parts, job.parts), (kept, job.kept_at))
    return Question(
        title=named(_("Delete %(job)s?"), job),
        effect=_("The job, its log and its timeline are removed. This cannot be undone."),
        action=_("Delete the job"),
        keep=_("Keep it"),
        notes=tuple(note for note, true in chosen if true),
    )


def _running(matter: Matter) -> str:
    known = wording.percent(matter.job)
    far = _("It is %(percent)s done.", percent=f"{int(known)}{SPACE}%") + " " if known is not None else ""
    if not matter.job.is_running:
        return _("It waits for its parts, which are stopped.")
    if matter.job.record_only:
        return far + _("Its work is done elsewhere: whoever does it is asked to end, and nothing here can force it.")
    return far + _(
        "It is asked to stop and has %(grace)s to finish its current step; then it is ended by force. "
        "Files that it has made are kept.",
        grace=matter.grace,
    )
