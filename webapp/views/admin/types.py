"""The job types: what each one asks for and obeys; disable and enable them."""

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.accounts.rights import Right
from webapp.jobs.job_type import JobType
from webapp.views.admin import reasons
from webapp.views.admin.type_view import type_views
from webapp.views.auditing import audited
from webapp.views.confirming import Confirmation
from webapp.views.current import services
from webapp.views.rights import require, require_for_all
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in
from webapp.views.written import translated

bp = Blueprint("types", __name__, url_prefix="/admin/types")
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("")
def index() -> ResponseReturnValue:
    """List all job types."""
    return render_template("types/index.html", types=type_views(services(), services().registry))


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Show one job type."""
    (known,) = type_views(services(), [_known(name)])
    return render_template("types/show.html", type=known)


@bp.route("/<name>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_TYPES)
def disable(name: str) -> ResponseReturnValue:
    """Ask why, then let nobody start it."""
    known = _known(name)
    if page := reasons.asking(_disabling(known)):
        return page
    reason = reasons.given()
    with audited(Action.TYPE_DISABLE, Kind.TYPE, name, name=known.title, after={"reason": reason}):
        services().disabled_types.disable(name, reason=reason, by=signed_in().id)
    return _back(name)


@bp.post("/<name>/enable")
@require(Right.CHANGE_TYPES)
def enable(name: str) -> ResponseReturnValue:
    """Let it be started again, and what waits of it run."""
    known, disabled = _known(name), services().disabled_types.all().get(name)
    before = {"reason": disabled.reason} if disabled else None
    with audited(Action.TYPE_ENABLE, Kind.TYPE, name, name=known.title, before=before):
        services().disabled_types.enable(name)
    services().wake_ups.push(known.queue)
    return _back(name)


def _disabling(known: JobType) -> Confirmation:
    return Confirmation(
        title=_("Disable the job type %(title)s?", title=translated(known.title)),
        effect=_("Nobody can start it until it is enabled: not from a page, a command or a schedule."),
        notes=(_("What waits of it waits on; what runs goes on."),),
        action=_("Disable it"),
        keep=_("Leave it enabled"),
        post=url_for("types.disable", name=known.name),
        back=url_for("types.show", name=known.name),
        harmful=False,
    )


def _known(name: str) -> JobType:
    return services().registry.get(name) if name in services().registry else abort(404)


def _back(name: str) -> ResponseReturnValue:
    return redirect(url_for("types.show", name=name), 303)
