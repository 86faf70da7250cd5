"""A failure as its owner reads it: what went wrong, and what can be done about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.jobs.model.job import Job, Status
from webapp.views.text.stored_messages import diagnostic_text
from webapp.views.text.translations import gettext as _

_UNFORESEEN = re.compile(r"\w*(?:Error|Exception|Warning|Timeout|Exit): (?P<said>.+)", re.DOTALL)  # executor.py


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHelp:
    """``reason`` is in the words of the job, ``advice`` says what to do, one sentence each."""

    reason: str
    advice: tuple[str, ...]


def failure_help(job: Job, *, may_retry: bool, may_change: bool) -> FailureHelp | None:
    """Explain a job that has failed, was lost, or is about to be tried again; ``None`` for any other one."""
    reason = _reason(job.errors[-1]) if job.errors else ""
    if job.status is Status.SCHEDULED and job.attempt and reason:
        return FailureHelp(reason=reason, advice=(_("You need not do anything: it is tried again by itself."),))
    if job.status not in {Status.FAILED, Status.STALE}:
        return None
    if not reason and job.status is Status.FAILED:
        reason = _("It did not say why.")
    return FailureHelp(reason=reason, advice=tuple(_advice(job, may_retry=may_retry, may_change=may_change)))


def _reason(note: Mapping[str, Any]) -> str:
    """Say what a handler said; of an error that it did not foresee, without its name in the code."""
    unforeseen = _UNFORESEEN.fullmatch(str(note.get("text", "")))
    if unforeseen is None:
        return diagnostic_text(note)
    return _("Something went wrong that was not foreseen: %(error)s", error=unforeseen["said"])


def _advice(job: Job, *, may_retry: bool, may_change: bool) -> list[str]:
    found = []
    if job.root_id is not None:
        found.append(_("It is a part of another job: try that one again."))
    elif may_retry and job.status is Status.STALE:
        found.append(_("Look at its files and its log first: it may have done a part of its work. Then try it again."))
    elif may_retry and job.parts:
        found.append(_("Try it again: only the parts that did not complete run once more."))
    elif may_retry:
        found.append(_("If the cause is removed, or was not in your hands, try it again: it goes on where it was."))
    if may_change:
        found.append(_("If something that you chose was the cause, run it again with other parameters."))
    return [*found, _("If you ask for help, give the number %(number)s.", number=job.short_id)]
