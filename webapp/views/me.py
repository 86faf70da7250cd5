"""What is one's own: how pages look, the password, the sessions."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from webapp.accounts import preferences
from webapp.accounts.audit import Action, Kind
from webapp.accounts.rules import BadAccount
from webapp.views.auditing import audited
from webapp.views.browsers import browser
from webapp.views.choosing import choices, chosen_by, refused, zones
from webapp.views.current import services
from webapp.views.reader import reader
from webapp.views.security import login as security
from webapp.views.security import throttle
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in
from webapp.views.written import translated

bp = Blueprint("me", __name__, url_prefix="/me")
_SAID = ("saved", "password", "ended")


@bp.get("")
def show() -> ResponseReturnValue:
    """Show what one has chosen."""
    return _page(said=request.args.get("said", ""))


@bp.post("")
def save() -> ResponseReturnValue:
    """Keep what was chosen, all of it or nothing."""
    typed = request.form
    if errors := refused(typed):
        return _page(typed=typed, errors=errors), 422
    preferences.save(services().engine, signed_in().id, chosen_by(typed))
    return _back("saved")


@bp.post("/password")
def password() -> ResponseReturnValue:
    """Change the password of whoever knows the old one; all other sessions end, and this one is renewed."""
    person, old, new = signed_in(), request.form.get("old", ""), request.form.get("new", "")
    if services().accounts.authenticate(person.name, old) is None:
        return _page(errors={"old": _("This is not your password.")}), 422
    throttle.give_back()
    if new != request.form.get("again", ""):
        return _page(errors={"again": _("The two new passwords are not the same.")}), 422
    try:
        with audited(Action.USER_PASSWORD, Kind.USER, person.name, name=person.display_name):
            services().accounts.set_password(person.name, new)
    except BadAccount as error:
        return _page(errors={"new": translated(str(error))}), 422
    security.sign_in(person)
    return _back("password")


@bp.post("/sessions/<session_id>/end")
def end_session(session_id: str) -> ResponseReturnValue:
    """Sign out another browser of one's own."""
    if not services().sessions.end_one(signed_in().id, session_id):
        abort(404)
    return _back("ended")


@bp.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """Sign out all other browsers of one's own."""
    services().sessions.end_others(signed_in().id, security.token())
    return _back("ended")


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Say how long to wait."""
    seconds = throttle.seconds_to_wait()
    return _page(errors={"old": throttle.sentence(seconds)}), 429, {"Retry-After": str(seconds)}


def _back(said: str) -> ResponseReturnValue:
    return redirect(url_for("me.show", said=said), 303)


def _page(*, said: str = "", typed: object = None, errors: dict[str, str] | None = None) -> str:
    person = signed_in()
    reading = reader()
    sessions = services().sessions.of(person.id, security.token())
    return render_template(
        "me/show.html",
        person=person,
        now=typed or _as_typed(),
        choices=choices(),
        zones=zones(),
        default_zone=services().settings.timezone,
        errors=errors or {},
        said=said if said in _SAID else "",
        sessions=[(session, browser(session.user_agent), reading.when(session.seen_at)) for session in sessions],
    )


def _as_typed() -> dict[str, str]:
    person = signed_in()
    live = {"live_updates": "on"} if person.live_updates else {}
    return {
        "theme": person.theme,
        "language": person.language,
        "timezone": person.timezone,
        "notify": person.notify,
    } | live
