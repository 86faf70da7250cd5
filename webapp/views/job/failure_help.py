"""Explains a failed job to its owner: the reason, and what the owner can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.jobs.model.job import Job, Status
from webapp.views.text.stored_messages import diagnostic_text
from webapp.views.text.translations import gettext as _

_UNEXPECTED = re.compile(r"\w*(?:Error|Exception|Warning|Timeout|Exit): (?P<message>.+)", re.DOTALL)  # executor.py


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
    """Return the message of the error; an unexpected error is marked as such."""
    unexpected = _UNEXPECTED.fullmatch(str(note.get("text", "")))
    if unexpected is None:
        return diagnostic_text(note)
    return _("Unexpected error: %(error)s", error=unexpected["message"])


def _advice(job: Job, *, may_retry: bool, may_change: bool) -> list[str]:
    advice = []
    if job.root_id is not None:
        advice.append(_("This is a child job. Retry its parent job."))
    elif may_retry and job.status is Status.STALE:
        advice.append(_("Check its files and its log: some of its work may be done. Then retry it."))
    elif may_retry and job.parts:
        advice.append(_("Retry it: only the child jobs that are not done run again."))
    elif may_retry:
        advice.append(_("If the cause is fixed or was temporary, retry it: it continues from its last checkpoint."))
    if may_change:
        advice.append(_("If the input was the cause, run it again with other parameters."))
    return [*advice, _("If you contact support, give the number %(number)s.", number=job.short_id)]
