"""The JSON schema of a payload class, told a little more than pydantic tells by itself.

A schema knows every kind of annotation that pydantic does, so forms read it and not annotations.
"""

from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from webapp.jobs.job_type import Upload
from webapp.views.forms.words import humanised


@cache
def json_schema(payload_class: type[BaseModel]) -> dict[str, Any]:
    """Return the schema; a part that has none is ``{}``, so there is always one. Not to be changed."""
    return payload_class.model_json_schema(schema_generator=_Schema)


class _Schema(GenerateJsonSchema):
    """Marks uploads, keeps the bounds of dates and decimals, and the names of enum members."""

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
    return humanised(member.value if isinstance(member.value, str) else member.name.lower())
