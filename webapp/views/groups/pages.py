"""Groups of users: list and add them, their members, and the job types that are only for them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.groups.user_group import GroupNotFound, UserGroup
from webapp.accounts.permissions import Right
from webapp.accounts.validation import BadAccount
from webapp.views.groups import actions
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

MEMBERS = 100  # on a page

bp = Blueprint("groups", __name__, url_prefix="/admin/groups")
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("")
def index() -> ResponseReturnValue:
    """List the groups."""
    return _list()


@bp.post("")
@require(Right.CHANGE_USERS)
def add() -> ResponseReturnValue:
    """Add a group, and show it."""
    try:
        group = actions.add_group(request.form.get("name", ""), request.form.get("description", ""))
    except BadAccount as error:
        return _list(error=translated(str(error))), 422
    return _redirect_to(group.id)


@bp.get("/<uuid:group_id>")
def show(group_id: UUID) -> ResponseReturnValue:
    """Show a group with its members and job types."""
    return _page(_find_group(group_id))


@bp.post("/<uuid:group_id>/types")
@require(Right.CHANGE_USERS)
def types(group_id: UUID) -> ResponseReturnValue:
    """Say which job types are for this group."""
    group = _find_group(group_id)
    try:
        actions.set_types(group, request.form.getlist("type"))
    except BadAccount as error:
        return _page(group, types_error=translated(str(error))), 422
    return _redirect_to(group_id)


@bp.post("/<uuid:group_id>/members")
@require(Right.CHANGE_USERS)
def add_member(group_id: UUID) -> ResponseReturnValue:
    """Add a user by hand."""
    group, name = _find_group(group_id), request.form.get("user", "").strip()
    user = services().accounts.by_name(name) if name else None
    if user is None:
        error = _("There is no user %(name)s.", name=name[:80]) if name else _("Enter a user name.")
        return _page(group, member_error=error), 422
    actions.put_member(group, user)
    return _redirect_to(group_id)


@bp.post("/<uuid:group_id>/members/<uuid:user_id>/remove")
@require(Right.CHANGE_USERS)
def remove_member(group_id: UUID, user_id: UUID) -> ResponseReturnValue:
    """Remove a user who was added by hand."""
    try:
        actions.take_member(_find_group(group_id), services().accounts.get(user_id) or abort(404))
    except BadAccount as error:
        abort(409, translated(str(error)))
    return _redirect_to(group_id)


@bp.route("/<uuid:group_id>/remove", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def remove(group_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then remove a group."""
    group = _find_group(group_id)
    if request.method != "POST":
        return render_confirmation(_removal(group))
    try:
        actions.remove_group(group)
    except BadAccount as error:
        abort(409, translated(str(error)))
    return redirect(url_for("groups.index"), 303)


def _find_group(group_id: UUID) -> UserGroup:
    try:
        return services().user_groups.get(group_id)
    except GroupNotFound:
        abort(404)


def _list(*, error: str = "") -> str:
    return render_template(
        "groups/index.html",
        groups=services().user_groups.all(),
        titles=_titles(),
        error=error,
        typed=request.form,
    )


def _page(group: UserGroup, **errors: str) -> str:
    after = request.args.get("after", "")[:80]
    members = services().user_groups.members(group, after=after, limit=MEMBERS + 1)
    registry = services().registry
    choices = {kind.name for kind in registry if kind.listed} | set(group.types)
    titles = _titles()
    return render_template(
        "groups/show.html",
        group=group,
        members=members[:MEMBERS],
        is_first_page=not after,
        next=members[MEMBERS - 1].name if len(members) > MEMBERS else "",
        types=sorted(((name, titles.get(name, name)) for name in choices), key=lambda choice: choice[1]),
        **_errors(**errors),
    )


def _errors(*, member_error: str = "", types_error: str = "") -> dict[str, Any]:
    return {"member_error": member_error, "types_error": types_error}


def _titles() -> dict[str, str]:
    return {kind.name: translated(kind.title) for kind in services().registry}


def _removal(group: UserGroup) -> Confirmation:
    in_use = _("Job types are only for this group. Choose other groups for them, or none, before you remove it.")
    return Confirmation(
        title=_("Remove the group %(name)s?", name=group.name),
        effect=_("Its members and their jobs are kept."),
        action=_("Remove group"),
        keep=_("Keep it"),
        post=url_for("groups.remove", group_id=group.id),
        back=url_for("groups.show", group_id=group.id),
        refusal=in_use if group.types else "",
    )


def _redirect_to(group_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("groups.show", group_id=group_id), 303)
