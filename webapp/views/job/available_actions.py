"""The actions that the page of a job offers, each with the reason if it is disabled."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.job_policy import JobAction, Objection
from webapp.jobs.schedules.job_factory import can_be_scheduled
from webapp.views.page.permissions import can_add_own_schedules
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

OPERATOR_ACTIONS = frozenset({"stack", "run-next", "make-public", "make-private"})
_OBJECTIONS = {
    Objection.NOT_YOURS: lazy_gettext("Only the owner and operators can do this."),
    Objection.OWNER_RIGHTS: lazy_gettext("It runs with the permissions of its owner, which you don't have."),
    Objection.CLOSED: lazy_gettext("You don't have permission to start this type of job."),
    Objection.PASSWORD: lazy_gettext("This job type asks for your password. Start a new job instead."),
    Objection.NOT_APPROVED: lazy_gettext("It was not approved. Run it again to ask for approval."),
    Objection.NOT_AN_APPROVER: lazy_gettext("Only the approvers of this job type can do this."),
    Objection.APPROVED_BY_OTHERS: lazy_gettext("Somebody else must approve a job that you started, own or edited."),
    Objection.NOT_ASKED: lazy_gettext("Only those whom the job asks can do this."),
    Objection.NOT_IN_GROUP: lazy_gettext("You can share only with groups that you belong to."),
    Objection.PRIVATE_OUTPUT: lazy_gettext("It shows what its owner can see, so it cannot be shared."),
    Objection.NOT_MANUAL: lazy_gettext("This job type cannot be started manually."),
}
_ASKING_POLICY = {
    "retry": JobAction.RETRY,
    "edit": JobAction.RETRY,
    "dry-run": JobAction.DRY_RUN,
    "share": JobAction.SHARE,
    "unshare": JobAction.UNSHARE,
    **dict.fromkeys(("approve", "reject"), JobAction.APPROVE),
}
_CAN_BE_NEXT = frozenset({Status.QUEUED, Status.SCHEDULED})  # a held job waits for others
_RETRIABLE = frozenset({Status.FAILED, Status.CANCELLED, Status.STALE})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAction:
    """A button of the page; with a ``refusal`` it is disabled and shows that reason.

    With ``asks``, a confirmation comes first; ``main`` is what the page is opened for.
    """

    verb: str
    words: str
    sign: str
    refusal: str = ""
    harmful: bool = False
    asks: bool = True
    main: bool = False


def offered_actions(job: Job, registry: Registry, context: ViewerContext) -> tuple[OfferedAction, ...]:
    """Return the actions to show to this viewer; none if the viewer cannot open the job."""
    if not context.may_open(job):
        return ()
    return tuple(_offered(job, registry, context))


def refusal(verb: str, job: Job, registry: Registry, context: ViewerContext) -> str:
    """Return why an action is not possible now; empty if it is."""
    for action in offered_actions(job, registry, context):
        if action.verb == verb:
            return action.refusal
    return permission_refusal(verb, job, context) or _status_refusal(verb, job)


def edit_refusal(job: Job, context: ViewerContext) -> str:
    """Return why a job cannot be edited now; empty if it can."""
    if job.record_only:
        return _("The work of this job runs outside Deskjob, so it cannot be edited here.")
    can_change = job.is_new and not job.waits_for_answer
    return permission_refusal("edit", job, context) if can_change else _status_refusal("edit", job)


def can_run_dry(job: Job, registry: Registry) -> bool:
    """Return whether the job has a handler that can be called outside a worker."""
    return job.type in registry and not registry.get(job.type).worker_only and not job.record_only


def can_repeat(job: Job, registry: Registry, context: ViewerContext) -> bool:
    """Return whether the viewer can add a schedule with the input of the job, which must be the viewer's own."""
    if job.owner.user_id != context.viewer.user_id or job.root_id or _run_again_refusal(job, registry, context):
        return False
    return can_be_scheduled(registry.get(job.type)) and can_add_own_schedules()


def permission_refusal(verb: str, job: Job, context: ViewerContext) -> str:
    """Return why the viewer has no permission for an action on a job that they can open, whatever its status."""
    if verb in OPERATOR_ACTIONS and not context.operates:
        return _("Only operators and admins can do this.")
    if verb in _ASKING_POLICY:
        objection = context.policy.refusal(_ASKING_POLICY[verb], job)
        return str(_OBJECTIONS[objection]) if objection else ""
    return _owner_refusal(job, context)


def sharing_refusal(job: Job, group: str, context: ViewerContext) -> str:
    """Return why the viewer cannot share a job that they act on with a group; empty if they can."""
    objection = context.policy.refusal_to_share(job.type, group)
    return str(_OBJECTIONS[objection]) if objection else ""


def can_share(job: Job, context: ViewerContext) -> bool:
    """Return whether the viewer can choose a group to share a root with, or share it with none."""
    if job.root_id is not None or not context.may_open(job):
        return False
    if job.shared_with:
        return not permission_refusal("unshare", job, context)
    has_groups = bool(context.policy.groups) or context.policy.shares_with_all
    return has_groups and not permission_refusal("share", job, context)


def _status_refusal(verb: str, job: Job) -> str:
    status = status_labels.status_label(job).word
    if verb in {"keep", "keep-no-longer", "make-public", "make-private"}:
        return _("Already done, or not possible for this job.")
    return _("Not possible while the status is “%(status)s”.", status=status)


def _offered(job: Job, registry: Registry, context: ViewerContext) -> Iterator[OfferedAction]:
    owner_refusal = _owner_refusal(job, context)
    yield from _decisions(job, context)
    if not job.is_finished:
        stopping = _("The job is already stopping.") if job.cancel_requested_at else ""
        yield OfferedAction(
            verb="stop", words=_("Stop…"), sign="player-stop", refusal=owner_refusal or stopping, harmful=True
        )
    if job.status in _RETRIABLE:
        unapproved = "" if job.may_run else str(_OBJECTIONS[Objection.NOT_APPROVED])
        yield OfferedAction(
            verb="retry",
            words=_("Retry…"),
            sign="rotate-clockwise",
            refusal=permission_refusal("retry", job, context) or unapproved,
        )
    if job.is_new and not (job.record_only or job.waits_for_answer):
        yield OfferedAction(
            verb="edit",
            words=_("Edit…"),
            sign="clipboard-list",
            refusal=permission_refusal("edit", job, context),
            asks=False,
        )
    again = _run_again_refusal(job, registry, context)
    yield OfferedAction(verb="run-again", words=_("Run again…"), sign="repeat", refusal=again, asks=False)
    if can_repeat(job, registry, context):
        yield OfferedAction(verb="repeat", words=_("Repeat on a schedule…"), sign="calendar-event", asks=False)
    if can_run_dry(job, registry) and not permission_refusal("dry-run", job, context):
        yield OfferedAction(verb="dry-run", words=_("Dry run…"), sign="clipboard-list")
    if context.operates and job.is_running and not job.record_only:
        yield OfferedAction(verb="stack", words=_("Where does it hang?"), sign="search", asks=False)
    if context.operates and job.status in _CAN_BE_NEXT and not job.record_only:
        yield OfferedAction(verb="run-next", words=_("Run next…"), sign="arrow-bar-to-up", refusal=owner_refusal)
    if context.operates and job.owner.user_id is None:
        yield _visibility_action(job)
    yield _keep_action(job, owner_refusal)
    if job.is_finished:
        is_child = _("This is a child job. It is deleted with its parent job.") if job.root_id else ""
        yield OfferedAction(
            verb="delete", words=_("Delete…"), sign="trash", refusal=owner_refusal or is_child, harmful=True
        )


def _decisions(job: Job, context: ViewerContext) -> Iterator[OfferedAction]:
    """Yield the decisions on a job that waits for approval, to whoever can make some."""
    if not job.waits_for_approval or job.type not in context.policy.approvable_types:
        return
    refusal = permission_refusal("approve", job, context)
    yield OfferedAction(verb="approve", words=_("Approve…"), sign="check", refusal=refusal, main=True)
    yield OfferedAction(verb="reject", words=_("Reject…"), sign="x", refusal=refusal, harmful=True)


def _keep_action(job: Job, owner_refusal: str) -> OfferedAction:
    is_child = _("This is a child job. It is kept as long as its parent job.") if job.root_id else ""
    refusal = owner_refusal or is_child
    if job.kept_at:
        return OfferedAction(verb="keep-no-longer", words=_("Don't keep…"), sign="pin", refusal=refusal)
    return OfferedAction(verb="keep", words=_("Keep"), sign="pin", refusal=refusal, asks=False)


def _visibility_action(job: Job) -> OfferedAction:
    if job.public:
        return OfferedAction(verb="make-private", words=_("Make private…"), sign="eye")
    return OfferedAction(verb="make-public", words=_("Make public…"), sign="eye")


def _owner_refusal(job: Job, context: ViewerContext) -> str:
    return "" if context.may_act(job) else str(_OBJECTIONS[Objection.NOT_YOURS])


def _run_again_refusal(job: Job, registry: Registry, context: ViewerContext) -> str:
    if job.type not in registry:
        return _owner_refusal(job, context) or _("This job type is no longer installed.")
    if objection := context.policy.refusal(JobAction.RUN_AGAIN, job):
        return str(_OBJECTIONS[objection])
    if job.record_only:
        return _("The work of this job runs outside Deskjob, so it cannot be started here.")
    return _("This is a child job. Run its parent job again.") if job.root_id else ""
