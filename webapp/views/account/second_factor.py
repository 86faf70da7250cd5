"""The second factor: asked for after the password, set up and removed by its user, required for some roles."""

from contextlib import suppress

from flask import Blueprint, Flask, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from pydantic import SecretStr

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import User
from webapp.jobs.definition.payload import UnreadableSecret
from webapp.sign_in.second_factor import DIGITS, app_address, new_secret
from webapp.views.account import sign_in
from webapp.views.page.audit_log import audited, record_refused_sign_in
from webapp.views.page.problem_details import is_api_request
from webapp.views.page.public_path import public_url_of
from webapp.views.page.request import services, signed_in, wants_fragment
from webapp.views.page.viewer_context import viewer_context
from webapp.views.security import login, login_throttle, reauthentication
from webapp.views.security.default_deny import PUBLIC
from webapp.views.security.login import pending_user
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.security.safe_redirect import safe_next
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("second_factor", __name__)
_SECRET = "second_factor_secret"  # noqa: S105  (in the session of the browser, until it is confirmed by a code)
_CODES = "recovery-codes"
_ALLOWED = PUBLIC | {"second_factor.show", "second_factor.switch_on", "auth.logout", "new_password.choose"}
_WRONG_CODE = lazy_gettext("This code is wrong, has expired or was used already.")


def init_app(app: Flask) -> None:
    """Lead users whose role requires a second factor to its page, until they have one."""
    app.before_request(_lead_to_set_up)
    app.jinja_env.globals["factor_removed_at"] = _factor_removed_at


@bp.route("/login/code", methods=["GET", "POST"])
def ask() -> ResponseReturnValue:
    """Ask for a code after the password; a code counts once."""
    user = pending_user()
    if user is None:
        return redirect(url_for("auth.login", next=request.args.get("next")), 303)
    if request.method != "POST":
        return _code_page()
    factor = services().second_factors.use(user.id, request.form.get("code", "")[:80])
    if factor is None:
        record_refused_sign_in(AuditAction.SIGN_IN_REFUSED, user.name, after={"second_factor": "wrong"})
        return _code_page(str(_WRONG_CODE)), 422
    login_throttle.refund_attempt()
    return sign_in.enter(user, factor=factor.value)


@bp.get("/me/second-factor")
def show() -> ResponseReturnValue:
    """Show whether there is a second factor, how to set one up, and once the new recovery codes."""
    _require_password()
    return _page()


@bp.post("/me/second-factor")
def switch_on() -> ResponseReturnValue:
    """Set up a second factor, if the code is one of the app's; to replace one, a code of it is needed too."""
    _require_password()
    user, secret, code = signed_in(), _secret(), "".join(request.form.get("code", "").split())
    if own_error := reauthentication.own_password_error(refund=False):
        return _page(own_error=own_error), 422
    if not services().second_factors.is_code_of(secret, code):  # asked before a code of the old app is used up
        return _page(error=_("This code is wrong or has expired. Check that the clock of your phone is right.")), 422
    if current_error := _current_code_error(user):
        return _page(current_error=current_error), 422
    with audited(AuditAction.FACTOR_ON, AuditTarget.USER, user.name, name=user.display_name):
        codes = services().second_factors.switch_on(user.id, secret, code)
    login_throttle.refund_attempt()
    services().sessions.end_others(user.id, login.token())  # they began with the password alone
    login.sign_in(user)  # a copy of this session's cookie holds the secret
    remember_one_time_secret(_CODES, "\n".join(codes))
    return redirect(url_for("second_factor.show"), 303)


@bp.post("/me/second-factor/remove")
def remove() -> ResponseReturnValue:
    """Remove the user's own second factor with password and code, unless their role requires one."""
    _require_password()
    user = signed_in()
    if requires_second_factor(user):
        return _page(removal_error=_("Your role requires a second factor.")), 422
    if error := reauthentication.own_password_error(refund=False) or _current_code_error(user):
        return _page(removal_error=error), 422
    with audited(AuditAction.FACTOR_OFF, AuditTarget.USER, user.name, name=user.display_name):
        services().second_factors.switch_off(user.id)
    login_throttle.refund_attempt()
    return redirect(url_for("me.show"), 303)


@bp.post("/me/second-factor/removal-seen")
def mark_removal_seen() -> ResponseReturnValue:
    """Stop telling the user that somebody else removed their second factor; then show the page again."""
    services().second_factors.mark_removal_seen(signed_in().id)
    return redirect(public_url_of(safe_next(request.form.get("next"))), 303)


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait."""
    seconds = login_throttle.seconds_to_wait()
    sentence, headers = login_throttle.wait_message(seconds), {"Retry-After": str(seconds)}
    if request.endpoint == "second_factor.ask":
        return _code_page(sentence), 429, headers
    removes = request.endpoint == "second_factor.remove"
    return _page(removal_error=sentence) if removes else _page(own_error=sentence), 429, headers


def requires_second_factor(user: User) -> bool:
    """Return whether the role of a user with a password requires a second factor."""
    roles = {name.strip() for name in services().settings.second_factor_roles.split(",")}
    return user.has_password and user.role.value in roles


def _require_password() -> None:
    """End the request if the user has no password: the factor of single sign-on is the provider's."""
    if not signed_in().has_password:
        abort(404)


def _current_code_error(user: User) -> str:
    """Return the error for the submitted code of the present factor; empty if it is right or there is none."""
    if not user.has_second_factor or services().second_factors.use(user.id, request.form.get("current_code", "")[:80]):
        return ""
    return str(_WRONG_CODE)


def _factor_removed_at() -> FormattedTime | None:
    """Return when somebody else removed the user's second factor, if they have not seen that yet."""
    at = getattr(current_user, "factor_removed_at", None)
    return viewer_context().when(at) if at else None


def _lead_to_set_up() -> ResponseReturnValue | None:
    if request.endpoint in _ALLOWED or is_api_request():  # programs cannot type codes
        return None
    if not (current_user.is_authenticated and _lacks_second_factor(signed_in())):
        return None
    page = url_for("second_factor.show")
    return ("", 401, {"HX-Redirect": page}) if wants_fragment() else redirect(page, 303)


def _lacks_second_factor(user: User) -> bool:
    """Return whether a user cannot go on without a second factor; if they signed on, the provider asks for it."""
    if user.has_second_factor or not requires_second_factor(user):
        return False
    origin = login.origin()
    return origin is None or not origin.signed_on


def _code_page(error: str = "") -> str:
    with_recovery_code = len("".join(request.form.get("code", "").split())) > DIGITS
    return render_template(
        "account/second_factor_code.html",
        error=error,
        with_recovery_code=with_recovery_code,
        then=request.args.get("next"),
    )


def _page(*, error: str = "", own_error: str = "", current_error: str = "", removal_error: str = "") -> str:
    user, secret = signed_in(), _secret()
    address = app_address(secret, user=user.name, site=f"Deskjob ({request.host})")
    return render_template(
        "account/second_factor.html",
        is_on=user.has_second_factor,
        left=services().second_factors.recovery_codes_left(user.id) if user.has_second_factor else 0,
        codes=[] if request.method == "POST" else take_one_time_secret(_CODES).split(),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        picture=_picture(address),
        required=requires_second_factor(user),
        is_led_here=_lacks_second_factor(user),
        error=error,
        own_error=own_error,
        current_error=current_error,
        removal_error=removal_error,
    )


def _picture(address: str) -> str:
    """Return the QR code of an address, with a library that nobody needs for another page."""
    import segno  # noqa: PLC0415

    return segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="#fff")


def _secret() -> str:
    """Return the secret that this browser is setting up; a new one if there is none."""
    vault, stored = services().vault, session.get(_SECRET)
    if stored:
        with suppress(UnreadableSecret):
            return vault.decrypt(stored)
    secret = new_secret()
    session[_SECRET] = vault.encrypt(SecretStr(secret))
    return secret
