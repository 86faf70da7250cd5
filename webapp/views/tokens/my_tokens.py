"""The user's own API tokens: list, create and revoke them."""

from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from webapp.accounts.tokens import ApiToken, BadToken, TokenNotFound, scopes_for
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import viewer_context
from webapp.views.security import login_throttle, reauthentication
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.text.stored_messages import translated
from webapp.views.tokens import token_form
from webapp.views.tokens.token_form import TokenForm

bp = Blueprint("my_tokens", __name__, url_prefix="/me/tokens")
_SECRET_OF = "api-token-of-mine"  # noqa: S105  (the name under which the session keeps it)


@bp.get("")
def index() -> ResponseReturnValue:
    """List the user's tokens, with the form of a new one, and once the token that was just created."""
    return _page(TokenForm(), new_token=take_one_time_secret(_SECRET_OF))


@bp.post("")
def add() -> ResponseReturnValue:
    """Create a token; the next page shows it once."""
    typed = TokenForm.of(request.form)
    if error := reauthentication.own_password_error():
        return _page(typed, own_error=error), 422
    try:
        _token, text = token_form.create_token(signed_in(), typed)
    except BadToken as error:
        return _page(typed, error=translated(str(error))), 422
    remember_one_time_secret(_SECRET_OF, text)
    return redirect(url_for("my_tokens.index"), 303)


@bp.route("/<uuid:token_id>/revoke", methods=["GET", "POST"])
def revoke(token_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then revoke a token."""
    token = _own(token_id)
    return token_form.answer_revocation(token, signed_in())


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait before the next password."""
    seconds = login_throttle.seconds_to_wait()
    page = _page(TokenForm.of(request.form), own_error=login_throttle.wait_message(seconds))
    return page, 429, {"Retry-After": str(seconds)}


def _own(token_id: UUID) -> ApiToken:
    try:
        token = services().tokens.get(token_id)
    except TokenNotFound:
        abort(404)
    return token if token.user_id == signed_in().id else abort(404)


def _page(form: TokenForm, *, new_token: str = "", error: str = "", own_error: str = "") -> str:
    user, allowed = signed_in(), scopes_for(signed_in())
    return render_template(
        "tokens/my_tokens.html",
        tokens=token_form.token_views(services().tokens.of(user.id), viewer_context(), {user.id: user}),
        form=form,
        scopes=[choice for choice in token_form.scope_choices() if choice[0] in allowed],
        lifetimes=token_form.lifetime_choices(),
        new_token=new_token,
        error=error,
        own_error=own_error,
    )
