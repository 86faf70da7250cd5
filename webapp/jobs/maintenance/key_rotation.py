"""Replaces the secret key of the installation, and removes old keys when nothing needs them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic, time

from sqlalchemy import Engine

from webapp.config import Settings
from webapp.jobs.definition.payload import Vault
from webapp.jobs.maintenance.reencryption import count_outdated, encrypt_again
from webapp.secret_key import forget_old_keys, keys_are_in_files, replace_key, replaced_at, secret_keys


class KeyRotationRefused(Exception):
    """Raised when the key cannot be replaced, or old ones are still needed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """Old keys that are accepted, rows with a secret that needs one, and rows with one that no key can decrypt."""

    old_keys: int
    outdated: int
    unreadable: int


class Forgotten(Enum):
    """What became of the old keys."""

    NONE_LEFT = auto()  # there were none
    REMOVED = auto()
    IN_SETTINGS = auto()  # from which they can be removed now


class KeyRotation:
    """The keys of one installation. Each step can be repeated after it was interrupted."""

    def __init__(self, engine: Engine, vault: Vault, settings: Settings) -> None:
        self._engine = engine
        self._vault = vault
        self._settings = settings

    def status(self) -> KeyStatus:
        """Count what needs old keys."""
        outdated, unreadable = count_outdated(self._engine, self._vault)
        return KeyStatus(old_keys=self._old_keys(), outdated=outdated, unreadable=unreadable)

    def replace_key(self) -> bool:
        """Generate a new key and return True; return False if rows still wait for the present one.

        With keys in the settings, the new one is among them already. Raises `KeyRotationRefused` if it is not.
        """
        if self._old_keys() and self.status().outdated:
            return False
        if keys_are_in_files(self._settings):
            replace_key(self._settings)
            self._vault.use_keys(*secret_keys(self._settings))
            return True
        if not self._old_keys():
            raise KeyRotationRefused(
                "DESKJOB_SECRET_KEY is set, so the new key comes from you: set it to a new key and "
                "DESKJOB_SECRET_KEY_OLD to the present one, for all processes, and run this command again."
            )
        return False

    def encrypt_again(self, *, seconds: float = float("inf")) -> int:
        """Encrypt stored secrets with the present key and return the number of changed rows.

        After ``seconds`` it stops with rows left to do, but never before it has changed some.
        """
        return encrypt_again(self._engine, self._vault, is_enough=_after(seconds))

    def forget(self, *, now: bool) -> Forgotten:
        """Remove old keys; raise `KeyRotationRefused` if they are needed, by browsers too unless ``now``."""
        if not self._old_keys():
            return Forgotten.NONE_LEFT
        if outdated := self.status().outdated:
            raise KeyRotationRefused(f"{outdated:,} rows need an old key. Run `deskjob secrets rotate` first.")
        if (left := self._seconds_of_sessions()) > 0 and not now:
            raise KeyRotationRefused(
                f"Browsers can be signed in with the old key for {left / 3600:.1f} h more. Wait, or use --now: "
                "they must sign in again then."
            )
        if keys_are_in_files(self._settings):
            forget_old_keys(self._settings)
        return Forgotten.IN_SETTINGS if self._settings.old_keys else Forgotten.REMOVED

    def _old_keys(self) -> int:
        return len(secret_keys(self._settings)) - 1

    def _seconds_of_sessions(self) -> float:
        since = replaced_at(self._settings)
        return 0.0 if since is None else since + self._settings.session_absolute_seconds - time()


def _after(seconds: float) -> Callable[[int], bool]:
    end = monotonic() + seconds
    return lambda changed: changed > 0 and monotonic() > end
