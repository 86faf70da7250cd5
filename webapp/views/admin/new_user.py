"""The form that adds a user. When an entry is refused, the form keeps what was typed, except passwords."""

from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount
from webapp.views.admin import users
from webapp.views.admin.users import bp, role_choices
from webapp.views.page.audit_log import audited
from webapp.views.page.permissions import require
from webapp.views.page.request import services
from webapp.views.security import reauthentication
from webapp.views.security.one_time_secret import remember_one_time_secret
from webapp.views.text.stored_messages import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUserForm:
    """The values of the form; without a password, a one-time password is created.

    A service account (``service`` is not empty) gets none. A ``temporary`` password must be changed at the first
    sign-in; only the API sets one.
    """

    name: str = ""
    full_name: str = ""
    email: str = ""
    tenant: str = ""
    role: str = "user"
    password: str = ""
    service: str = ""
    temporary: bool = False


_TYPED = tuple(name for name in NewUserForm.__dataclass_fields__ if name != "temporary")


@bp.route("/new", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def add() -> ResponseReturnValue:
    """Show the form; add the user."""
    if request.method != "POST":
        return _form(NewUserForm(service=request.args.get("service", "")))
    values: dict[str, Any] = {name: request.form.get(name, "") for name in _TYPED}
    typed = NewUserForm(**values)
    if error := reauthentication.own_password_error():
        return _form(typed, password_error=error), 422
    try:
        return _add(typed)
    except BadAccount as error:
        return _form(typed, error=translated(str(error))), 422


def _add(typed: NewUserForm) -> ResponseReturnValue:
    user, one_time_password = add_user(typed)
    if user.is_service:
        return redirect(url_for("tokens.index", user=user.name), 303)
    if one_time_password:
        remember_one_time_secret(user.name, one_time_password)
    return redirect(url_for("users.show", user_id=user.id), 303)


def add_user(typed: NewUserForm) -> tuple[User, str]:
    """Add a user or a service account; return it, and the one-time password if one was made. Raises `BadAccount`.

    Pages and the API call it.
    """
    if typed.service:
        return _add_service(typed), ""
    password = typed.password or users.generate_password()
    with audited(AuditAction.USER_ADD, AuditTarget.USER, typed.name, name=typed.full_name, after={"role": typed.role}):
        user = services().accounts.add(
            typed.name,
            password,
            role=typed.role,
            full_name=typed.full_name,
            email=typed.email or None,
            tenant=typed.tenant,
            temporary=typed.temporary or not typed.password,
        )
    return user, "" if typed.password else password


def _add_service(typed: NewUserForm) -> User:
    after = {"role": typed.role, "service": True}
    with audited(AuditAction.USER_ADD, AuditTarget.USER, typed.name, name=typed.full_name, after=after):
        return services().accounts.add_service(
            typed.name, role=typed.role, full_name=typed.full_name, email=typed.email or None, tenant=typed.tenant
        )


def _form(typed: NewUserForm, *, error: str = "", password_error: str = "") -> str:
    return render_template(
        "admin/users/new.html", typed=typed, roles=role_choices(), error=error, password_error=password_error
    )
