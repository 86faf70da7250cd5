"""Start a flow, stop the rest of one, and retry what did not complete; pages and the API call these."""

from uuid import UUID

from flask import abort
from sqlalchemy import Connection

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.audit_log_writer import write_line
from webapp.accounts.permissions import Right
from webapp.jobs.flows.flow import Flow, InvalidFlow
from webapp.jobs.flows.flow_document import FOR_OPERATORS, FlowRequest
from webapp.jobs.flows.flow_queries import StartedFlow
from webapp.jobs.lifecycle.bulk_actions import BulkAction, SortedJobs, sort_by_fit
from webapp.jobs.model.job_policy import JobPolicy, Objection
from webapp.views.page.audit_log import audited, line_of
from webapp.views.page.permissions import may
from webapp.views.page.request import job_policy, services, signed_in, viewer
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

STOP, RETRY = BulkAction.STOP, BulkAction.RETRY
_AUDITED = {STOP: AuditAction.FLOW_STOP, RETRY: AuditAction.FLOW_RETRY}
_OF_THE_STATUS = frozenset({Objection.ENDED, Objection.STOPPING, Objection.NOT_ENDED, Objection.DONE})


def visible_flow(flow_id: UUID) -> StartedFlow:
    """Return a flow that the signed-in user can see; raise `FlowNotFound`."""
    return services().queries.flows.get_visible(viewer(), flow_id)


def start_flow(request: FlowRequest, request_key: str | None) -> Flow:
    """Start a flow for the signed-in user, with its audit line; raise `InvalidFlow`."""
    _refuse_closed(request)
    flow = request.flow()

    def record(connection: Connection, flow_id: UUID) -> None:
        after = {"jobs": len(flow.jobs)}
        write_line(connection, line_of(AuditAction.FLOW_START, AuditTarget.FLOW, flow_id, name=flow.title, after=after))

    owner, by = job_policy().owner, signed_in().id
    services().jobs.start_flow(flow, owner=owner, triggered_by=by, request_key=request_key, record=record)
    return flow


def fitting_jobs(action: BulkAction, flow: StartedFlow) -> SortedJobs:
    """Return the jobs of a flow that an action of the signed-in user applies to, and the others."""
    return sort_by_fit(action, flow.jobs, job_policy())


def refusal(selection: SortedJobs) -> str:
    """Return why an action applies to none of the jobs of a flow; an empty text if it applies to some."""
    if selection.fit:
        return ""
    missing_right = next((why for _job, why in selection.unfit if why not in _OF_THE_STATUS), None)
    if missing_right is Objection.NOT_YOURS:
        return _("Only the owner and operators can do this.")
    if missing_right is not None:
        return translated(missing_right)
    if any(why in {Objection.NOT_ENDED, Objection.STOPPING} for _job, why in selection.unfit):
        return _("Nothing to retry: no job has failed or was stopped.")
    return _("All jobs of the flow have ended.")


def act_on_flow(flow_id: UUID, action: BulkAction) -> SortedJobs:
    """Stop or retry the jobs that the action applies to; end the request with 403 or 409 if there are none."""
    flow = visible_flow(flow_id)
    selection = fitting_jobs(action, flow)
    if why := refusal(selection):
        abort(403 if all(objection not in _OF_THE_STATUS for _job, objection in selection.unfit) else 409, why)
    ids, by = [job.id for job in selection.fit], signed_in().id
    with audited(_AUDITED[action], AuditTarget.FLOW, flow.id, name=flow.title, after={"jobs": len(ids)}):
        if action is STOP:
            services().jobs.cancel_many(ids, by=by)
        else:
            services().jobs.retry_flow(ids, by=by)
    return selection


def _refuse_closed(request: FlowRequest) -> None:
    """Raise `InvalidFlow` about the first job that the signed-in user may not start in this way."""
    policy = job_policy()
    for place, each in enumerate(request.jobs):
        name = each.type if each.name is None else each.name
        if why := _objection(each.type, policy):
            raise InvalidFlow(f"The job “{name}”: {why}", "jobs", place, "type")
        given = next((choice for choice in FOR_OPERATORS if getattr(each, choice) is not None), None)
        if given is not None and not may(Right.ACT_ON_ALL_JOBS):
            raise InvalidFlow(f"The job “{name}”: Only operators can set this.", "jobs", place, given)


def _objection(type_name: str, policy: JobPolicy) -> str:
    registry = services().registry
    if type_name not in registry or not policy.may_start(type_name) or not registry.get(type_name).listed:
        return "There is no job type of this name that you can start."
    if registry.get(type_name).asks_password:
        return "This job type asks for a password. Start it from its page."
    return ""
