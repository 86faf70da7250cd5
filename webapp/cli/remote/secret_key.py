"""The secret key of another installation, which replaces it itself: no key is sent."""

from types import SimpleNamespace

from webapp.cli.remote.connection import Connection
from webapp.cli.remote.documents import Record, record_of

_KEY = "/secret-key"


class RemoteKeyRotation:
    """Replaces the key, request by request until nothing needs the old one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun: Record | None = None

    def status(self) -> Record:
        """Count what needs old keys."""
        return record_of(self._connection.get(_KEY))

    def replace_key(self) -> bool:
        """Return whether there is a new key; the same request begins to encrypt."""
        self._begun = self._rotate()
        return bool(self._begun.new_key)

    def encrypt_again(self) -> int:
        """Encrypt the rest and return the number of changed rows."""
        done = self._begun or self._rotate()
        changed = int(done.encrypted)
        while done.outdated and done.encrypted:
            done = self._rotate()
            changed += int(done.encrypted)
        return changed

    def forget(self, *, now: bool) -> SimpleNamespace:
        """Remove old keys; return what became of them by its ``name``."""
        done = self._connection.send("POST", f"{_KEY}/forget", {"now": now})
        return SimpleNamespace(name=done["old_keys"].upper())

    def _rotate(self) -> Record:
        return record_of(self._connection.send("POST", f"{_KEY}/rotate"))
