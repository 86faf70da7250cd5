"""Which values of a form can be saved in a preset: all but secrets and files, whose content must not be kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from webapp.jobs.definition.field_specs import FieldSpec, field_specs


def preset_values(payload_class: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values of a payload, as JSON, that belong to fields without secrets and files."""
    found: dict[str, Any] = to_jsonable_python(_kept(field_specs(payload_class), values))
    return found


def _kept(specs: Sequence[FieldSpec], values: Mapping[str, Any]) -> dict[str, Any]:
    known = {spec.key: spec for spec in specs}
    return {
        key: _kept(known[key].fields, value) if known[key].fields and isinstance(value, Mapping) else value
        for key, value in values.items()
        if key in known and not known[key].is_upload and not _holds_secret(known[key])
    }


def _holds_secret(spec: FieldSpec) -> bool:
    """Return whether a field is a secret, or a list or an object that has secrets inside."""
    return not spec.fields and _mentions_secret(spec.schema)


def _mentions_secret(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("format") == "password" or any(map(_mentions_secret, schema.values()))
    return isinstance(schema, Sequence) and not isinstance(schema, str) and any(map(_mentions_secret, schema))
