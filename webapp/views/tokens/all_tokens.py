"""The API tokens of all users: list and revoke them, and create tokens of service accounts."""

from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from webapp.accounts.audit_log import AuditTarget
from webapp.accounts.permissions import Right
from webapp.accounts.tokens import ApiToken, BadToken, TokenNotFound
from webapp.accounts.user import User
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.request import services
from webapp.views.page.viewer_context import viewer_context
from webapp.views.security import login_throttle, reauthentication
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.tokens import token_form
from webapp.views.tokens.token_form import TokenForm

bp = Blueprint("tokens", __name__, url_prefix="/admin/tokens")
require_for_all(bp, Right.SEE_INSTALLATION)
_SECRET_OF = "api-token-of-a-service"  # noqa: S105  (the name under which the session keeps it)


@bp.get("")
def index() -> ResponseReturnValue:
    """List the tokens of all users, with the form of a new one for a service account."""
    return _page(TokenForm(user_name=request.args.get("user", "")), new_token=take_one_time_secret(_SECRET_OF))


@bp.post("")
@require(Right.CHANGE_USERS)
def add() -> ResponseReturnValue:
    """Create a token of a service account; the next page shows it once."""
    typed = TokenForm.of(request.form)
    if error := reauthentication.own_password_error():
        return _page(typed, own_error=error), 422
    user = services().accounts.by_name(typed.user_name)
    if user is None or not user.is_service:
        return _page(typed, error=_("Choose a service account.")), 422
    try:
        _token, text = token_form.create_token(user, typed)
    except BadToken as error:
        return _page(typed, error=translated(str(error))), 422
    remember_one_time_secret(_SECRET_OF, text)
    return redirect(url_for("tokens.index"), 303)


@bp.route("/<uuid:token_id>/revoke", methods=["GET", "POST"])
@require(Right.CHANGE_USERS)
def revoke(token_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then revoke a token of any user."""
    token = _find(token_id)
    return token_form.answer_revocation(token, services().accounts.get(token.user_id))


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait before the next password."""
    seconds = login_throttle.seconds_to_wait()
    page = _page(TokenForm.of(request.form), own_error=login_throttle.wait_message(seconds))
    return page, 429, {"Retry-After": str(seconds)}


def _find(token_id: UUID) -> ApiToken:
    try:
        return services().tokens.get(token_id)
    except TokenNotFound:
        abort(404)


def _page(form: TokenForm, *, new_token: str = "", error: str = "", own_error: str = "") -> str:
    users = {user.id: user for user in services().accounts.all()}
    return render_template(
        "tokens/all_tokens.html",
        tokens=token_form.token_views(services().tokens.all(), viewer_context(), users),
        service_accounts=[user for user in users.values() if _can_have_token(user)],
        form=form,
        scopes=token_form.scope_choices(),
        lifetimes=token_form.lifetime_choices(),
        new_token=new_token,
        error=error,
        own_error=own_error,
        audit_kind=AuditTarget.TOKEN.value,
    )


def _can_have_token(user: User) -> bool:
    return user.is_service and user.active
