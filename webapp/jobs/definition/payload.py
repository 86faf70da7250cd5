"""Stored payloads: JSON in the row, with encrypted secrets.

A secret is stored as ``{"$secret": "…"}``. The row, logs and exports contain only the ciphertext;
the worker that runs the job decrypts it with the installation's key.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from math import isfinite
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model import json_values

PAYLOAD_LIMIT = 256 * 1024  # bytes of JSON; 6,000 ids fit
_PLAIN_TYPES = frozenset({int, bool})
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
    """Encrypts and decrypts secrets with a key derived from the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        derived = sha256(b"deskjob payload secrets\0" + secret_key.encode()).digest()
        self._fernet = Fernet(urlsafe_b64encode(derived))

    def encrypt(self, secret: SecretStr) -> dict[str, str]:
        """Return the storable form of a secret."""
        return {SECRET: self._fernet.encrypt(secret.get_secret_value().encode()).decode()}

    def decrypt(self, stored: Mapping[str, str]) -> str:
        """Return the secret; raises `UnreadableSecret` if it was encrypted with another key."""
        try:
            return self._fernet.decrypt(stored[SECRET].encode()).decode()
        except InvalidToken:
            raise UnreadableSecret from None


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


def is_secret(value: object) -> bool:
    """Return whether a stored value is an encrypted secret, which pages must mask."""
    return isinstance(value, Mapping) and set(value) == {SECRET}


def _encrypted(value: Any, vault: Vault) -> Any:
    if value is None or type(value) in _PLAIN_TYPES or (type(value) is str and _IS_ASCII(value)):
        return value
    if isinstance(value, SecretStr):
        return vault.encrypt(value)
    if isinstance(value, Mapping):
        return {_encrypted(name, vault): _encrypted(item, vault) for name, item in value.items()}
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


def _decrypted(value: Any, vault: Vault) -> Any:
    if is_secret(value):
        return vault.decrypt(value)
    if isinstance(value, Mapping):
        return {name: _decrypted(item, vault) for name, item in value.items()}
    if isinstance(value, list):
        return [_decrypted(item, vault) for item in value]
    return value
