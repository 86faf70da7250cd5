"""The people with an account: find, add, disable, give a role or a new password.

What the pages of people say of each one.

What is asked, and said, before an account is changed.

One-time passwords: made here, shown on the next page and never again.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from pydantic import SecretStr

from webapp.accounts.accounts import PAGE, LastAdmin
from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.accounts.user import Role, User
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.jobs.queries import all_jobs
from webapp.jobs.queries.visible_jobs import TAB_CEILING
from webapp.services import Services
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.security import reauthentication
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A person as the people who look after accounts see them; with ``more_jobs``, at least so many ``jobs``."""

    user: User
    look: StatusLabel
    role: str
    added: FormattedTime
    jobs: int
    more_jobs: bool

    @property
    def id(self) -> UUID:
        """Whose it is."""
        return self.user.id

    @property
    def name(self) -> str:
        """What they sign in with."""
        return self.user.name


def user_views(services: Services, people: tuple[User, ...], reading: ViewerContext) -> tuple[UserView, ...]:
    """Describe people."""
    counted = all_jobs.count_by_owner(services.engine, [person.id for person in people])
    return tuple(
        UserView(
            user=person,
            look=_look(person),
            role=role_label(person.role),
            added=reading.day(person.created_at),
            jobs=counted[person.id],
            more_jobs=counted[person.id] >= TAB_CEILING,
        )
        for person in people
    )


def role_label(role: Role) -> str:
    """Say what a role is called."""
    words = {
        Role.USER: _("User"),
        Role.AUDITOR: _("Auditor"),
        Role.OPERATOR: _("Operator"),
        Role.ADMIN: _("Admin"),
    }
    return words[role]


def role_choices() -> tuple[tuple[str, str, str], ...]:
    """Return the roles to choose from: the value, the word, and what people in it may do."""
    means = {
        Role.USER: _("can start jobs and see their own"),
        Role.AUDITOR: _("can see everything but change nothing"),
        Role.OPERATOR: _("can manage all jobs, queues and workers"),
        Role.ADMIN: _("can do everything, including managing users and job types"),
    }
    return tuple((role.value, role_label(role), means[role]) for role in Role)


def _look(person: User) -> StatusLabel:
    if not person.active:
        return StatusLabel(_("Disabled"), "failed", "x")
    if person.password_is_temporary:
        return StatusLabel(_("One-time password"), "attention", "clock")
    return StatusLabel(_("Active"), "done", "check")


bp = Blueprint("users", __name__, url_prefix="/admin/users")
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("")
def index() -> ResponseReturnValue:
    """List people, page by page, or those in whose details a word stands."""
    search, after = request.args.get("q", "").strip()[:120], request.args.get("after", "")
    found = services().directory.page(search, after=after, limit=PAGE + 1)
    return render_template(
        "admin/users/index.html",
        people=user_views(services(), found[:PAGE], viewer_context()),
        search=search,
        is_first_page=not after,
        next=found[PAGE - 1].name if len(found) > PAGE else "",
    )


@bp.get("/<uuid:user_id>")
def show(user_id: UUID) -> ResponseReturnValue:
    """Show one person; the one-time password just made for them, once."""
    return render_template(
        "admin/users/show.html", **_page(user_id), one_time=take_one_time_password(_find_user(user_id).name)
    )


@bp.post("/<uuid:user_id>/role")
@require(Right.CHANGE_USERS)
def role(user_id: UUID) -> ResponseReturnValue:
    """Change what a person may do, from their next request on."""
    person, wanted = _find_user(user_id), request.form.get("role", "")
    error = reauthentication.own_password_error() or _unknown_role(wanted)
    if error:
        return render_template("admin/users/show.html", **_page(user_id), role_error=error, wanted=wanted), 422
    try:
        roles = {"before": {"role": person.role.value}, "after": {"role": wanted}}
        with audited(AuditAction.USER_ROLE, AuditTarget.USER, person.name, name=person.display_name, **roles):
            services().accounts.set_role(person.name, wanted)
    except LastAdmin:
        return _refused(_last_admin_message(person))
    return _back(person)


@bp.route("/<uuid:user_id>/disable", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def disable(user_id: UUID) -> ResponseReturnValue:
    """Ask whether it is meant, then shut a person out."""
    person = _find_user(user_id)
    if request.method == "GET":
        return render_confirmation(_disable_confirmation(person))
    try:
        with audited(AuditAction.USER_DISABLE, AuditTarget.USER, person.name, name=person.display_name):
            services().accounts.disable(person.name)
    except LastAdmin:
        return _refused(_last_admin_message(person))
    return _back(person)


@bp.post("/<uuid:user_id>/enable")
@require(Right.CHANGE_USERS)
def enable(user_id: UUID) -> ResponseReturnValue:
    """Let a person in again."""
    person = _find_user(user_id)
    with audited(AuditAction.USER_ENABLE, AuditTarget.USER, person.name, name=person.display_name):
        services().accounts.enable(person.name)
    return _back(person)


@bp.route("/<uuid:user_id>/password", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def password(user_id: UUID) -> ResponseReturnValue:
    """Ask for one's own password, then give a person a new one, for one time."""
    person = _find_user(user_id)
    error = reauthentication.own_password_error() if request.method == "POST" else ""
    if request.method == "GET" or error:
        return render_confirmation(
            _password_confirmation(person), "admin/users/step_up.html", error=error
        ), 422 if error else 200
    new = generate_password()
    with audited(AuditAction.USER_PASSWORD, AuditTarget.USER, person.name, name=person.display_name):
        services().accounts.set_password(person.name, new, temporary=True)
    remember_one_time_password(person.name, new)
    return _back(person)


def _page(user_id: UUID) -> dict[str, Any]:
    [person] = user_views(services(), (_find_user(user_id),), viewer_context())
    return {"person": person, "roles": role_choices(), "sessions": services().sessions.count(user_id)}


def _find_user(user_id: UUID) -> User:
    return services().accounts.get(user_id) or abort(404)


def _unknown_role(wanted: str) -> str:
    return "" if wanted in {value for value, *_rest in role_choices()} else _("Choose a role.")


def _refused(sentence: str) -> ResponseReturnValue:
    return abort(409, sentence)


def _back(person: User | UserView) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=person.id), 303)


def _last_admin_message(person: User) -> str:
    """Say why the last admin stays as they are."""
    said = _("%(name)s is the last admin, and nobody could let anybody in again.", name=person.display_name)
    return f"{said} {_('Make somebody else an admin first.')}"


def _disable_confirmation(person: User) -> Confirmation:
    """Ask whether somebody is to be shut out."""
    themselves = person.id == signed_in().id
    asked = Confirmation(
        title=_("Disable the account of %(name)s?", name=person.display_name),
        effect=_("The user is signed out immediately and can no longer sign in. Their jobs and files are kept."),
        notes=(_("Their waiting jobs will fail when they start, because a job runs with its owner's permissions."),),
        action=_("Disable account"),
        keep=_("Don't disable"),
        post=url_for("users.disable", user_id=person.id),
        back=url_for("users.show", user_id=person.id),
    )
    return replace(asked, notes=(*asked.notes, _("This is your own account."))) if themselves else asked


def _password_confirmation(person: User) -> Confirmation:
    """Ask whether somebody is to get a new password."""
    return Confirmation(
        title=_("Reset the password of %(name)s?", name=person.display_name),
        effect=_(
            "The user is signed out immediately. "
            "The new password is shown to you once, and the user must change it after signing in."
        ),
        action=_("Reset password"),
        keep=_("Don't reset"),
        post=url_for("users.password", user_id=person.id),
        back=url_for("users.show", user_id=person.id),
    )


_KEPT = "one_time"


def generate_password() -> str:
    """Make one."""
    return secrets.token_urlsafe(15)


def remember_one_time_password(name: str, password: str) -> None:
    """Keep it for the next page of this browser, encrypted: its cookie is signed, not secret."""
    session[_KEPT] = {"name": name, **services().vault.encrypt(SecretStr(password))}


def take_one_time_password(name: str) -> str:
    """Return the one that was made for ``name`` just now, once; else nothing."""
    if session.get(_KEPT, {}).get("name") != name:
        return ""
    kept = session.pop(_KEPT)
    try:
        return services().vault.decrypt(kept)
    except UnreadableSecret:
        return ""
