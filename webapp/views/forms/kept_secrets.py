"""Secrets that a form leaves as they are: their fields are empty, because a stored secret is never shown."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from webapp.jobs.definition.field_specs import leaf_specs
from webapp.jobs.definition.payload import Vault, is_secret


def with_kept_secrets(
    payload_class: type[BaseModel], typed: MultiDict[str, str], stored: Mapping[str, Any], vault: Vault
) -> MultiDict[str, str]:
    """Return the submitted fields; an empty secret field has the secret of the stored payload."""
    filled = MultiDict(typed.items(multi=True))
    for name, secret in stored_secrets(payload_class, stored).items():
        if not filled.get(name):
            filled[name] = vault.decrypt(secret)
    return filled


def stored_secrets(payload_class: type[BaseModel], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the encrypted secrets of a stored payload by field; such a field can be left empty."""
    values = {spec.name: spec.value_in(stored) for spec in leaf_specs(payload_class)}
    return {name: value for name, value in values.items() if is_secret(value)}
