"""The form of a new API token, and the tokens as pages show them: for the user's own and for service accounts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.tokens import ApiToken, Scope
from webapp.accounts.user import User
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

NEVER = "never"
LIFETIMES = (30, 90, 365)  # days
_DEFAULT_LIFETIME = "90"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenForm:
    """The values of the form; ``user_name`` is the service account that the token is for."""

    name: str = ""
    scopes: tuple[str, ...] = (Scope.READ, Scope.START)
    lifetime: str = _DEFAULT_LIFETIME
    user_name: str = ""

    @classmethod
    def of(cls, typed: MultiDict[str, str]) -> Self:
        """Read the submitted form."""
        return cls(
            name=typed.get("name", ""),
            scopes=tuple(typed.getlist("scope")),
            lifetime=typed.get("lifetime", _DEFAULT_LIFETIME),
            user_name=typed.get("user", ""),
        )

    @property
    def lasts(self) -> timedelta | None:
        """How long the token works; an unknown choice counts as the default."""
        if self.lifetime == NEVER:
            return None
        chosen = self.lifetime if self.lifetime in map(str, LIFETIMES) else _DEFAULT_LIFETIME
        return timedelta(days=int(chosen))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A token for display; times are None if they do not apply."""

    token: ApiToken
    look: StatusLabel
    scopes: str
    created: FormattedTime
    expires: FormattedTime | None
    last_used: FormattedTime | None
    user: User | None
    works: bool


def create_token(user: User, form: TokenForm) -> tuple[ApiToken, str]:
    """Create the token of a user, and record it; raise `BadToken`."""
    return add_token(user, form.name, form.scopes, lasts=form.lasts)


def add_token(user: User, name: str, scopes: Sequence[str], **end: Any) -> tuple[ApiToken, str]:
    """Create a token that ``lasts`` or ``expires_at``, and record it; raise `BadToken`. Pages and the API call it."""
    ends = {
        key: f"{value.days} d" if isinstance(value, timedelta) else str(value) for key, value in end.items() if value
    }
    after = {"user": user.name, "scopes": ", ".join(scopes), **ends}
    with audited(AuditAction.TOKEN_ADD, AuditTarget.TOKEN, user.name, name=name, after=after):
        return services().tokens.add(user, name, scopes, **end, by=signed_in().id)


def revoke_token(token: ApiToken, user: User | None) -> None:
    """Revoke a token of ``user``, and record it; pages and the API call it."""
    name = user.name if user else ""
    with audited(AuditAction.TOKEN_REVOKE, AuditTarget.TOKEN, name, name=token.name, before={"user": name}):
        services().tokens.revoke(token.id)


def answer_revocation(token: ApiToken, user: User | None) -> ResponseReturnValue:
    """Ask for confirmation, then revoke a token of ``user`` and record it; both pages have the same endpoints."""
    list_page = url_for(".index")
    if request.method != "POST":
        return render_confirmation(_confirmation(token, url_for(".revoke", token_id=token.id), list_page))
    revoke_token(token, user)
    flash(_("The token %(name)s was revoked.", name=token.name))
    return redirect(list_page, 303)


def token_views(
    tokens: Iterable[ApiToken], context: ViewerContext, users: Mapping[UUID, User]
) -> tuple[TokenView, ...]:
    """Describe tokens; ``users`` are their users by id."""
    return tuple(_view(token, context, users.get(token.user_id)) for token in tokens)


def scope_choices() -> tuple[tuple[str, str], ...]:
    """Return the scopes to choose from, by the names that commands and the API use, and what each permits."""
    permits = {
        Scope.READ: _("see jobs, files and everything else that the account sees"),
        Scope.START: _("start jobs, and stop, retry and delete the account's own jobs"),
        Scope.OPERATE: _("manage all jobs, queues and workers"),
        Scope.ADMIN: _("manage users, job types and schedules too"),
        Scope.METRICS: _("read the metrics of the installation, and nothing else"),
    }
    return tuple((scope.value, permits[scope]) for scope in Scope)


def lifetime_choices() -> tuple[tuple[str, str], ...]:
    """Return the lifetimes to choose from: value and label."""
    days = ((str(count), ngettext("%(num)s day", "%(num)s days", count)) for count in LIFETIMES)
    return (*days, (NEVER, _("does not expire")))


def _confirmation(token: ApiToken, post: str, back: str) -> Confirmation:
    return Confirmation(
        title=_("Revoke the token %(name)s?", name=token.name),
        effect=_("Programs that use it are refused from now on. A revoked token cannot be restored."),
        action=_("Revoke token"),
        keep=_("Don't revoke"),
        post=post,
        back=back,
    )


def _view(token: ApiToken, context: ViewerContext, user: User | None) -> TokenView:
    active = token.is_active(context.now)
    return TokenView(
        token=token,
        look=_look(token, active=active, user=user),
        scopes=", ".join(scope.value for scope in Scope if scope in token.scopes),
        created=context.day(token.created_at),
        expires=context.day(token.expires_at) if token.expires_at else None,
        last_used=context.when(token.last_used_at) if token.last_used_at else None,
        user=user,
        works=active,
    )


def _look(token: ApiToken, *, active: bool, user: User | None) -> StatusLabel:
    if token.revoked_at:
        return StatusLabel(_("Revoked"), "stopped", "player-stop")
    if not active:
        return StatusLabel(_("Expired"), "attention", "clock")
    if user is not None and not user.active:
        return StatusLabel(_("Account disabled"), "failed", "x")
    return StatusLabel(_("Active"), "done", "check")
