"""The words of acts on many jobs: what is asked before, and what is told afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.jobs.lifecycle.bulk_actions import BulkAction, Objection, SortedJobs
from webapp.jobs.queries.visible_jobs import COUNT_CEILING
from webapp.views.page.confirmation import Confirmation
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext, ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkActionText:
    """What an act is called on its buttons, and what it does."""

    action: str
    keep: str
    effect: str
    none: str


_WORDS: Mapping[BulkAction, BulkActionText] = {
    BulkAction.STOP: BulkActionText(
        action=lazy_gettext("Stop them"),
        keep=lazy_gettext("Keep them running"),
        effect=lazy_gettext(
            "Those that wait end at once. Those that run are asked to stop after their current step; "
            "files that they have made are kept."
        ),
        none=lazy_gettext("None of these jobs can be stopped"),
    ),
    BulkAction.RETRY: BulkActionText(
        action=lazy_gettext("Retry them"),
        keep=lazy_gettext("Leave them"),
        effect=lazy_gettext("The same jobs run once more, each from its last checkpoint if it has one."),
        none=lazy_gettext("None of these jobs can be retried"),
    ),
    BulkAction.RUN_AGAIN: BulkActionText(
        action=lazy_gettext("Run them again"),
        keep=lazy_gettext("Leave them"),
        effect=lazy_gettext("For each of them a new job starts with the same parameters and files."),
        none=lazy_gettext("None of these jobs can be run again"),
    ),
    BulkAction.DELETE: BulkActionText(
        action=lazy_gettext("Delete them"),
        keep=lazy_gettext("Keep them"),
        effect=lazy_gettext("They go for good, with their logs, their parts and all their files."),
        none=lazy_gettext("None of these jobs can be deleted"),
    ),
}


def confirm_selected(action: BulkAction, judged: SortedJobs, *, post: str, back: str) -> Confirmation:
    """Ask about jobs that were ticked; why not, if it fits none of them."""
    words, count = _WORDS[action], len(judged.fit)
    notes = tuple(_passed_over(reason, many) for reason, many in judged.reasons.items())
    refusal = "" if count else " ".join(notes) or _("No job is chosen. Tick some in the list first.")
    return Confirmation(
        title=_title(action, count) if count else str(words.none),
        effect=str(words.effect) if count else "",
        notes=notes if count else (),
        action=str(words.action),
        keep=str(words.keep) if count else _("Back"),
        post=post,
        back=back,
        refusal=refusal,
        harmful=action in {BulkAction.STOP, BulkAction.DELETE},
    )


def confirm_all_matching(action: BulkAction, count: int, *, post: str, back: str) -> Confirmation:
    """Ask about all that match; what it does not fit is found out on the way."""
    words, capped = _WORDS[action], count >= COUNT_CEILING
    number = _("More than %(count)s jobs match.", count=COUNT_CEILING - 1) if capped else _match(count)
    return Confirmation(
        title=_all_title(action),
        effect=f"{number} {words.effect}" if count else "",
        notes=(
            _("This becomes a job of its own, with its progress and a list of what it did."),
            _("It leaves alone what it does not fit, and jobs that were created after this list was shown."),
        ),
        action=str(words.action),
        keep=str(words.keep),
        post=post,
        back=back,
        refusal="" if count else _("No job matches any more."),
        harmful=action in {BulkAction.STOP, BulkAction.DELETE},
    )


def summary(action: BulkAction, judged: SortedJobs) -> str:
    """Tell what was done, and to how many it was not."""
    left = len(judged.unfit)
    rest = ngettext("%(num)s was left as it is.", "%(num)s were left as they are.", left) if left else ""
    return f"{_done(action, len(judged.fit))} {rest}".strip()


def _title(action: BulkAction, count: int) -> str:
    sentences = {
        BulkAction.STOP: ngettext("Stop %(num)s job?", "Stop %(num)s jobs?", count),
        BulkAction.RETRY: ngettext("Retry %(num)s job?", "Retry %(num)s jobs?", count),
        BulkAction.RUN_AGAIN: ngettext("Run %(num)s job again?", "Run %(num)s jobs again?", count),
        BulkAction.DELETE: ngettext("Delete %(num)s job?", "Delete %(num)s jobs?", count),
    }
    return str(sentences[action])


def _all_title(action: BulkAction) -> str:
    sentences = {
        BulkAction.STOP: _("Stop all jobs that match?"),
        BulkAction.RETRY: _("Retry all jobs that match?"),
        BulkAction.RUN_AGAIN: _("Run all jobs again that match?"),
        BulkAction.DELETE: _("Delete all jobs that match?"),
    }
    return str(sentences[action])


def _match(count: int) -> str:
    return str(ngettext("%(num)s job matches.", "%(num)s jobs match.", count))


def _done(action: BulkAction, count: int) -> str:
    sentences = {
        BulkAction.STOP: ngettext(
            "%(num)s job was stopped or asked to.", "%(num)s jobs were stopped or asked to.", count
        ),
        BulkAction.RETRY: ngettext("%(num)s job runs once more.", "%(num)s jobs run once more.", count),
        BulkAction.RUN_AGAIN: ngettext("%(num)s new job was started.", "%(num)s new jobs were started.", count),
        BulkAction.DELETE: ngettext("%(num)s job was deleted.", "%(num)s jobs were deleted.", count),
    }
    return str(sentences[action])


def _passed_over(reason: Objection, count: int) -> str:
    sentences = {
        Objection.ENDED: ngettext(
            "%(num)s of them has ended already and stays as it is.",
            "%(num)s of them have ended already and stay as they are.",
            count,
        ),
        Objection.STOPPING: ngettext(
            "%(num)s of them was asked to stop before.", "%(num)s of them were asked to stop before.", count
        ),
        Objection.NOT_ENDED: ngettext(
            "%(num)s of them has not ended yet and is left alone.",
            "%(num)s of them have not ended yet and are left alone.",
            count,
        ),
        Objection.DONE: ngettext(
            "%(num)s of them is done and need not be retried.",
            "%(num)s of them are done and need not be retried.",
            count,
        ),
        Objection.PART: ngettext(
            "%(num)s of them is a part of another job and goes with that.",
            "%(num)s of them are parts of other jobs and go with those.",
            count,
        ),
        Objection.NOT_YOURS: ngettext(
            "%(num)s of them is not yours and is left alone.",
            "%(num)s of them are not yours and are left alone.",
            count,
        ),
        Objection.CLOSED: ngettext(
            "%(num)s of them is of a kind that you may not start.",
            "%(num)s of them are of kinds that you may not start.",
            count,
        ),
    }
    return str(sentences[reason])
