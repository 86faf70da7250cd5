"""Texts of bulk actions: the confirmation before, and the summary after."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.jobs.lifecycle.bulk_actions import BulkAction, SortedJobs
from webapp.jobs.model.job_policy import Objection
from webapp.jobs.queries.visible_jobs import COUNT_CEILING
from webapp.views.page.confirmation import Confirmation
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkActionText:
    """The buttons of a bulk action, and its effect in one or two sentences."""

    action: str
    keep: str
    effect: str
    none: str


_TEXTS: Mapping[BulkAction, BulkActionText] = {
    BulkAction.STOP: BulkActionText(
        action=lazy_gettext("Stop jobs"),
        keep=lazy_gettext("Keep running"),
        effect=lazy_gettext(
            "Waiting jobs stop at once. Running jobs stop after their current step; "
            "the files they have created are kept."
        ),
        none=lazy_gettext("None of these jobs can be stopped"),
    ),
    BulkAction.RETRY: BulkActionText(
        action=lazy_gettext("Retry jobs"),
        keep=lazy_gettext("Back"),
        effect=lazy_gettext("The same jobs run again, each from its last checkpoint if it has one."),
        none=lazy_gettext("None of these jobs can be retried"),
    ),
    BulkAction.RUN_AGAIN: BulkActionText(
        action=lazy_gettext("Run again"),
        keep=lazy_gettext("Back"),
        effect=lazy_gettext("Each job is started as a new job with the same parameters and files."),
        none=lazy_gettext("None of these jobs can be run again"),
    ),
    BulkAction.DELETE: BulkActionText(
        action=lazy_gettext("Delete jobs"),
        keep=lazy_gettext("Back"),
        effect=lazy_gettext("The jobs are deleted with their logs, child jobs and files. This cannot be undone."),
        none=lazy_gettext("None of these jobs can be deleted"),
    ),
    BulkAction.SHARE: BulkActionText(
        action=lazy_gettext("Save"),
        keep=lazy_gettext("Back"),
        effect=lazy_gettext(
            "The members of the group can read their input, files, log and results. They cannot change them."
        ),
        none=lazy_gettext("None of these jobs can be shared"),
    ),
    BulkAction.UNSHARE: BulkActionText(
        action=lazy_gettext("Stop sharing"),
        keep=lazy_gettext("Back"),
        effect=lazy_gettext("The members of the groups that the jobs are shared with no longer see them."),
        none=lazy_gettext("None of these jobs is shared"),
    ),
}


def confirm_selected(action: BulkAction, judged: SortedJobs, *, post: str, back: str) -> Confirmation:
    """Return the confirmation for selected jobs, or the reason why the action applies to none of them."""
    text, count = _TEXTS[action], len(judged.fit)
    notes = tuple(_skipped_text(reason, many) for reason, many in judged.reasons.items())
    refusal = "" if count else " ".join(notes) or _("No jobs selected. Select jobs in the list first.")
    return Confirmation(
        title=_title(action, count) if count else str(text.none),
        effect=str(text.effect) if count else "",
        notes=notes if count else (),
        action=str(text.action),
        keep=str(text.keep) if count else _("Back"),
        post=post,
        back=back,
        refusal=refusal,
        harmful=action in {BulkAction.STOP, BulkAction.DELETE},
    )


def confirm_all_matching(action: BulkAction, count: int, *, post: str, back: str) -> Confirmation:
    """Return the confirmation for all jobs that match the filter; the job that runs it skips the others."""
    text, capped = _TEXTS[action], count >= COUNT_CEILING
    number = _("More than %(count)s jobs match.", count=COUNT_CEILING - 1) if capped else _match_count(count)
    return Confirmation(
        title=_all_title(action),
        effect=f"{number} {text.effect}" if count else "",
        notes=(
            _("A new job does this. Its page shows the progress and the results."),
            _("Jobs it does not apply to, and jobs created after this list was loaded, are skipped."),
        ),
        action=str(text.action),
        keep=str(text.keep),
        post=post,
        back=back,
        refusal="" if count else _("No jobs match any more."),
        harmful=action in {BulkAction.STOP, BulkAction.DELETE},
    )


def summary(action: BulkAction, judged: SortedJobs) -> str:
    """Return what was done to how many jobs, and how many were skipped."""
    skipped = len(judged.unfit)
    rest = ngettext("%(num)s job was skipped.", "%(num)s jobs were skipped.", skipped) if skipped else ""
    return f"{_done(action, len(judged.fit))} {rest}".strip()


def _title(action: BulkAction, count: int) -> str:
    sentences = {
        BulkAction.STOP: ngettext("Stop %(num)s job?", "Stop %(num)s jobs?", count),
        BulkAction.RETRY: ngettext("Retry %(num)s job?", "Retry %(num)s jobs?", count),
        BulkAction.RUN_AGAIN: ngettext("Run %(num)s job again?", "Run %(num)s jobs again?", count),
        BulkAction.DELETE: ngettext("Delete %(num)s job?", "Delete %(num)s jobs?", count),
        BulkAction.SHARE: ngettext("Share %(num)s job", "Share %(num)s jobs", count),
        BulkAction.UNSHARE: ngettext("Stop sharing %(num)s job?", "Stop sharing %(num)s jobs?", count),
    }
    return str(sentences[action])


def _all_title(action: BulkAction) -> str:
    sentences = {
        BulkAction.STOP: _("Stop all matching jobs?"),
        BulkAction.RETRY: _("Retry all matching jobs?"),
        BulkAction.RUN_AGAIN: _("Run all matching jobs again?"),
        BulkAction.DELETE: _("Delete all matching jobs?"),
        BulkAction.SHARE: _("Share all matching jobs"),
        BulkAction.UNSHARE: _("Stop sharing all matching jobs?"),
    }
    return str(sentences[action])


def _match_count(count: int) -> str:
    return str(ngettext("%(num)s job matches.", "%(num)s jobs match.", count))


def _done(action: BulkAction, count: int) -> str:
    sentences = {
        BulkAction.STOP: ngettext(
            "%(num)s job was stopped or is stopping.", "%(num)s jobs were stopped or are stopping.", count
        ),
        BulkAction.RETRY: ngettext("%(num)s job will be retried.", "%(num)s jobs will be retried.", count),
        BulkAction.RUN_AGAIN: ngettext("%(num)s new job was started.", "%(num)s new jobs were started.", count),
        BulkAction.DELETE: ngettext("%(num)s job was deleted.", "%(num)s jobs were deleted.", count),
        BulkAction.SHARE: ngettext("%(num)s job is shared.", "%(num)s jobs are shared.", count),
        BulkAction.UNSHARE: ngettext("%(num)s job is no longer shared.", "%(num)s jobs are no longer shared.", count),
    }
    return str(sentences[action])


def _skipped_text(reason: Objection, count: int) -> str:
    sentences = {
        Objection.ENDED: ngettext(
            "%(num)s job has already finished and is skipped.",
            "%(num)s jobs have already finished and are skipped.",
            count,
        ),
        Objection.STOPPING: ngettext("%(num)s job is already stopping.", "%(num)s jobs are already stopping.", count),
        Objection.NOT_ENDED: ngettext(
            "%(num)s job has not finished yet and is skipped.",
            "%(num)s jobs have not finished yet and are skipped.",
            count,
        ),
        Objection.DONE: ngettext(
            "%(num)s job is done and is skipped.",
            "%(num)s jobs are done and are skipped.",
            count,
        ),
        Objection.NOT_SHARED: ngettext(
            "%(num)s job is not shared with a group.", "%(num)s jobs are not shared with a group.", count
        ),
        Objection.NOT_IN_GROUP: ngettext(
            "%(num)s job is skipped, because you no longer belong to the group.",
            "%(num)s jobs are skipped, because you no longer belong to the group.",
            count,
        ),
        Objection.PRIVATE_OUTPUT: ngettext(
            "%(num)s job shows what its owner can see and is skipped.",
            "%(num)s jobs show what their owners can see and are skipped.",
            count,
        ),
        Objection.PART: ngettext(
            "%(num)s job is a child job and is skipped.",
            "%(num)s jobs are child jobs and are skipped.",
            count,
        ),
        Objection.NOT_YOURS: ngettext(
            "%(num)s job belongs to another user and is skipped.",
            "%(num)s jobs belong to other users and are skipped.",
            count,
        ),
        Objection.OWNER_RIGHTS: ngettext(
            "%(num)s job runs with the permissions of another user and is skipped.",
            "%(num)s jobs run with the permissions of other users and are skipped.",
            count,
        ),
        Objection.CLOSED: ngettext(
            "%(num)s job has a type that you don't have permission to start.",
            "%(num)s jobs have types that you don't have permission to start.",
            count,
        ),
        Objection.PASSWORD: ngettext(
            "%(num)s job has a type that asks for your password and is skipped.",
            "%(num)s jobs have types that ask for your password and are skipped.",
            count,
        ),
        Objection.NOT_MANUAL: ngettext(
            "%(num)s job has a type that cannot be started manually.",
            "%(num)s jobs have types that cannot be started manually.",
            count,
        ),
    }
    return str(sentences[reason])
