"""The accounts of single sign-on: the identity of a provider leads to one account, which is made by a rule.

An identity is the issuer and its subject, never a name or an address, which can pass to somebody else. What the
provider decides (role, tenant, name, address) is stored at each sign-in.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from webapp.accounts.accounts import LastAdmin, insert_user, refuse_last_admin
from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import write_line
from webapp.accounts.groups.user_groups import set_groups_by_sign_on
from webapp.accounts.user import Role, User
from webapp.accounts.user_rows import COLUMNS, to_user
from webapp.db.engine import reading, writing
from webapp.schema import identities, now, users
from webapp.sign_in.sign_on_rules import AccountRule, SignOnIdentity, SignOnRefused, SignOnRules

_NO_PASSWORD = ""  # no hash: it matches no password
_AUDITED = ("role", "tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The account of a provider to which a user is connected."""

    issuer: str
    subject: str


class LinkedAccounts:
    """The accounts of one database that belong to identities of a provider; the one named ``local`` never does."""

    def __init__(self, engine: Engine, rules: SignOnRules, *, local: str = "") -> None:
        self._engine = engine
        self._rules = rules
        self._local = local

    def enter(self, identity: SignOnIdentity, *, address: str = "") -> User:
        """Return the account of an identity as it is after this sign-in, created or changed and audited in one step.

        Raises `SignOnRefused` if there is none and the rules make none, or if it is disabled.
        """
        try:
            with writing(self._engine) as connection:
                return self._enter(connection, identity, address)
        except IntegrityError:  # the same user signed in twice at once; the account exists now
            with writing(self._engine) as connection:
                return self._enter(connection, identity, address)

    def _enter(self, connection: Connection, identity: SignOnIdentity, address: str) -> User:
        user = _of_identity(connection, identity)
        if user is None:
            user = self._connect(connection, identity, address)
        if not user.active:
            raise SignOnRefused("This account is disabled. Ask an admin.")
        return _with_groups(connection, _updated(connection, user, identity, address), identity, address)

    def _connect(self, connection: Connection, identity: SignOnIdentity, address: str) -> User:
        named = connection.execute(select(*COLUMNS).where(users.c.name == identity.name)).mappings().first()
        if named is None:
            if self._rules.accounts is AccountRule.EXISTING:
                raise SignOnRefused("You have no account here yet. Ask an admin to add one.")
            user = self._created(connection, identity, address)
        else:
            user = to_user(named)
            self._refuse_to_connect(connection, user)
            values = {"password_hash": _NO_PASSWORD, "password_is_temporary": False}
            connection.execute(update(users).where(users.c.id == user.id).values(**values))
            _record(connection, AuditAction.USER_CHANGE, user, address, after={"sign_on": identity.issuer})
        link = {"user_id": user.id, "issuer": identity.issuer, "subject": identity.subject}
        connection.execute(insert(identities).values(**link, created_at=now()))
        return user

    def _created(self, connection: Connection, identity: SignOnIdentity, address: str) -> User:
        values = {
            "name": identity.name,
            "password_hash": _NO_PASSWORD,
            "full_name": identity.full_name,
            "email": identity.email,
            "role": (identity.role or self._rules.first_role).value,
            "tenant": identity.tenant,
        }
        user = insert_user(connection, **values)
        after = {"role": user.role.value, "tenant": user.tenant, "sign_on": identity.issuer}
        _record(connection, AuditAction.USER_ADD, user, address, after=after)
        return user

    def _refuse_to_connect(self, connection: Connection, user: User) -> None:
        """Raise `SignOnRefused` unless an existing account of this name can become that of the identity."""
        linked = connection.execute(select(identities.c.user_id).where(identities.c.user_id == user.id)).first()
        is_local = user.name == self._local or user.is_service or linked is not None
        if is_local or self._rules.accounts is AccountRule.CREATE:
            raise SignOnRefused(f"Another account is already named {user.name}. Ask an admin.")


def identity_of(engine: Engine, user_id: UUID) -> Identity | None:
    """Return the identity of a user, or ``None`` if the account is Deskjob's own."""
    query = select(identities.c.issuer, identities.c.subject).where(identities.c.user_id == user_id)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    return Identity(**row) if row else None


def _of_identity(connection: Connection, identity: SignOnIdentity) -> User | None:
    mine = (identities.c.issuer == identity.issuer, identities.c.subject == identity.subject)
    query = select(*COLUMNS).join(identities, identities.c.user_id == users.c.id).where(*mine)
    row = connection.execute(query).mappings().first()
    return to_user(row) if row else None


def _updated(connection: Connection, user: User, identity: SignOnIdentity, address: str) -> User:
    """Store what the provider decides, if it differs; raises `SignOnRefused` if nobody would be an admin any more."""
    values: dict[str, Any] = {"full_name": identity.full_name or user.full_name, "email": identity.email or user.email}
    if identity.role is not None:
        values["role"] = identity.role.value
    if identity.sets_tenant:
        values["tenant"] = identity.tenant
    changed = {name: value for name, value in values.items() if getattr(user, name) != value}
    if not changed:
        return user
    if values.get("role", user.role) != Role.ADMIN or values.get("tenant", user.tenant) is not None:
        try:
            refuse_last_admin(connection, user.name)
        except LastAdmin as error:
            raise SignOnRefused(str(error)) from None
    connection.execute(update(users).where(users.c.id == user.id).values(**changed))
    if audited := [name for name in _AUDITED if name in changed]:
        before = {name: getattr(user, name) for name in audited}
        after = {name: changed[name] for name in audited} | {"sign_on": identity.issuer}
        _record(connection, AuditAction.USER_ROLE, user, address, before=before, after=after)
    return _load(connection, user.id)


def _with_groups(connection: Connection, user: User, identity: SignOnIdentity, address: str) -> User:
    """Store the groups that the provider names, as far as they exist here; those by hand stay."""
    if identity.groups is None:
        return user
    before, after = set_groups_by_sign_on(connection, user.id, identity.groups)
    if before == after:
        return user
    details = {"before": {"groups": before}, "after": {"groups": after, "sign_on": identity.issuer}}
    _record(connection, AuditAction.USER_CHANGE, user, address, **details)
    return _load(connection, user.id)


def _load(connection: Connection, user_id: UUID) -> User:
    return to_user(connection.execute(select(*COLUMNS).where(users.c.id == user_id)).mappings().one())


def _record(connection: Connection, action: AuditAction, user: User, address: str, **details: Any) -> None:
    """Record a change in the name of the user, whose sign-in makes it."""
    actor = AuditActor(id=user.id, name=user.name, role=user.role.value, address=address)
    line = AuditLine(actor=actor, action=action, kind=AuditTarget.USER, id=user.name, name=user.display_name, **details)
    write_line(connection, line)
