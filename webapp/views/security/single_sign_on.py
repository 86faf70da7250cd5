"""Single sign-on of this installation, if it is configured: the provider, the rules, and how pages name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from webapp.accounts.validation import normalize_name
from webapp.config import Settings
from webapp.sign_in.linked_accounts import LinkedAccounts
from webapp.sign_in.sign_on_rules import SignOnRules
from webapp.sign_in.sign_on_settings import openid_provider
from webapp.views.page.request import services
from webapp.views.security import proxied_user

if TYPE_CHECKING:
    from webapp.sign_in.openid_provider import OpenIdProvider

_EXTENSION = "deskjob.single_sign_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSignOn:
    """What the pages of sign-in need: the provider (``None`` if only proxies sign users in), the rules, the button."""

    provider: OpenIdProvider | None
    rules: SignOnRules
    accounts: LinkedAccounts
    label: str
    is_only_way: bool


def init_app(app: Flask, settings: Settings) -> None:
    """Read the settings; raises `BadSettingError`. The provider is not asked before somebody signs in."""
    proxied_user.check_settings(settings)
    reads = app.extensions["deskjob"].queries.jobs
    rules, provider = SignOnRules.of(settings), openid_provider(settings, lambda: reads.now().timestamp())
    if provider is not None or settings.sign_on_header:
        app.extensions[_EXTENSION] = SingleSignOn(
            provider=provider,
            rules=rules,
            accounts=LinkedAccounts(app.extensions["deskjob"].engine, rules, local=local_admin(settings)),
            label=settings.oidc_label,
            is_only_way=bool(settings.break_glass_admin),
        )


def single_sign_on() -> SingleSignOn | None:
    """Return single sign-on, or ``None`` if it is not configured."""
    return cast("SingleSignOn | None", current_app.extensions.get(_EXTENSION))


def local_admin(settings: Settings) -> str:
    """Return the name of the account that alone can use a password besides single sign-on; empty if all can."""
    return normalize_name(settings.break_glass_admin) or ""


def may_use_password(name: str) -> bool:
    """Return whether an account can sign in with its password."""
    found = single_sign_on()
    return found is None or not found.is_only_way or name == local_admin(services().settings)


def is_break_glass(name: str) -> bool:
    """Return whether a sign-in with a password is that of the account for emergencies."""
    return single_sign_on() is not None and name == local_admin(services().settings)
