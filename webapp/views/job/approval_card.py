"""Who asked for a job that needs approval, who can decide until when, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import EventName, Job
from webapp.jobs.queries.visible_jobs import Event
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.approval_text import approvers_text
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.translations import gettext as _

_DECISIONS = frozenset({EventName.APPROVED, EventName.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCard:
    """``edited_by`` is empty if nobody has changed the input; ``decided_by`` is empty before the decision."""

    waits: bool
    asked_by: str
    edited_by: str
    approvers: str
    until: FormattedTime | None
    decided_by: str
    decided_at: FormattedTime | None
    is_approved: bool
    reason: str


def approval_card(job: Job, events: Sequence[Event], context: ViewerContext) -> ApprovalCard | None:
    """Return the approval of a job; None if it needs none, or the viewer cannot open it.

    Whoever asks and whoever decides see each other's names, whatever their roles.
    """
    if job.approval is None or not context.may_open(job):
        return None
    decision = next((event for event in reversed(events) if event.name in _DECISIONS), None)
    if job.waits_for_approval:  # an earlier approval was for other input
        decision = None
    asker = job.triggered_by or job.owner.user_id
    people = {asker, job.edited_by, decision.actor_id if decision else None} - {None}
    names = services().accounts.names({person for person in people if person is not None})
    return ApprovalCard(
        waits=job.waits_for_approval,
        asked_by=_name(asker, names, context),
        edited_by=_name(job.edited_by, names, context) if job.edited_by else "",
        approvers=approvers_of_type(job.type, services().registry),
        until=context.when(job.approval_ends_at) if job.approval_ends_at else None,
        decided_by=_name(decision.actor_id, names, context) if decision else "",
        decided_at=context.when(decision.at) if decision else None,
        is_approved=decision is not None and decision.name == EventName.APPROVED,
        reason=decision.detail if decision and decision.name == EventName.REJECTED else "",
    )


def approvers_of_type(type_name: str, registry: Registry) -> str:
    """Return a sentence that says who approves jobs of a type; empty if it no longer asks for approval."""
    approval = registry.get(type_name).approval if type_name in registry else None
    return approvers_text(approval) if approval else ""


def _name(user_id: UUID | None, names: Mapping[UUID, str], context: ViewerContext) -> str:
    if user_id is None:
        return _("System")
    if user_id == context.policy.user_id:
        return _("You")
    return names.get(user_id) or _("Deleted account")
