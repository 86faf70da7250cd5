"""What is said of a job that has ended."""

from webapp.views.facts import Facts, Saying
from webapp.views.moments import SPACE, span
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext
from webapp.views.wording import percent, which_attempt


def completed(facts: Facts) -> Saying:
    """It did what it was asked to."""
    ran, count = span(facts.elapsed), len(facts.job.warnings)
    if not count:
        return Saying(fact=_("Finished in %(period)s.", period=ran))
    warned = ngettext(
        "Finished in %(period)s with %(num)s warning.",
        "Finished in %(period)s with %(num)s warnings.",
        count,
        period=ran,
    )
    return Saying(fact=warned)


def failed(facts: Facts) -> Saying:
    """It ended without its result."""
    job = facts.job
    if job.started_at is None:
        return Saying(fact=_("Failed before it started."))
    ran = span(facts.elapsed)
    if job.max_attempts == 1:
        return Saying(fact=_("Failed after %(period)s.", period=ran))
    attempt = which_attempt(job, job.attempt)
    return Saying(fact=_("Failed after %(period)s in %(attempt)s.", period=ran, attempt=attempt))


def cancelled(facts: Facts) -> Saying:
    """Somebody stopped it."""
    job, by = facts.job, facts.stopped_by
    if job.started_at is None:
        early = _("Stopped by %(person)s before it started.", person=by) if by else _("Stopped before it started.")
        return Saying(fact=early)
    forced = _("It did not answer, so it was ended.") if job.cancel_kind == "forced" else ""
    return Saying(fact=_stopped(by, percent(job), span(facts.elapsed)), outlook=forced)


def stale(_facts: Facts) -> Saying:
    """Nobody knows what became of it."""
    return Saying(fact=_("The worker that ran it was lost."), outlook=_("Nobody knows how far it came."))


def _stopped(by: str, known: float | None, ran: str) -> str:
    if known is None:
        named = _("Stopped by %(person)s after %(period)s.", person=by, period=ran)
        return named if by else _("Stopped after %(period)s.", period=ran)
    far = f"{int(known)}{SPACE}%"
    named = _("Stopped by %(person)s at %(percent)s.", person=by, percent=far)
    return named if by else _("Stopped at %(percent)s.", percent=far)
