"""Explains a failed job to its owner: the reason, and what the owner can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from webapp.jobs.model.diagnostics import UNEXPECTED
from webapp.jobs.model.job import Job, Status
from webapp.views.text.stored_messages import diagnostic_text
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext


class _Cause(Enum):
    """What kind of failure a job had, which decides what helps."""

    REFUSED = auto()  # the handler said what is wrong
    UNEXPECTED = auto()
    KILLED = auto()
    TOO_LONG = auto()
    LOST = auto()


# Errors that were stored without the key `UNEXPECTED`
_UNEXPECTED = re.compile(r"\w*(?:Error|Exception|Exit|Group|Interrupt|Iteration|Timeout|Warning)(?:: .+)?", re.DOTALL)
_CAUSES = (
    (re.compile(r"The (?:process|worker) that ran this job was killed"), _Cause.KILLED),  # horse_process.py
    (re.compile(r"It ran longer than its limit of "), _Cause.TOO_LONG),  # time_limit.py, watchdog.py
)
_RETRY: Mapping[_Cause, str] = {
    _Cause.REFUSED: lazy_gettext(
        "If the cause is fixed or was temporary, retry it: it continues from its last checkpoint."
    ),
    _Cause.UNEXPECTED: lazy_gettext("If the cause may be temporary, retry it: it continues from its last checkpoint."),
    _Cause.KILLED: lazy_gettext(
        "Retry it: it continues from its last checkpoint. If it is killed again, ask an operator to look at it."
    ),
    _Cause.TOO_LONG: lazy_gettext(
        "Retry it: it continues from its last checkpoint. If it always takes so long, ask for a higher limit."
    ),
    _Cause.LOST: lazy_gettext("Check its files and its log: some of its work may be done. Then retry it."),
}
_CHANGE: Mapping[_Cause, str] = {
    _Cause.REFUSED: lazy_gettext("Correct the input, and run it again with other parameters."),
    _Cause.UNEXPECTED: lazy_gettext("If the input was the cause, run it again with other parameters."),
    _Cause.KILLED: lazy_gettext("If the input is very large, run it again with a smaller one."),
    _Cause.TOO_LONG: lazy_gettext("If the input is very large, run it again with a smaller one."),
    _Cause.LOST: lazy_gettext("If the input was the cause, run it again with other parameters."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHelp:
    """``reason`` is the error of the job, ``advice`` has one sentence for each option."""

    reason: str
    advice: tuple[str, ...]


def failure_help(job: Job, *, may_retry: bool, may_change: bool) -> FailureHelp | None:
    """Explain a job that failed, was lost, or waits for a retry; return None for any other job."""
    reason = _reason(job.errors[-1]) if job.errors else ""
    if job.status is Status.SCHEDULED and job.attempt_number and reason:
        return FailureHelp(reason=reason, advice=(_("No action is needed: the job will be retried automatically."),))
    if job.status not in {Status.FAILED, Status.STALE}:
        return None
    if not reason and job.status is Status.FAILED:
        reason = _("No reason was given.")
    return FailureHelp(reason=reason, advice=tuple(_advice(job, may_retry=may_retry, may_change=may_change)))


def _reason(note: Mapping[str, Any]) -> str:
    """Return the message of the error; an unexpected error is marked as such, and keeps the name of its class."""
    text = diagnostic_text(note)
    return _("Unexpected error: %(error)s", error=text) if _is_unexpected(note) else text


def _is_unexpected(note: Mapping[str, Any]) -> bool:
    return note.get("key") == UNEXPECTED or _UNEXPECTED.fullmatch(str(note.get("text", ""))) is not None


def _advice(job: Job, *, may_retry: bool, may_change: bool) -> list[str]:
    """Return what helps against this kind of failure, the most promising first."""
    cause = _cause(job)
    retry = [_retry_advice(job, cause)] if may_retry else []
    if job.root_id is not None and not may_retry:
        retry = [_("This is a child job. Retry its parent job.")]
    change = [str(_CHANGE[cause])] if may_change else []
    change_first = cause is _Cause.REFUSED and not job.parts  # a root failed for what its child jobs say
    advice = [*change, *retry] if change_first else [*retry, *change]
    return [*advice, _("If you contact support, give the number %(number)s.", number=job.short_id)]


def _retry_advice(job: Job, cause: _Cause) -> str:
    if job.parts and cause is not _Cause.LOST:
        return _("Retry it: only the child jobs that are not done run again.")
    return str(_RETRY[cause])


def _cause(job: Job) -> _Cause:
    if job.status is Status.STALE:
        return _Cause.LOST
    note = job.errors[-1] if job.errors else {}
    if _is_unexpected(note):
        return _Cause.UNEXPECTED
    text = str(note.get("text", ""))
    return next((cause for pattern, cause in _CAUSES if pattern.match(text)), _Cause.REFUSED)
