"""Stored payloads: JSON in the row, with encrypted secrets.

A secret is stored as ``{"$secret": "…"}``. The row, logs and exports contain only the ciphertext;
the worker that runs the job decrypts it with the installation's key.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from math import isfinite
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model import json_values
from webapp.jobs.model.secret_mask import NO_SECRETS, SecretMask

PAYLOAD_LIMIT = 256 * 1024  # bytes of JSON; 6,000 ids fit
_PLAIN_TYPES = frozenset({int, bool})
_SCALARS = _PLAIN_TYPES | {str, float, type(None)}
_IS_ASCII = re.compile("[\x01-\x7f]*").fullmatch  # the usual case, which needs no further checks
SECRET = "$secret"  # noqa: S105  (a marker, not a secret)


class UnreadableSecret(Exception):
    """Raised when a secret was encrypted with another key."""

    def __init__(self) -> None:
        """Name the likely cause."""
        super().__init__(
            "A secret of this job cannot be decrypted because SECRET_KEY has changed since the job was created."
        )


class Vault:
    """Encrypts with a key derived from the installation's secret key, and decrypts with those of old ones too.

    A secret that none of them decrypts may have a newer key: ``reload`` returns the keys that there are now.
    """

    def __init__(self, secret_key: str, *old_keys: str, reload: Callable[[], Sequence[str]] | None = None) -> None:
        self._reload = reload
        self.use_keys(secret_key, *old_keys)

    def use_keys(self, secret_key: str, *old_keys: str) -> None:
        """Encrypt with the first key from now on."""
        self._keys = (secret_key, *old_keys)
        self._fernets = tuple(_fernet(key) for key in self._keys)
        self._fernet = self._fernets[0]

    def encrypt(self, secret: SecretStr) -> dict[str, str]:
        """Return the storable form of a secret."""
        return {SECRET: self._fernet.encrypt(secret.get_secret_value().encode()).decode()}

    def decrypt(self, stored: Mapping[str, str]) -> str:
        """Return the secret; raises `UnreadableSecret` if it was encrypted with another key."""
        if (found := self._decrypted(stored)) is None and self._has_new_keys():
            found = self._decrypted(stored)
        if found is None:
            raise UnreadableSecret
        return found[1]

    def renewed(self, stored: Mapping[str, str]) -> Mapping[str, str]:
        """Return a secret encrypted with the current key; as it is if it has that one, or if no key decrypts it."""
        found = self._decrypted(stored)
        return stored if found is None or found[0] == 0 else self.encrypt(SecretStr(found[1]))

    def state_of(self, stored: Mapping[str, str]) -> Literal["current", "old", "unreadable"]:
        """Return which key decrypts a secret."""
        found = self._decrypted(stored)
        if found is None:
            return "unreadable"
        return "old" if found[0] else "current"

    def _decrypted(self, stored: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the place of the key and the secret."""
        for place, fernet in enumerate(self._fernets):
            with suppress(InvalidToken):
                return place, fernet.decrypt(stored[SECRET].encode()).decode()
        return None

    def _has_new_keys(self) -> bool:
        """Read the keys again; return whether there are others now."""
        keys = tuple(self._reload()) if self._reload else self._keys
        if keys == self._keys:
            return False
        self.use_keys(*keys)
        return True


def _fernet(secret_key: str) -> Fernet:
    derived = sha256(b"deskjob payload secrets\0" + secret_key.encode()).digest()
    return Fernet(urlsafe_b64encode(derived))


def dump_payload(payload: BaseModel, vault: Vault) -> dict[str, Any]:
    """Return a payload as JSON values with encrypted secrets; raises ``ValueError`` for unstorable values."""
    stored: dict[str, Any] = _encrypted(payload.model_dump(mode="python", by_alias=True), vault)
    size = json_values.json_size(stored)
    if size > PAYLOAD_LIMIT:
        message = f"A payload can have at most {PAYLOAD_LIMIT} bytes of JSON, not {size}. Pass large data as a file."
        raise ValueError(message)
    return stored


def load_payload(job_type: JobType, stored: Mapping[str, Any], vault: Vault) -> BaseModel:
    """Return the payload of a row. It is validated again, because its type may have changed."""
    return job_type.parse(_decrypted(stored, vault))


def secret_values(stored: Any, vault: Vault) -> list[str]:
    """Return the decrypted secrets of a stored payload, so that they can be masked; raises `UnreadableSecret`."""
    if is_secret(stored):
        return [vault.decrypt(stored)]
    items = stored.values() if isinstance(stored, Mapping) else stored if isinstance(stored, list) else ()
    return [secret for item in items for secret in secret_values(item, vault)]


def payload_mask(stored: Any, vault: Vault) -> SecretMask:
    """Return the mask of a stored payload's secrets. Nothing is known of secrets that cannot be read any more."""
    try:
        return SecretMask(secret_values(stored, vault))
    except UnreadableSecret:  # handlers cannot read them either
        return NO_SECRETS


def is_secret(value: object) -> bool:
    """Return whether a stored value is an encrypted secret, which pages must mask."""
    # a quick answer for most values of a payload
    return type(value) not in _SCALARS and isinstance(value, Mapping) and set(value) == {SECRET}


def _encrypted(value: Any, vault: Vault) -> Any:
    if value is None or type(value) in _PLAIN_TYPES or (type(value) is str and _IS_ASCII(value)):
        return value
    if isinstance(value, SecretStr):
        return vault.encrypt(value)
    if isinstance(value, Mapping):
        return {_json_name(_encrypted(name, vault)): _encrypted(item, vault) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_encrypted(item, vault) for item in value]
    plain = to_jsonable_python(value)
    if isinstance(plain, str) and json_values.storable_text(plain) != plain:
        message = "Text cannot contain NUL characters or unpaired surrogates."
        raise ValueError(message)
    if isinstance(plain, float) and not isfinite(plain):
        message = f"A number must be finite, not {plain}."
        raise ValueError(message)
    return plain


def _json_name(name: Any) -> Any:
    """Return a key of a mapping as JSON has it, which is a text."""
    return name if isinstance(name, str) else next(iter(json.loads(json.dumps({name: None}))))


def _decrypted(value: Any, vault: Vault) -> Any:
    if is_secret(value):
        return vault.decrypt(value)
    if isinstance(value, Mapping):
        return {name: _decrypted(item, vault) for name, item in value.items()}
    if isinstance(value, list):
        return [_decrypted(item, vault) for item in value]
    return value
