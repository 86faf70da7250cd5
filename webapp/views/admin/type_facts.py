"""The rules of a job type in words: how long it may run, how often, who starts it, how long it is kept."""

from datetime import timedelta

from webapp.accounts.user import Role
from webapp.jobs.job import Status
from webapp.jobs.job_type import JobType
from webapp.jobs.retention import FOREVER
from webapp.jobs.uniqueness import OnDuplicate
from webapp.views.admin.user_view import role_word
from webapp.views.moments import span
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext


def limits(kind: JobType) -> tuple[str, ...]:
    """Say how long a job may run, how often it is tried, and how many run at once."""
    return (_("up to %(period)s", period=span(kind.timeout)), _tries(kind), *_at_once(kind))


def starters(kind: JobType) -> tuple[str, ...]:
    """Say who may start it, and where if not from the catalogue."""
    who = ", ".join(_role(role) for role in sorted(kind.roles, key=_rank)) or _("Everybody")
    return (who,) if kind.listed else (who, _("only from other pages"))


def kept(kind: JobType, usual: timedelta) -> tuple[str, ...]:
    """Say how long jobs are kept that have ended, and then their files; ``usual`` is what the installation says."""
    return (*_jobs_kept(kind, usual), _("files: %(period)s", period=_period(kind.keep_files)))


def facts(kind: JobType, usual: timedelta) -> tuple[tuple[str, str], ...]:
    """Return every rule with its name."""
    running, of_one_owner = kind.limits.running, kind.limits.running_per_owner
    return (
        (_("Who may start it"), "; ".join(starters(kind))),
        (_("Priority"), str(kind.priority)),
        (_("Attempts"), _tries(kind)),
        (_("Longest run"), span(kind.timeout)),
        (_("Time to stop"), span(kind.stop_grace)),
        (_("Longest silence"), span(kind.stale_after) if kind.stale_after else _("any")),
        (_("At most at once"), _most(running)),
        (_("At most at once of one owner"), _most(of_one_owner)),
        (_("A second one with the same key"), _second(kind)),
        (_("If its worker is lost"), _("runs again") if kind.rerun_lost else _("is not started again")),
        (_("Jobs are kept"), "; ".join(_jobs_kept(kind, usual))),
        (_("Files are kept"), _period(kind.keep_files)),
    )


def _tries(kind: JobType) -> str:
    return ngettext("%(num)s try", "up to %(num)s tries", kind.retry.max_attempts)


def _at_once(kind: JobType) -> tuple[str, ...]:
    running, of_one_owner = kind.limits.running, kind.limits.running_per_owner
    found = []
    if running is not None:
        found.append(_("%(count)s at once", count=running))
    if of_one_owner is not None:
        found.append(_("%(count)s at once of one owner", count=of_one_owner))
    return tuple(found) or (_("any number at once"),)


def _most(limit: int | None) -> str:
    return _("any number") if limit is None else str(limit)


def _second(kind: JobType) -> str:
    if kind.unique_key is None:
        return _("runs as any other: there is no key")
    words = {
        OnDuplicate.REJECT: _("is refused"),
        OnDuplicate.RETURN: _("is the first one"),
        OnDuplicate.QUEUE_AFTER: _("waits for the first one"),
    }
    return words[kind.on_duplicate]


def _role(role: str) -> str:
    return role_word(Role(role)) if role in set(Role) else role


def _rank(role: str) -> tuple[int, str]:
    """From the weakest on; roles that nobody has come last."""
    known = list(Role)
    return (known.index(Role(role)) if role in known else len(known)), role


def _jobs_kept(kind: JobType, usual: timedelta) -> tuple[str, ...]:
    own = kind.keep.by_status()
    words = {
        Status.COMPLETED: _("done"),
        Status.FAILED: _("failed"),
        Status.CANCELLED: _("stopped"),
        Status.STALE: _("lost"),
    }
    said = (f"{word}: {_period(own[status])}" for status, word in words.items() if status in own)
    return (_period(usual), *said)


def _period(period: timedelta) -> str:
    return _("for ever") if period == FOREVER else span(period)
