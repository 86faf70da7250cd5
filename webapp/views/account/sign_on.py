"""Single sign-on: to the provider and back from it, or by the header of a proxy."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, request, session
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction
from webapp.sign_in.sign_on_attempt import ProviderAway, SignOnAttempt
from webapp.sign_in.sign_on_rules import SignOnIdentity, SignOnRefused
from webapp.views.account import sign_in
from webapp.views.page.audit_log import audited_as, record_refused_sign_in
from webapp.views.page.request import services
from webapp.views.security import login, proxied_user
from webapp.views.security.safe_redirect import safe_next
from webapp.views.security.single_sign_on import SingleSignOn, single_sign_on
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

if TYPE_CHECKING:
    from webapp.sign_in.openid_provider import OpenIdProvider

bp = Blueprint("sign_on", __name__, url_prefix="/login")
_ATTEMPTS = "sign_on"  # in the session of the browser
_MOST_ATTEMPTS, _LONGEST_PAGE = 3, 600  # tabs that sign in at once, and characters: a cookie has little space
_log = logging.getLogger(__name__)


@bp.get("/sign-on")
def begin() -> ResponseReturnValue:
    """Send the browser to the provider; with ``confirm`` the user proves there again who they are."""
    then = safe_next(request.args.get("next", "")[: _LONGEST_PAGE + 1])
    try:
        address, attempt = _provider().begin(then=then, confirms="confirm" in request.args)
    except ProviderAway:
        return _provider_away()
    attempts = {**session.get(_ATTEMPTS, {}), attempt.state: attempt.stored()}
    session[_ATTEMPTS] = dict(list(attempts.items())[-_MOST_ATTEMPTS:])
    return redirect(address, 303)


@bp.get("/callback")
def finish() -> ResponseReturnValue:
    """Sign in the user whom the provider sent back, then open the page that they wanted."""
    provider, sso, attempt = _provider(), _configured(), _take_attempt(request.args.get("state", ""))
    if attempt is None:
        return _refused(_("This sign-in was started in another browser, has expired or is already over. Start again."))
    if request.args.get("error"):
        _log.warning("The OpenID provider refused a sign-in: %r", request.args["error"][:80])
        return _refused(_("The sign-in service did not sign you in. Start again."))
    try:
        claims, id_token = provider.finish(attempt, request.args.get("code", ""), sso.rules.claims)
        return _enter(sso, sso.rules.identity(provider.issuer, claims), attempt.then, id_token)
    except ProviderAway:
        return _provider_away()
    except SignOnRefused as error:
        return _refused(translated(str(error)))


@bp.get("/proxy")
def by_proxy() -> ResponseReturnValue:
    """Sign in the user whom a listed proxy names in a header."""
    sso, name = _configured(), proxied_user.proxied_name()
    if not name:
        abort(404)
    try:
        identity = sso.rules.proxied_identity(name, proxied_user.proxied_groups())
        return _enter(sso, identity, request.args.get("next", ""))
    except SignOnRefused as error:
        return _refused(translated(str(error)))


def _enter(sso: SingleSignOn, identity: SignOnIdentity, then: str, id_token: str = "") -> ResponseReturnValue:
    user = sso.accounts.enter(identity, address=request.remote_addr or "")
    with audited_as(user, AuditAction.SIGN_IN, after={"sign_on": identity.issuer}):
        login.sign_in(user, signed_on=True, id_token=id_token)
    _log.info("User %r signed on from %s", user.name, request.remote_addr)
    return sign_in.to_requested_page(then)


def _provider() -> OpenIdProvider:
    return _configured().provider or abort(404)


def _configured() -> SingleSignOn:
    return single_sign_on() or abort(404)


def _take_attempt(state: str) -> SignOnAttempt | None:
    """Return the sign-in that this browser started, and forget it, so that an answer counts once."""
    attempts = session.get(_ATTEMPTS, {})
    found = attempts.get(state)
    if found is None:
        return None
    session[_ATTEMPTS] = {known: kept for known, kept in attempts.items() if known != state}
    attempt = SignOnAttempt.of(found)
    return None if attempt.is_over(services().queries.jobs.now().timestamp()) else attempt


def _provider_away() -> ResponseReturnValue:
    sentence = _("The sign-in service does not answer. Try again in a few minutes; your jobs continue meanwhile.")
    return sign_in.page(sentence), 503, {"Retry-After": "60"}


def _refused(sentence: str) -> ResponseReturnValue:
    record_refused_sign_in(AuditAction.SIGN_IN_REFUSED, "")
    return sign_in.page(sentence), 422
