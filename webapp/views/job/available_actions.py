"""What can be done with a job, and why not where it cannot: never a mystery."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Job, Status
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels
from webapp.views.text.translations import gettext as _

OPERATOR_ACTIONS = frozenset({"run-next", "make-public", "make-private"})
_RETRIABLE = frozenset({Status.FAILED, Status.CANCELLED, Status.STALE})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAction:
    """A verb of a job's page; with a ``refusal`` it is shown, disabled, with that reason.

    ``asks`` says that the page confirms it first.
    """

    verb: str
    words: str
    sign: str
    refusal: str = ""
    harmful: bool = False
    asks: bool = True


def offered_actions(job: Job, registry: Registry, reader: ViewerContext) -> tuple[OfferedAction, ...]:
    """Return what is offered to this reader; nothing to who may not open the job."""
    if not reader.may_open(job):
        return ()
    return tuple(_offered(job, registry, reader))


def refusal(verb: str, job: Job, registry: Registry, reader: ViewerContext) -> str:
    """Return why a verb cannot be done now; empty if it can."""
    for action in offered_actions(job, registry, reader):
        if action.verb == verb:
            return action.refusal
    if verb in OPERATOR_ACTIONS and not reader.operates:
        return _("Only operators and admins may do this.")
    return _not_yours(job, reader) or _too_late(verb, job)


def _too_late(verb: str, job: Job) -> str:
    status = status_labels.status_label(job).word
    if verb in {"keep", "keep-no-longer", "make-public", "make-private"}:
        return _("This is so already, or cannot be for this job.")
    return _("The job is in the state “%(status)s”, so this cannot be done now.", status=status)


def _offered(job: Job, registry: Registry, reader: ViewerContext) -> Iterator[OfferedAction]:
    not_yours = _not_yours(job, reader)
    if not job.is_finished:
        asked = _("It was asked to stop already.") if job.cancel_requested_at else ""
        yield OfferedAction(verb="stop", words=_("Stop…"), sign="player-stop", refusal=not_yours or asked, harmful=True)
    if job.status in _RETRIABLE:
        yield OfferedAction(verb="retry", words=_("Try again…"), sign="rotate-clockwise", refusal=not_yours)
    again = _why_not_again(job, registry, reader)
    yield OfferedAction(verb="run-again", words=_("Run again…"), sign="repeat", refusal=again, asks=False)
    if reader.operates and job.is_new and not job.record_only:
        yield OfferedAction(verb="run-next", words=_("Run next…"), sign="arrow-bar-to-up", refusal=not_yours)
    if reader.operates and job.owner.user_id is None:
        yield _publishing(job)
    yield _keeping(job, not_yours)
    if job.is_finished:
        part = _("It is a part of another job, and goes with that.") if job.root_id else ""
        yield OfferedAction(verb="delete", words=_("Delete…"), sign="trash", refusal=not_yours or part, harmful=True)


def _keeping(job: Job, not_yours: str) -> OfferedAction:
    part = _("It is a part of another job, and stays as long as that.") if job.root_id else ""
    refusal = not_yours or part
    if job.kept_at:
        return OfferedAction(verb="keep-no-longer", words=_("Keep no longer…"), sign="pin", refusal=refusal)
    return OfferedAction(verb="keep", words=_("Keep"), sign="pin", refusal=refusal, asks=False)


def _publishing(job: Job) -> OfferedAction:
    if job.public:
        return OfferedAction(verb="make-private", words=_("Make private…"), sign="eye")
    return OfferedAction(verb="make-public", words=_("Make public…"), sign="eye")


def _not_yours(job: Job, reader: ViewerContext) -> str:
    return "" if reader.may_act(job) else _("Only its owner and operators may do this.")


def _why_not_again(job: Job, registry: Registry, reader: ViewerContext) -> str:
    if refusal := _not_yours(job, reader):
        return refusal
    if job.type not in registry:
        return _("This kind of job is not installed any more.")
    if not registry.get(job.type).listed:
        return _("This kind of job is not started by hand.")
    if job.type in reader.restricted_types:
        return _("You may not start this kind of job.")
    if job.record_only:
        return _("Its work is done elsewhere, so it cannot be started here.")
    return _("It is a part of another job: run that one again.") if job.root_id else ""
