"""A password of one's own, in place of a one-time one: asked for before anything else."""

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.validation import BadAccount
from webapp.views.page.audit_log import audited
from webapp.views.page.request import services, signed_in
from webapp.views.security import login, reauthentication
from webapp.views.security.default_deny import PUBLIC
from webapp.views.security.safe_redirect import safe_next
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("new_password", __name__)
_ALLOWED = PUBLIC | {"new_password.choose", "auth.logout"}


def init_app(app: Flask) -> None:
    """Lead everybody who has a one-time password to choosing another one."""
    app.before_request(_first_of_all)


def _first_of_all() -> ResponseReturnValue | None:
    if request.endpoint in _ALLOWED:  # before anybody is asked for: the database may be away
        return None
    if not (current_user.is_authenticated and current_user.password_is_temporary):
        return None
    page = url_for("new_password.choose")
    if "HX-Request" in request.headers:
        return "", 401, {"HX-Redirect": page}
    return redirect(page, 303)


@bp.route("/new-password", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """Ask for the old password and a new one; the other sessions end."""
    if request.method == "GET":
        return render_template("account/forced_password_change.html")
    wrong = reauthentication.own_password_error()
    error = "" if wrong else _refusal(request.form.get("password", ""), request.form.get("repeated", ""))
    if wrong or error:
        return render_template("account/forced_password_change.html", own_error=wrong, error=error), 422
    login.sign_in(signed_in())
    return redirect(safe_next(None), 303)


def _refusal(new: str, repeated: str) -> str:
    """Change it; or return why it is not changed."""
    if new != repeated:
        return _("The new passwords do not match.")
    if new == request.form.get("own_password"):
        return _("This is your current password. Choose a different one.")
    person = signed_in()
    try:
        with audited(AuditAction.USER_PASSWORD, AuditTarget.USER, person.name, name=person.display_name):
            services().accounts.set_password(person.name, new)
    except BadAccount as error:
        return translated(str(error))
    return ""
