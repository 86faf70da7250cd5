"""Sign-in and sign-out."""

import logging
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import User
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.time_zones import find_time_zone
from webapp.views.account import time_zone_offer
from webapp.views.page.audit_log import audited, audited_as, record_refused_sign_in
from webapp.views.page.permissions import home_endpoint
from webapp.views.page.public_path import absolute_url_of, public_url_of
from webapp.views.page.request import services
from webapp.views.security import login as security
from webapp.views.security import login_throttle, proxied_user
from webapp.views.security.safe_redirect import HOME, safe_next
from webapp.views.security.single_sign_on import is_break_glass, may_use_password, single_sign_on
from webapp.views.text.translations import gettext as _

bp = Blueprint("auth", __name__)
LOGIN_PATH = "/login"
_log = logging.getLogger(__name__)


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Sign in, then redirect to the requested page."""
    if request.method == "POST":
        return _sign_in(request.form.get("name", ""), request.form.get("password", ""))
    if current_user.is_authenticated:
        return to_requested_page(request.args.get("next"))
    if proxied_user.proxied_name() and not request.args.get("signed_out"):
        return redirect(url_for("sign_on.by_proxy", next=request.args.get("next")), 303)
    return page()


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session, clear the browser's cache, and sign out at the provider if the user signed in there."""
    leaving, ends = _provider_address(), bool(proxied_user.proxied_name())
    with audited(AuditAction.SIGN_OUT, AuditTarget.USER, current_user.name, name=current_user.display_name):
        security.sign_out()
    # a page and no redirect to the provider: the content security policy forbids forms to lead to other sites
    page = render_template("account/signed_out.html", leaving=leaving) if leaving or ends else None
    response = make_response(page or redirect(url_for("auth.login"), 303))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait."""
    seconds = login_throttle.seconds_to_wait()
    _log.warning("Too many sign-in attempts for %r from %s", request.form.get("name", ""), request.remote_addr)
    return page(login_throttle.wait_message(seconds)), 429, {"Retry-After": str(seconds)}


def _sign_in(name: str, password: str) -> ResponseReturnValue:
    user = services().accounts.authenticate(name, password)
    if user is None or not may_use_password(user.name):
        _log.warning("Sign-in refused for %r from %s", name, request.remote_addr)
        _record_refusal(name)
        return page(_("Incorrect username or password.")), 422
    login_throttle.refund_attempt()
    if user.has_second_factor:
        security.sign_out()
        security.remember_pending(user)
        return redirect(url_for("second_factor.ask", next=request.args.get("next")), 303)
    return enter(user)


def enter(user: User, *, factor: str = "") -> ResponseReturnValue:
    """Sign in a user who has proved who they are, maybe with a second ``factor``, and open the page they wanted."""
    emergency = is_break_glass(user.name)
    after = {"second_factor": factor} if factor else None
    with audited_as(user, AuditAction.BREAK_GLASS if emergency else AuditAction.SIGN_IN, after=after):
        security.sign_in(user)
    _offer_time_zone(user)
    if emergency:
        _log.warning("The emergency admin %r signed in with a password from %s", user.name, request.remote_addr)
        flash(_("You are signed in as the emergency admin. This is recorded in the audit log."))
    else:
        _log.info("User %r signed in from %s", user.name, request.remote_addr)
    return to_requested_page(request.args.get("next"))


def to_requested_page(then: str | None) -> ResponseReturnValue:
    """Redirect to a page of this site, or to the user's home page."""
    page = safe_next(then)
    return redirect(url_for(home_endpoint()) if page == HOME else public_url_of(page), 303)


def _provider_address() -> str:
    """Return where the user signs out at the provider; empty if they did not sign in there, or it does not answer."""
    if proxied_user.proxied_name():
        return services().settings.sign_on_logout_url
    sso, origin = single_sign_on(), security.origin()
    if sso is None or sso.provider is None or origin is None or not origin.signed_on:
        return ""
    return sso.provider.logout_url(_id_token(origin.id_token), absolute_url_of(LOGIN_PATH))


def _id_token(stored: Mapping[str, str] | None) -> str:
    try:
        return services().vault.decrypt(stored) if stored else ""
    except UnreadableSecret:  # the key was replaced; the provider asks which user it is
        return ""


def _offer_time_zone(user: User) -> None:
    """Offer the time zone of the browser to a user who has not chosen one, if it differs."""
    own, default = find_time_zone(request.form.get("browser_zone", "")[:64]), services().settings.timezone
    at = services().queries.jobs.now()
    if user.timezone or not own or at.astimezone(ZoneInfo(own)).hour == at.astimezone(ZoneInfo(default)).hour:
        return
    time_zone_offer.offer(own)


def _record_refusal(name: str) -> None:
    """Record the name only if the account exists: other input may be a password typed into the wrong field."""
    account = services().accounts.by_name(name)
    record_refused_sign_in(AuditAction.SIGN_IN_REFUSED, account.name if account else "")


def page(error: str = "") -> str:
    """Render the sign-in page with what is wrong."""
    then, sso = safe_next(request.args.get("next")), single_sign_on()
    return render_template(
        "account/sign_in.html",
        error=error,
        name=request.form.get("name", ""),
        then=None if then == HOME else then,
        sso=sso,
        ended=security.had_session() and not error,
    )
