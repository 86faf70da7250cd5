"""The page of a flow, its refresh, and the confirmations of its actions."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.flows.flow_queries import FlowNotFound, StartedFlow
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.job import TERMINAL, short_id
from webapp.jobs.queries.visible_jobs import PAGE
from webapp.views.flow.flow_actions import RETRY, STOP, act_on_flow, fitting_jobs, refusal, visible_flow
from webapp.views.flow.flow_page import MOST_DRAWN, ROWS, flow_lines, flow_page
from webapp.views.page import polling
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import viewer_context
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

bp = Blueprint("flows", __name__)
_LARGE_SECONDS = 5.0  # between the refreshes of a flow that is too large to be drawn
_VERBS = "any('stop', 'retry')"


@bp.get("/flows")
def index() -> ResponseReturnValue:
    """List the flows that the signed-in user can see, newest first."""
    return render_template("flow/index.html", **_list())


@bp.get("/flows/_live")
def live() -> ResponseReturnValue:
    """Return the list; 304 if nothing changed."""
    return poll_response("flow/_list.html", _list())


@bp.get("/flows/<uuid:flow_id>")
def show(flow_id: UUID) -> ResponseReturnValue:
    """Show a flow."""
    return render_template("flow/show.html", **_page(visible_flow(flow_id)))


@bp.get("/flows/<uuid:flow_id>/_live")
def show_live(flow_id: UUID) -> ResponseReturnValue:
    """Return the parts of the page that change; 304 if nothing changed."""
    try:
        flow = visible_flow(flow_id)
    except FlowNotFound:
        if not polling.is_poll():
            raise
        return render_template("flow/_removed.html"), 410
    return poll_response("flow/_live.html", _page(flow))


@bp.get(f"/flows/<uuid:flow_id>/<{_VERBS}:verb>")
def ask(flow_id: UUID, verb: str) -> ResponseReturnValue:
    """Show the confirmation: what would happen, to how many jobs."""
    return render_confirmation(_confirmation(visible_flow(flow_id), BulkAction(verb)))


@bp.post(f"/flows/<uuid:flow_id>/<{_VERBS}:verb>", endpoint="act")
def apply_action(flow_id: UUID, verb: str) -> ResponseReturnValue:
    """Stop the rest of the flow, or retry what did not complete."""
    count = len(act_on_flow(flow_id, BulkAction(verb)).fit)
    if BulkAction(verb) is STOP:
        flash(ngettext("%(num)d job was stopped or will stop.", "%(num)d jobs were stopped or will stop.", count))
    else:
        flash(ngettext("%(num)d job will run again.", "%(num)d jobs will run again.", count))
    return redirect(url_for("flows.show", flow_id=flow_id), 303)


def _list() -> dict[str, Any]:
    before: UUID | None = request.args.get("before", type=UUID)
    found = services().queries.flows.newest(viewer(), limit=PAGE + 1, before=before)
    context = viewer_context(flow.triggered_by for flow in found)
    lines = flow_lines(found[:PAGE], context)
    is_busy = any(not TERMINAL.issuperset(flow.counts) for flow in found)
    here: dict[str, Any] = {"before": before} if before else {}
    return {
        "lines": lines,
        "older": lines[-1].id if len(found) > PAGE else None,
        "is_first": before is None,
        "live_url": url_for("flows.live", **{**here, **polling.poll_state()}),
        **polling_context(lines, polling.BUSY_SECONDS if is_busy else polling.ASLEEP_SECONDS),
    }


def _page(flow: StartedFlow) -> dict[str, Any]:
    context = viewer_context((flow.triggered_by,))
    shown_from = _shown_from(len(flow.members))
    page = flow_page(flow, context, shown_from=shown_from)
    seconds = polling.BUSY_SECONDS if page.size <= MOST_DRAWN else _LARGE_SECONDS
    return {
        "flow": flow,
        "title": translated(flow.title),
        "short_id": short_id(flow.id),
        "page": page,
        "rows_per_page": ROWS,
        "live_url": url_for("flows.show_live", flow_id=flow.id, **{**_from(shown_from), **polling.poll_state()}),
        "page_url": lambda first: url_for("flows.show", flow_id=flow.id, **_from(first)),
        "stop_refusal": refusal(fitting_jobs(STOP, flow)),
        "retry_refusal": refusal(fitting_jobs(RETRY, flow)),
        **polling_context((page, flow.id), polling.ASLEEP_SECONDS if page.finished else seconds),
    }


def _shown_from(size: int) -> int:
    wanted = request.args.get("from", 0, int)
    return wanted // ROWS * ROWS if 0 <= wanted < size else 0


def _from(row: int) -> dict[str, Any]:
    return {"from": row} if row else {}


def _confirmation(flow: StartedFlow, action: BulkAction) -> Confirmation:
    selection = fitting_jobs(action, flow)
    count, why = len(selection.fit), refusal(selection)
    common: Any = {
        "post": url_for("flows.act", flow_id=flow.id, verb=action.value),
        "back": url_for("flows.show", flow_id=flow.id),
        "refusal": why,
    }
    if action is STOP:
        return Confirmation(
            title=_("Stop the rest of %(flow)s?", flow=translated(flow.title)),
            effect=ngettext(
                "%(num)d job that has not ended is stopped. What is done stays.",
                "%(num)d jobs that have not ended are stopped. What is done stays.",
                count,
            ),
            action=_("Stop the rest"),
            keep=_("Let it run"),
            **common,
        )
    return Confirmation(
        title=_("Retry %(flow)s?", flow=translated(flow.title)),
        effect=ngettext(
            "%(num)d job that did not complete runs again, in the order of the flow.",
            "%(num)d jobs that did not complete run again, in the order of the flow.",
            count,
        ),
        action=_("Retry"),
        keep=_("Back"),
        harmful=False,
        **common,
    )
