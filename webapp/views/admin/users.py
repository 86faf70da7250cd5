"""The people with an account: find, add, disable, give a role or a new password."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.accounts.directory import PAGE
from webapp.accounts.last_admin import LastAdmin
from webapp.accounts.rights import Right
from webapp.accounts.user import User
from webapp.views.admin import one_time, user_asking
from webapp.views.admin.user_view import UserView, role_choices, user_views
from webapp.views.auditing import audited
from webapp.views.confirming import confirm
from webapp.views.current import services
from webapp.views.reader import reader
from webapp.views.rights import require, require_for_all
from webapp.views.security import step_up
from webapp.views.texts import gettext as _

bp = Blueprint("users", __name__, url_prefix="/admin/users")
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("")
def index() -> ResponseReturnValue:
    """List people, page by page, or those in whose details a word stands."""
    search, after = request.args.get("q", "").strip()[:120], request.args.get("after", "")
    found = services().directory.page(search, after=after, limit=PAGE + 1)
    return render_template(
        "users/index.html",
        people=user_views(services(), found[:PAGE], reader()),
        search=search,
        is_first_page=not after,
        next=found[PAGE - 1].name if len(found) > PAGE else "",
    )


@bp.get("/<uuid:user_id>")
def show(user_id: UUID) -> ResponseReturnValue:
    """Show one person; the one-time password just made for them, once."""
    return render_template("users/show.html", **_page(user_id), one_time=one_time.shown(_known(user_id).name))


@bp.post("/<uuid:user_id>/role")
@require(Right.CHANGE_USERS)
def role(user_id: UUID) -> ResponseReturnValue:
    """Change what a person may do, from their next request on."""
    person, wanted = _known(user_id), request.form.get("role", "")
    error = step_up.complaint() or _unknown_role(wanted)
    if error:
        return render_template("users/show.html", **_page(user_id), role_error=error, wanted=wanted), 422
    try:
        roles = {"before": {"role": person.role.value}, "after": {"role": wanted}}
        with audited(Action.USER_ROLE, Kind.USER, person.name, name=person.display_name, **roles):
            services().accounts.set_role(person.name, wanted)
    except LastAdmin:
        return _refused(user_asking.last_admin(person))
    return _back(person)


@bp.route("/<uuid:user_id>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def disable(user_id: UUID) -> ResponseReturnValue:
    """Ask whether it is meant, then shut a person out."""
    person = _known(user_id)
    if request.method == "GET":
        return confirm(user_asking.disabling(person))
    try:
        with audited(Action.USER_DISABLE, Kind.USER, person.name, name=person.display_name):
            services().accounts.disable(person.name)
    except LastAdmin:
        return _refused(user_asking.last_admin(person))
    return _back(person)


@bp.post("/<uuid:user_id>/enable")
@require(Right.CHANGE_USERS)
def enable(user_id: UUID) -> ResponseReturnValue:
    """Let a person in again."""
    person = _known(user_id)
    with audited(Action.USER_ENABLE, Kind.USER, person.name, name=person.display_name):
        services().accounts.enable(person.name)
    return _back(person)


@bp.route("/<uuid:user_id>/password", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def password(user_id: UUID) -> ResponseReturnValue:
    """Ask for one's own password, then give a person a new one, for one time."""
    person = _known(user_id)
    error = step_up.complaint() if request.method == "POST" else ""
    if request.method == "GET" or error:
        return confirm(user_asking.resetting(person), "users/step_up.html", error=error), 422 if error else 200
    new = one_time.made()
    with audited(Action.USER_PASSWORD, Kind.USER, person.name, name=person.display_name):
        services().accounts.set_password(person.name, new, temporary=True)
    one_time.show_next(person.name, new)
    return _back(person)


def _page(user_id: UUID) -> dict[str, Any]:
    [person] = user_views(services(), (_known(user_id),), reader())
    return {"person": person, "roles": role_choices(), "sessions": services().sessions.count(user_id)}


def _known(user_id: UUID) -> User:
    return services().accounts.get(user_id) or abort(404)


def _unknown_role(wanted: str) -> str:
    return "" if wanted in {value for value, *_rest in role_choices()} else _("Choose one of the roles.")


def _refused(sentence: str) -> ResponseReturnValue:
    return abort(409, sentence)


def _back(person: User | UserView) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=person.id), 303)
