"""The second factor of users with a password: codes of an authenticator app (TOTP, RFC 6238), and recovery codes.

A code counts once: its time step is stored, and older steps are refused, so a code that somebody watches being typed is
void. The clock of the phone can be one step off that of the database. Recovery codes are stored as hashes; each works
once.
"""

import secrets
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from pyotp import TOTP, random_base32
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, null, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import UnreadableSecret, Vault
from webapp.schema import database_time, now, recovery_codes, second_factors, users

STEP = 30  # seconds
DIGITS = 6
DRIFT = 1  # steps that the clock of a phone can be off
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without letters and digits that look alike
_GROUPS, _GROUP_LENGTH = 4, 4  # 79 bits


class Factor(StrEnum):
    """With what a user proved that it is them."""

    CODE = "code"
    RECOVERY_CODE = "recovery_code"


class WrongCode(Exception):
    """Raised when the code of an app is wrong or too old."""


class OwnSecondFactor(Exception):
    """Raised when admins want to remove their own second factor as that of a user: that would need no code."""

    def __init__(self) -> None:
        """Create the message."""
        super().__init__("Remove your own second factor in your settings: a code is asked for there.")


class SecondFactors:
    """The second factors of the users of one database."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def recovery_codes_left(self, user_id: UUID) -> int:
        """Return how many recovery codes of a user were not used yet."""
        query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def switch_on(self, user_id: UUID, secret: str, code: str, *, at: float | None = None) -> tuple[str, ...]:
        """Store the secret of an app if ``code`` is one of its codes; return the recovery codes, which are not stored.

        Replaces an earlier second factor. Raises `WrongCode`.
        """
        step = _step_of(secret, code, self._now() if at is None else at)
        if step is None:
            raise WrongCode
        codes = tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))
        with writing(self._engine) as connection:
            _remove(connection, user_id)
            _set_removed_at(connection, user_id, null())
            values = {"user_id": user_id, "secret": self._vault.encrypt(SecretStr(secret)), "last_step": step}
            connection.execute(insert(second_factors).values(**values, created_at=now()))
            connection.execute(
                insert(recovery_codes), [{"user_id": user_id, "code_hash": _hash(user_id, code)} for code in codes]
            )
        return codes

    def is_code_of(self, secret: str, code: str) -> bool:
        """Return whether an app with this secret shows the code now."""
        return _step_of(secret, code, self._now()) is not None

    def switch_off(self, user_id: UUID) -> None:
        """Remove the second factor of a user and their recovery codes, as they wish."""
        with writing(self._engine) as connection:
            _remove(connection, user_id)

    def switch_off_for(self, user_id: UUID) -> None:
        """Remove the second factor of a user who has lost it, and tell them on every page until they have seen it."""
        with writing(self._engine) as connection:
            if _remove(connection, user_id):
                _set_removed_at(connection, user_id, now())

    def mark_removal_seen(self, user_id: UUID) -> None:
        """Stop telling a user that somebody else removed their second factor."""
        with writing(self._engine) as connection:
            _set_removed_at(connection, user_id, null())

    def use(self, user_id: UUID, typed: str, *, at: float | None = None) -> Factor | None:
        """Use up a code of the app or a recovery code; return which it was, ``None`` if it is neither."""
        code = "".join(typed.split()).lower()
        if _looks_like_code(code):
            return Factor.CODE if self._use_code(user_id, code, at) else None
        return Factor.RECOVERY_CODE if self._use_recovery_code(user_id, code) else None

    def _use_code(self, user_id: UUID, code: str, at: float | None) -> bool:
        query = select(second_factors.c.secret, now().label("now")).where(second_factors.c.user_id == user_id)
        with reading(self._engine) as connection:
            stored = connection.execute(query).first()
        if stored is None:
            return False
        try:
            step = _step_of(self._vault.decrypt(stored.secret), code, stored.now.timestamp() if at is None else at)
        except UnreadableSecret:  # the secret key was lost; a recovery code works still
            step = None
        if step is None:
            return False
        mine = (second_factors.c.user_id == user_id, second_factors.c.last_step < step)
        with writing(self._engine) as connection:  # of two requests with the same code, one finds the step
            return connection.execute(update(second_factors).where(*mine).values(last_step=step)).rowcount == 1

    def _use_recovery_code(self, user_id: UUID, code: str) -> bool:
        mine = (recovery_codes.c.user_id == user_id, recovery_codes.c.code_hash == _hash(user_id, code))
        with writing(self._engine) as connection:
            return connection.execute(delete(recovery_codes).where(*mine)).rowcount == 1

    def _now(self) -> float:
        with reading(self._engine) as connection:
            return database_time(connection).timestamp()


def new_secret() -> str:
    """Return a new secret for an app."""
    return random_base32()


def app_address(secret: str, *, user: str, site: str) -> str:
    """Return the address that an app reads from a QR code."""
    return TOTP(secret, interval=STEP).provisioning_uri(name=user, issuer_name=site)


def _step_of(secret: str, code: str, at: float) -> int | None:
    """Return the time step of a code, if it is one of now or of a clock that is a step off."""
    if not _looks_like_code(code):
        return None
    app, current = TOTP(secret, interval=STEP), int(at // STEP)
    steps = range(current - DRIFT, current + DRIFT + 1)
    matching = [step for step in steps if compare_digest(app.generate_otp(step), code)]
    return max(matching, default=None)


def _looks_like_code(code: str) -> bool:
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def _remove(connection: Connection, user_id: UUID) -> bool:
    """Remove a factor and its recovery codes; return whether there was one. Concurrent changes of a user wait."""
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    return connection.execute(delete(second_factors).where(second_factors.c.user_id == user_id)).rowcount == 1


def _set_removed_at(connection: Connection, user_id: UUID, at: ColumnElement[Any]) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(factor_removed_at=at))


def _new_recovery_code() -> str:
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP_LENGTH))
    return "-".join(signs[start : start + _GROUP_LENGTH] for start in range(0, len(signs), _GROUP_LENGTH))


def _hash(user_id: UUID, code: str) -> bytes:
    return sha256(user_id.bytes + code.replace("-", "").encode()).digest()
