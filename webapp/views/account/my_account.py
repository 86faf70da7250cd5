"""The user's own settings: preferences, password and sessions."""

from collections.abc import Mapping

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from webapp.accounts import preferences
from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.preferences import Notify, Preferences, Theme
from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount, valid_timezone
from webapp.time_zones import places
from webapp.views.account import time_zone_offer
from webapp.views.account.user_agent import browser
from webapp.views.budgets.own_budget import own_budget
from webapp.views.page.audit_log import audited
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import viewer_context
from webapp.views.security import login as security
from webapp.views.security import login_throttle
from webapp.views.security.safe_redirect import safe_next
from webapp.views.text.locale_choice import LANGUAGE_NAMES
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("me", __name__, url_prefix="/me")
_MESSAGES = ("saved", "password", "ended")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show the settings page."""
    return _page(message=request.args.get("said", ""))


@bp.post("")
def save() -> ResponseReturnValue:
    """Save the preferences, or nothing if one is invalid."""
    form = request.form
    if errors := validation_errors(form):
        return _page(values=form, errors=errors), 422
    preferences.save(services().engine, signed_in().id, submitted_preferences(form))
    return _back("saved")


@bp.post("/time-zone")
def time_zone() -> ResponseReturnValue:
    """Take the time zone that was offered, or keep the installation's; then show the page again."""
    try:
        preferences.save_time_zone(services().engine, signed_in().id, request.form.get("zone", ""))
    except BadAccount:
        abort(422)
    time_zone_offer.withdraw()
    return redirect(public_url_of(safe_next(request.form.get("next"))), 303)


@bp.post("/password")
def password() -> ResponseReturnValue:
    """Change the password if the current one is correct; all other sessions end and this one is renewed."""
    user, new = signed_in(), request.form.get("new", "")
    if services().accounts.authenticate(user.name, request.form.get("old", "")) is None:
        return _page(errors={"old": _("Incorrect password.")}), 422
    login_throttle.refund_attempt()
    if new != request.form.get("again", ""):
        return _page(errors={"again": _("The new passwords do not match.")}), 422
    try:
        with audited(AuditAction.USER_PASSWORD, AuditTarget.USER, user.name, name=user.display_name):
            services().accounts.set_password(user.name, new)
    except BadAccount as error:
        return _page(errors={"new": translated(str(error))}), 422
    security.sign_in(user)
    return _back("password")


@bp.post("/sessions/<session_id>/end")
def end_session(session_id: str) -> ResponseReturnValue:
    """End one of the user's other sessions."""
    if not services().sessions.end_one(signed_in().id, session_id):
        abort(404)
    return _back("ended")


@bp.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """End all other sessions of the user."""
    services().sessions.end_others(signed_in().id, security.token())
    return _back("ended")


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait."""
    seconds = login_throttle.seconds_to_wait()
    return _page(errors={"old": login_throttle.wait_message(seconds)}), 429, {"Retry-After": str(seconds)}


def _back(message: str) -> ResponseReturnValue:
    return redirect(url_for("me.show", said=message), 303)


def _page(
    *, message: str = "", values: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> str:
    user, context = signed_in(), viewer_context()
    sessions = services().sessions.of(user.id, security.token())
    return render_template(
        "account/my_account.html",
        user=user,
        values=values or _saved_values(user),
        choices=choices(),
        zones=("UTC", *places()),
        default_zone=services().settings.timezone,
        errors=errors or {},
        budget=own_budget(),
        message=message if message in _MESSAGES else "",
        sessions=[(session, browser(session.user_agent), context.when(session.seen_at)) for session in sessions],
    )


def _saved_values(user: User) -> dict[str, str]:
    live = {"live_updates": "on"} if user.live_updates else {}
    return {"theme": user.theme, "language": user.language, "timezone": user.timezone, "notify": user.notify} | live


def choices() -> dict[str, dict[str, str]]:
    """Return the labels of the choices of each field."""
    return {
        "theme": {
            Theme.SYSTEM: _("System default"),
            Theme.LIGHT: _("Light"),
            Theme.DARK: _("Dark"),
        },
        "language": {"": _("Browser default"), **LANGUAGE_NAMES},
        "notify": {
            Notify.ALWAYS: _("When any of my jobs finishes"),
            Notify.FAILURE: _("Only when one fails"),
            Notify.NEVER: _("Never"),
        },
    }


def validation_errors(form: Mapping[str, str]) -> dict[str, str]:
    """Return one error per invalid field."""
    offered = choices()
    errors = {name: _("Choose one of the options.") for name in offered if form.get(name, "") not in offered[name]}
    try:
        valid_timezone(form.get("timezone", ""))
    except BadAccount:
        errors["timezone"] = _("Unknown time zone. Type a city from the list, such as Madrid.")
    return errors


def submitted_preferences(form: Mapping[str, str]) -> Preferences:
    """Return the submitted preferences; call it only without validation errors."""
    return Preferences(
        theme=form.get("theme", ""),
        language=form.get("language", ""),
        timezone=valid_timezone(form.get("timezone", "")),
        live_updates="live_updates" in form,
        notify=form.get("notify", ""),
    )
