"""A payload class as questions, one per field, in its order. Knows no form and no request."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from webapp.views.forms.json_schema import json_schema
from webapp.views.forms.words import humanised


class Absent:
    """No answer was given at all: the payload class decides what then counts."""


ABSENT = Absent()
_NULL = {"type": "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a payload's field wants to know.

    ``schema`` is its JSON schema without the "or null", references followed. ``default`` is
    JSON, or ``ABSENT`` where there is none.
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
    def may_stay_empty(self) -> bool:
        """An empty answer is one."""
        return self.nullable or self.default is None

    @property
    def is_upload(self) -> bool:
        """It wants a file."""
        return bool(self.schema.get("upload"))


def questions(payload_class: type[BaseModel]) -> tuple[Question, ...]:
    """Return the questions of a payload class in the order of its fields."""
    return tuple(_questions(payload_class))


def _questions(payload_class: type[BaseModel]) -> Iterator[Question]:
    whole = json_schema(payload_class)
    definitions = whole.get("$defs", {})
    whole = _followed(whole, definitions)
    fields = {_key(name, info): info for name, info in payload_class.model_fields.items()}
    for name, stated in whole.get("properties", {}).items():
        schema, nullable = _without_null(stated, definitions)
        yield Question(
            name=name,
            title=_title(name, stated),
            help=str(stated.get("description", "")),
            example=str(next(iter(stated.get("examples") or ()), "")),
            schema=schema,
            required=name in whole.get("required", ()),
            nullable=nullable,
            default=_default(fields.get(name), stated),
        )


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _title(name: str, stated: Mapping[str, Any]) -> str:
    """The author's title; pydantic's own, which is the name with a capital on each word, reads worse."""
    title = str(stated.get("title", ""))
    return title if title and title != name.replace("_", " ").title() else humanised(name)


def _default(info: FieldInfo | None, stated: Mapping[str, Any]) -> Any:
    if info is None or info.is_required() or info.default_factory_takes_validated_data:
        return stated.get("default", ABSENT)
    return to_jsonable_python(info.get_default(call_default_factory=True), fallback=str)


def _without_null(stated: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    schema = _followed(stated, definitions)
    variants = [_followed(variant, definitions) for variant in schema.get("anyOf", ())]
    wanted = [variant for variant in variants if variant != _NULL]
    nullable = len(wanted) < len(variants) or None in schema.get("enum", ())
    if len(wanted) == 1:
        schema = {**wanted[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if "items" in schema:
        schema["items"] = _followed(schema["items"], definitions)
    return schema, nullable


def _followed(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with what its reference says; its own words go first."""
    reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**definitions.get(reference, {}), **schema} if reference else dict(schema)
