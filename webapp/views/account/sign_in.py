"""Sign-in and sign-out."""

import logging
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import User
from webapp.time_zones import find_time_zone
from webapp.views.page.audit_log import audited, audited_as, record_refused_sign_in
from webapp.views.page.permissions import home_endpoint
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services
from webapp.views.security import login as security
from webapp.views.security import login_throttle
from webapp.views.security.safe_redirect import HOME, safe_next
from webapp.views.text.translations import gettext as _

bp = Blueprint("auth", __name__)
_log = logging.getLogger(__name__)


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Sign in, then redirect to the requested page."""
    if request.method == "POST":
        return _sign_in(request.form.get("name", ""), request.form.get("password", ""))
    if current_user.is_authenticated:
        return _to_requested_page()
    return _page()


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session and clear the browser's cache."""
    with audited(AuditAction.SIGN_OUT, AuditTarget.USER, current_user.name, name=current_user.display_name):
        security.sign_out()
    response = make_response(redirect(url_for("auth.login"), 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait."""
    seconds = login_throttle.seconds_to_wait()
    _log.warning("Too many sign-in attempts for %r from %s", request.form.get("name", ""), request.remote_addr)
    return _page(login_throttle.wait_message(seconds)), 429, {"Retry-After": str(seconds)}


def _sign_in(name: str, password: str) -> ResponseReturnValue:
    user = services().accounts.authenticate(name, password)
    if user is None:
        _log.warning("Sign-in refused for %r from %s", name, request.remote_addr)
        _record_refusal(name)
        return _page(_("Incorrect username or password.")), 422
    login_throttle.refund_attempt()
    with audited_as(user, AuditAction.SIGN_IN):
        security.sign_in(user)
    _offer_time_zone(user)
    _log.info("User %r signed in from %s", user.name, request.remote_addr)
    return _to_requested_page()


def _to_requested_page() -> ResponseReturnValue:
    page = safe_next(request.args.get("next"))
    return redirect(url_for(home_endpoint()) if page == HOME else public_url_of(page), 303)


def _offer_time_zone(user: User) -> None:
    """Tell a user who has not chosen a time zone that the browser's is another one."""
    own, default = find_time_zone(request.form.get("browser_zone", "")[:64]), services().settings.timezone
    at = services().queries.jobs.now()
    if user.timezone or not own or at.astimezone(ZoneInfo(own)).hour == at.astimezone(ZoneInfo(default)).hour:
        return
    text = _("Times are shown in %(zone)s, but this browser uses %(own)s. You can change it in your settings.")
    flash(text % {"zone": default, "own": own})


def _record_refusal(name: str) -> None:
    """Record the name only if the account exists: other input may be a password typed into the wrong field."""
    account = services().accounts.by_name(name)
    record_refused_sign_in(AuditAction.SIGN_IN_REFUSED, account.name if account else "")


def _page(error: str = "") -> str:
    then = safe_next(request.args.get("next"))
    return render_template(
        "account/sign_in.html",
        error=error,
        name=request.form.get("name", ""),
        then=None if then == HOME else then,
        ended=security.had_session() and not error,
    )
