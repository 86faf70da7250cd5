"""User accounts: list and search them, change roles, disable and enable accounts, reset passwords."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.accounts import PAGE, LastAdmin
from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.accounts.user import Role, User
from webapp.jobs.queries import all_jobs
from webapp.jobs.queries.visible_jobs import TAB_CEILING
from webapp.services import Services
from webapp.sign_in.second_factor import OwnSecondFactor
from webapp.views.budgets.bars import budget_bars
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.security import reauthentication
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.translations import gettext as _

bp = Blueprint("users", __name__, url_prefix="/admin/users")
require_for_all(bp, Right.SEE_INSTALLATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A user for display; with ``more_jobs``, the number of ``jobs`` is a lower bound."""

    account: User
    look: StatusLabel
    role: str
    added: FormattedTime
    jobs: int
    more_jobs: bool

    @property
    def id(self) -> UUID:
        """The id of the account."""
        return self.account.id

    @property
    def name(self) -> str:
        """The name to sign in with."""
        return self.account.name


@bp.get("")
def index() -> ResponseReturnValue:
    """List users by name, or search them; one page at a time."""
    search, after = request.args.get("q", "").strip()[:120], request.args.get("after", "")
    found = services().directory.page(search, after=after, limit=PAGE + 1)
    return render_template(
        "admin/users/index.html",
        users=_user_views(services(), found[:PAGE], viewer_context()),
        search=search,
        is_first_page=not after,
        next=found[PAGE - 1].name if len(found) > PAGE else "",
    )


@bp.get("/<uuid:user_id>")
def show(user_id: UUID) -> ResponseReturnValue:
    """Show one user, and once the one-time password that was just created."""
    password = take_one_time_secret(_find_user(user_id).name)
    return render_template("admin/users/show.html", **_user_page(user_id), one_time=password)


@bp.post("/<uuid:user_id>/role")
@require(Right.CHANGE_USERS)
def role(user_id: UUID) -> ResponseReturnValue:
    """Change the role of a user; it applies from the next request."""
    user, wanted = _find_user(user_id), request.form.get("role", "")
    error = reauthentication.own_password_error() or _role_error(wanted)
    if error:
        return render_template("admin/users/show.html", **_user_page(user_id), role_error=error, wanted=wanted), 422
    try:
        change_role(user, wanted)
    except LastAdmin:
        abort(409, _last_admin_message(user))
    return _redirect_to(user)


@bp.route("/<uuid:user_id>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def disable(user_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then disable an account."""
    user = _find_user(user_id)
    if request.method != "POST":
        return render_confirmation(_disable_confirmation(user))
    try:
        disable_user(user)
    except LastAdmin:
        abort(409, _last_admin_message(user))
    return _redirect_to(user)


@bp.post("/<uuid:user_id>/enable")
@require(Right.CHANGE_USERS)
def enable(user_id: UUID) -> ResponseReturnValue:
    """Enable a disabled account."""
    user = _find_user(user_id)
    enable_user(user)
    return _redirect_to(user)


@bp.route("/<uuid:user_id>/password", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def password(user_id: UUID) -> ResponseReturnValue:
    """Ask for the admin's own password, then give a user a one-time password."""
    user = _find_user(user_id)
    if user.is_service:
        abort(409, _("%(name)s is a service account and has no password. Give it an API token.", name=user.name))
    error = reauthentication.own_password_error() if request.method == "POST" else ""
    if request.method != "POST" or error:
        page = render_confirmation(_password_confirmation(user), "admin/users/step_up.html", error=error)
        return page, 422 if error else 200
    remember_one_time_secret(user.name, set_password(user))
    return _redirect_to(user)


@bp.route("/<uuid:user_id>/second-factor", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def second_factor(user_id: UUID) -> ResponseReturnValue:
    """Ask for the admin's own password, then remove the second factor of a user who has lost it."""
    user = _find_user(user_id)
    if user.id == signed_in().id:  # only there, a code is asked for
        return redirect(url_for("second_factor.show"), 303)
    error = reauthentication.own_password_error() if request.method == "POST" else ""
    if request.method != "POST" or error:
        page = render_confirmation(_factor_confirmation(user), "admin/users/step_up.html", error=error)
        return page, 422 if error else 200
    remove_second_factor(user)
    return _redirect_to(user)


def remove_second_factor(user: User) -> None:
    """Remove the second factor of a user who has lost it; raise `OwnSecondFactor` for one's own."""
    if user.id == signed_in().id:
        raise OwnSecondFactor
    with audited(AuditAction.FACTOR_OFF, AuditTarget.USER, user.name, name=user.display_name):
        services().second_factors.switch_off_for(user.id)


def change_role(user: User, role: str) -> None:
    """Change the role of a user; raise `LastAdmin`. Pages and the API call this and the next functions."""
    change = {"before": {"role": user.role.value}, "after": {"role": role}}
    with audited(AuditAction.USER_ROLE, AuditTarget.USER, user.name, name=user.display_name, **change):
        services().accounts.set_role(user.name, role)


def disable_user(user: User) -> None:
    """Disable an account; raise `LastAdmin`."""
    with audited(AuditAction.USER_DISABLE, AuditTarget.USER, user.name, name=user.display_name):
        services().accounts.disable(user.name)


def enable_user(user: User) -> None:
    """Enable a disabled account."""
    with audited(AuditAction.USER_ENABLE, AuditTarget.USER, user.name, name=user.display_name):
        services().accounts.enable(user.name)


def set_password(user: User, password: str = "", *, temporary: bool = False) -> str:
    """Give a user a password; without one, make a one-time password and return it. Raises `BadAccount`."""
    one_time = "" if password else generate_password()
    with audited(AuditAction.USER_PASSWORD, AuditTarget.USER, user.name, name=user.display_name):
        services().accounts.set_password(user.name, password or one_time, temporary=temporary or not password)
    return one_time


def role_label(role: Role) -> str:
    """Return the label of a role."""
    labels = {
        Role.USER: _("User"),
        Role.AUDITOR: _("Auditor"),
        Role.OPERATOR: _("Operator"),
        Role.ADMIN: _("Admin"),
    }
    return labels[role]


def role_choices() -> tuple[tuple[str, str, str], ...]:
    """Return the roles to choose from: value, label and what it permits."""
    permits = {
        Role.USER: _("can start jobs and see their own"),
        Role.AUDITOR: _("can see everything but change nothing"),
        Role.OPERATOR: _("can manage all jobs, queues and workers"),
        Role.ADMIN: _("can do everything, including managing users and job types"),
    }
    return tuple((role.value, role_label(role), permits[role]) for role in Role)


def generate_password() -> str:
    """Return a new random password."""
    return secrets.token_urlsafe(15)


def _user_page(user_id: UUID) -> dict[str, Any]:
    [view] = _user_views(services(), (_find_user(user_id),), viewer_context())
    budgets = services().budgets
    return {
        "user": view,
        "roles": role_choices(),
        "sessions": services().sessions.count(user_id),
        "budget": budget_bars(*budgets.of_user(user_id)) if budgets.are_on else (),
    }


def _user_views(services: Services, users: tuple[User, ...], context: ViewerContext) -> tuple[UserView, ...]:
    counts = all_jobs.count_by_owner(services.engine, [user.id for user in users])
    return tuple(
        UserView(
            account=user,
            look=_status_label(user),
            role=role_label(user.role),
            added=context.day(user.created_at),
            jobs=counts[user.id],
            more_jobs=counts[user.id] >= TAB_CEILING,
        )
        for user in users
    )


def _status_label(user: User) -> StatusLabel:
    if not user.active:
        return StatusLabel(_("Disabled"), "failed", "x")
    if user.is_service:
        return StatusLabel(_("Service account"), "done", "check")
    if user.password_is_temporary:
        return StatusLabel(_("One-time password"), "attention", "clock")
    return StatusLabel(_("Active"), "done", "check")


def _find_user(user_id: UUID) -> User:
    return services().accounts.get(user_id) or abort(404)


def _role_error(role: str) -> str:
    return "" if role in {value for value, *_rest in role_choices()} else _("Choose a role.")


def _redirect_to(user: User) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=user.id), 303)


def _last_admin_message(user: User) -> str:
    return _("%(name)s is the last admin. Make another user an admin first.", name=user.display_name)


def _disable_confirmation(user: User) -> Confirmation:
    waiting = _("Their waiting jobs will fail when they start, because a job runs with its owner's permissions.")
    own = (_("This is your own account."),) if user.id == signed_in().id else ()
    return Confirmation(
        title=_("Disable the account of %(name)s?", name=user.display_name),
        effect=_("The user is signed out immediately and can no longer sign in. Their jobs and files are kept."),
        notes=(waiting, *own),
        action=_("Disable account"),
        keep=_("Don't disable"),
        post=url_for("users.disable", user_id=user.id),
        back=url_for("users.show", user_id=user.id),
    )


def _factor_confirmation(user: User) -> Confirmation:
    return Confirmation(
        title=_("Remove the second factor of %(name)s?", name=user.display_name),
        effect=_("The password alone signs this user in then. Make sure that it is really them who asks for it."),
        notes=(_("The user is told on every page."),),
        action=_("Remove the second factor"),
        keep=_("Don't remove"),
        post=url_for("users.second_factor", user_id=user.id),
        back=url_for("users.show", user_id=user.id),
    )


def _password_confirmation(user: User) -> Confirmation:
    return Confirmation(
        title=_("Reset the password of %(name)s?", name=user.display_name),
        effect=_(
            "The user is signed out immediately. "
            "The new password is shown to you once, and the user must change it after signing in."
        ),
        action=_("Reset password"),
        keep=_("Don't reset"),
        post=url_for("users.password", user_id=user.id),
        back=url_for("users.show", user_id=user.id),
    )
