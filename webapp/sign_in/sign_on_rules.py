"""The rules of single sign-on: which account, role and tenant follow from what a provider says of a user. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from webapp.accounts import validation
from webapp.accounts.user import Role
from webapp.accounts.validation import BadAccount
from webapp.config import BadSettingError, Settings

_NAME_CLAIMS = ("preferred_username", "email", "sub")
SUBJECT_LIMIT = 255
PROXY = "proxy"  # the issuer of users whom a proxy names


class AccountRule(StrEnum):
    """Who gets an account when they sign on for the first time."""

    CREATE = "create"  # everyone; the name of an existing account is refused
    CONNECT = "connect"  # everyone; an existing account of that name becomes theirs, and loses its password
    EXISTING = "existing"  # only those whose account exists already; it becomes theirs


class SignOnRefused(Exception):
    """Raised when a user must not sign on; the message is a sentence for this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnIdentity:
    """A user as a provider knows them.

    ``role``, ``tenant`` and ``groups`` are ``None`` if they are managed in Deskjob.
    """

    issuer: str
    subject: str
    name: str
    full_name: str = ""
    email: str | None = None
    role: Role | None = None
    tenant: str | None = None
    sets_tenant: bool = False
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnRules:
    """How the claims of a provider are read. ``roles`` leads from a value of the role claim to a role."""

    name_claim: str = ""
    role_claim: str = ""
    tenant_claim: str = ""
    groups_claim: str = ""
    roles: Mapping[str, Role]
    default_role: Role | None = None
    accounts: AccountRule = AccountRule.CREATE

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the rules from the settings; raises `BadSettingError`."""
        return cls(
            name_claim=settings.oidc_name_claim,
            role_claim=settings.oidc_role_claim,
            tenant_claim=settings.oidc_tenant_claim,
            groups_claim=settings.oidc_groups_claim,
            roles=_roles(settings.sign_on_roles),
            default_role=_default_role(settings.sign_on_default_role),
            accounts=AccountRule(settings.sign_on_accounts),
        )

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims that the rules need."""
        return tuple(filter(None, (self.name_claim, self.role_claim, self.tenant_claim, self.groups_claim)))

    def identity(self, issuer: str, claims: Mapping[str, Any]) -> SignOnIdentity:
        """Return the user whom claims describe; raises `SignOnRefused`."""
        subject = str(claims.get("sub", ""))
        if not 0 < len(subject) <= SUBJECT_LIMIT:
            raise SignOnRefused("The sign-in service did not say who you are.")
        return SignOnIdentity(
            issuer=issuer,
            subject=subject,
            name=self._name(claims),
            full_name=_full_name(claims),
            email=_email(claims),
            role=self.role_of(values_at(claims, self.role_claim)) if self.role_claim else None,
            tenant=self._tenant(claims),
            sets_tenant=bool(self.tenant_claim),
            groups=values_at(claims, self.groups_claim) if self.groups_claim else None,
        )

    def proxied_identity(self, name: str, groups: tuple[str, ...] | None) -> SignOnIdentity:
        """Return the user whom a proxy names, with the groups that it gives, if any; some mean roles."""
        known = _valid(name)
        role = self.role_of(groups) if groups is not None else None
        return SignOnIdentity(issuer=PROXY, subject=known, name=known, role=role, groups=groups)

    def role_of(self, values: tuple[str, ...]) -> Role:
        """Return the strongest role of these values, or the default role; raises `SignOnRefused` if there is none."""
        found = [self.roles[value] for value in values if value in self.roles]
        if found:
            return max(found, key=tuple(Role).index)
        if self.default_role is None:
            raise SignOnRefused("Your account has no role for Deskjob. Ask the people who manage your account for one.")
        return self.default_role

    @property
    def first_role(self) -> Role:
        """The role of a new account if the provider sets none."""
        return self.default_role or Role.USER

    def _name(self, claims: Mapping[str, Any]) -> str:
        for claim in dict.fromkeys((self.name_claim, *_NAME_CLAIMS)):
            if found := values_at(claims, claim):
                return _valid(found[0])
        raise SignOnRefused("The sign-in service did not say who you are.")

    def _tenant(self, claims: Mapping[str, Any]) -> str | None:
        values = values_at(claims, self.tenant_claim)
        if len(values) > 1:
            raise SignOnRefused("The sign-in service names several tenants for you, and Deskjob needs one.")
        try:
            return validation.valid_tenant(values[0]) if values else None
        except BadAccount as error:
            raise SignOnRefused(str(error)) from None


def values_at(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of a claim, which is a text or a list; ``a.b`` is also the member b of the claim a."""
    if not name:
        return ()
    found: Any = claims.get(name)
    if found is None and "." in name:
        first, _dot, rest = name.partition(".")
        inner = claims.get(first)
        return values_at(inner, rest) if isinstance(inner, Mapping) else ()
    listed = found if isinstance(found, list | tuple) else [found]
    return tuple(value for value in listed if isinstance(value, str) and value)


def _valid(name: str) -> str:
    try:
        return validation.valid_name(name)
    except BadAccount as error:
        raise SignOnRefused(str(error)) from None


def _full_name(claims: Mapping[str, Any]) -> str:
    """Return the full name, or none if it cannot be stored: nobody is kept out for it."""
    try:
        return validation.valid_full_name(next(iter(values_at(claims, "name")), ""))
    except BadAccount:
        return ""


def _email(claims: Mapping[str, Any]) -> str | None:
    """Return the address, unless the provider says that it is not verified."""
    if claims.get("email_verified") is False:
        return None
    try:
        return validation.valid_email(next(iter(values_at(claims, "email")), ""))
    except BadAccount:
        return None


def _roles(text: str) -> Mapping[str, Role]:
    if not text.strip():
        return {role.value: role for role in Role}
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    try:
        return {value.strip(): validation.valid_role(role.strip()) for value, _equals, role in pairs if _named(value)}
    except (BadAccount, ValueError):
        message = f"DESKJOB_SIGN_ON_ROLES cannot be used ({text!r}): write it like 'staff=user, it-admins=admin'."
        raise BadSettingError(message) from None


def _named(value: str) -> bool:
    if not value.strip():
        raise ValueError(value)
    return True


def _default_role(text: str) -> Role | None:
    try:
        return validation.valid_role(text) if text else None
    except BadAccount:
        message = f"DESKJOB_SIGN_ON_DEFAULT_ROLE cannot be used ({text!r}): it is one of {', '.join(Role)}, or empty."
        raise BadSettingError(message) from None
