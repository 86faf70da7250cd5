"""Describes the fields of a payload class for forms, based on its JSON schema.

The JSON schema supports every annotation that pydantic supports, so forms read it instead of the
annotations. It is extended with upload markers, bounds and labels. Knows no form and no request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, to_jsonable_python

from webapp.jobs.definition.job_type import Upload
from webapp.jobs.definition.readable_names import humanize


class Absent:
    """Marks a field that was not submitted: the payload class applies its default."""


ABSENT = Absent()
_NULL = {"type": "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field of a payload class.

    ``schema`` is its JSON schema without "or null" and with references resolved. ``default`` is
    JSON, or ``ABSENT`` if there is none.
    """

    name: str
    title: str
    help: str = ""
    example: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    nullable: bool = False
    default: Any = ABSENT

    @property
    def can_be_empty(self) -> bool:
        """Whether an empty answer is valid."""
        return self.nullable or self.default is None

    @property
    def is_upload(self) -> bool:
        """Whether the field takes a file."""
        return bool(self.schema.get("upload"))


def field_specs(payload_class: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """Return the fields of a payload class in order."""
    return tuple(_field_specs(payload_class))


@cache
def json_schema(payload_class: type[BaseModel]) -> dict[str, Any]:
    """Return the cached schema; parts without a schema are ``{}``. Do not modify it."""
    return payload_class.model_json_schema(schema_generator=_Schema)


def _field_specs(payload_class: type[BaseModel]) -> Iterator[FieldSpec]:
    root = json_schema(payload_class)
    definitions = root.get("$defs", {})
    root = _resolved(root, definitions)
    fields = {_key(name, info): info for name, info in payload_class.model_fields.items()}
    for name, declared in root.get("properties", {}).items():
        schema, nullable = _without_null(declared, definitions)
        yield FieldSpec(
            name=name,
            title=_title(name, declared),
            help=str(declared.get("description", "")),
            example=str(next(iter(declared.get("examples") or ()), "")),
            schema=schema,
            required=name in root.get("required", ()),
            nullable=nullable,
            default=_default(fields.get(name), declared),
        )


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _title(name: str, declared: Mapping[str, Any]) -> str:
    """Return the author's title; ignore pydantic's generated title, which capitalises each word."""
    title = str(declared.get("title", ""))
    return title if title and title != name.replace("_", " ").title() else humanize(name)


def _default(info: FieldInfo | None, declared: Mapping[str, Any]) -> Any:
    if info is None or info.is_required() or info.default_factory_takes_validated_data:
        return declared.get("default", ABSENT)
    return to_jsonable_python(info.get_default(call_default_factory=True), fallback=str)


def _without_null(declared: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    schema = _resolved(declared, definitions)
    variants = [_resolved(variant, definitions) for variant in schema.get("anyOf", ())]
    types = [variant for variant in variants if variant != _NULL]
    nullable = len(types) < len(variants) or None in schema.get("enum", ())
    if len(types) == 1:
        schema = {**types[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if "items" in schema:
        schema["items"] = _resolved(schema["items"], definitions)
    return schema, nullable


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema merged with the one it refers to; its own keys take precedence."""
    reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**definitions.get(reference, {}), **schema} if reference else dict(schema)


class _Schema(GenerateJsonSchema):
    """Marks uploads and keeps the bounds of dates and decimals and the labels of enum members."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        return {}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        upload = {"upload": True} if schema["cls"] is Upload else {}
        return {**super().model_schema(schema), **upload}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        labels = [str(getattr(member, "label", None) or _member_name(member)) for member in schema["members"]]
        return {**super().enum_schema(schema), "labels": labels}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        number = super().decimal_schema(schema)["anyOf"][0]
        places = schema.get("decimal_places")
        return {**number, "type": "number", **({"step": str(Decimal(1).scaleb(-places))} if places else {})}

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        bounds = {name: schema[key].isoformat() for name, key in (("min", "ge"), ("max", "le")) if key in schema}  # type: ignore[literal-required]
        return {**super().date_schema(schema), **bounds}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        zoneless = schema.get("tz_constraint") == "naive"
        return {**super().datetime_schema(schema), **({"format": "zoneless-date-time"} if zoneless else {})}


def _member_name(member: Any) -> str:
    return humanize(member.value if isinstance(member.value, str) else member.name.lower())
