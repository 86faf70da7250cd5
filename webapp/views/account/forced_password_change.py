"""Forces users with a one-time password to choose a new one before anything else."""

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.validation import BadAccount
from webapp.views.page.audit_log import audited
from webapp.views.page.permissions import home_endpoint
from webapp.views.page.request import services, signed_in, wants_fragment
from webapp.views.security import login, reauthentication
from webapp.views.security.default_deny import PUBLIC
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("new_password", __name__)
_ALLOWED = PUBLIC | {"new_password.choose", "auth.logout"}


def init_app(app: Flask) -> None:
    """Redirect users with a one-time password to the password page."""
    app.before_request(_redirect_to_password_page)


def _redirect_to_password_page() -> ResponseReturnValue | None:
    if request.endpoint in _ALLOWED:  # checked before the user is loaded, because the database may be down
        return None
    if not (current_user.is_authenticated and current_user.password_is_temporary):
        return None
    page = url_for("new_password.choose")
    if wants_fragment():
        return "", 401, {"HX-Redirect": page}
    return redirect(page, 303)


@bp.route("/new-password", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """Ask for the current and a new password; all other sessions end."""
    if request.method != "POST":
        return render_template("account/forced_password_change.html")
    own_error = reauthentication.own_password_error()
    error = "" if own_error else _refusal(request.form.get("password", ""), request.form.get("repeated", ""))
    if own_error or error:
        return render_template("account/forced_password_change.html", own_error=own_error, error=error), 422
    login.sign_in(signed_in())
    return redirect(url_for(home_endpoint()), 303)


def _refusal(new: str, repeated: str) -> str:
    """Change the password, or return why it cannot be changed."""
    if new != repeated:
        return _("The new passwords do not match.")
    if new == request.form.get("own_password"):
        return _("This is your current password. Choose a different one.")
    user = signed_in()
    try:
        with audited(AuditAction.USER_PASSWORD, AuditTarget.USER, user.name, name=user.display_name):
            services().accounts.set_password(user.name, new)
    except BadAccount as error:
        return translated(str(error))
    return ""
