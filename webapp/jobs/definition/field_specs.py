"""Describes the fields of a payload class: for forms, for pages, and for the rules of its files.

The JSON schema supports every annotation that pydantic supports, so this module reads it instead of the
annotations. It is extended with upload markers, bounds and labels. A nested model or dataclass is a field with fields
of its own, each with its path as its name: ``address.street``. Knows no form and no request.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, to_jsonable_python

from webapp.jobs.definition.readable_names import humanize

MOST_FILES = 100  # that one field can take


class Upload(BaseModel):
    """A file in a payload. The payload stores its description; the content is an attachment.

    ``json_schema_extra={"accept": ".csv,.xlsx", "max_bytes": 20_000_000}`` on the field limits
    the file types and the size. Empty files are never accepted. A ``list[Upload]`` takes several files;
    ``max_total_bytes`` limits them together, and ``max_length`` their number.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    size: int = Field(ge=0)
    sha256: str
    media_type: str = "application/octet-stream"


class MisplacedUpload(TypeError):
    """Raised when a payload class has an upload where no form can take a file."""

    def __init__(self, payload_class: type[BaseModel], field: str) -> None:
        """Name the field."""
        super().__init__(
            f"The field {field!r} of {payload_class.__qualname__} has an Upload where no form can take a file. "
            "Make it a field of its own, of a nested model, or a list[Upload]."
        )


class Absent:
    """Marks a field that was not submitted: the payload class applies its default."""


ABSENT = Absent()
_NULL = {"type": "null"}
_RESERVED = "job"  # forms use names such as ``job.title`` for their own fields


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field of a payload class.

    ``schema`` is its JSON schema without "or null" and with references resolved. ``default`` is
    JSON, or ``ABSENT`` if there is none. ``fields`` are those of a nested model, which forms show as a section;
    ``sections`` are the titles of the sections around it.
    """

    name: str
    title: str
    help: str = ""
    example: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    nullable: bool = False
    default: Any = ABSENT
    annotation: Any = field(default=None, compare=False)
    path: tuple[str, ...] = field(default=(), compare=False)
    sections: tuple[str, ...] = ()
    fields: tuple["FieldSpec", ...] = ()
    conditional: bool = False  # a section around it can be left out, so that no value is needed

    @property
    def key(self) -> str:
        """Its name in the object that contains it."""
        return self.path[-1] if self.path else self.name

    @property
    def can_be_empty(self) -> bool:
        """Whether an empty answer is valid."""
        return self.nullable or self.default is None

    @property
    def is_upload(self) -> bool:
        """Whether the field takes a file, or several."""
        return bool(self.schema.get("upload")) or self.takes_files

    @property
    def takes_files(self) -> bool:
        """Whether the field takes any number of files."""
        return self.schema.get("type") == "array" and bool(self.schema.get("items", {}).get("upload"))

    def value_in(self, payload: Any) -> Any:
        """Return its value in a payload (JSON), or ``ABSENT``."""
        for key in self.path or (self.name,):
            if not isinstance(payload, Mapping) or key not in payload:
                return ABSENT
            payload = payload[key]
        return payload


def field_specs(payload_class: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """Return the fields of a payload class in order; nested models contain theirs."""
    return _all(payload_class, _Outside())


def all_specs(specs: Sequence[FieldSpec]) -> Iterator[FieldSpec]:
    """Yield the fields with those of their nested models, each before its own fields."""
    for spec in specs:
        yield spec
        yield from all_specs(spec.fields)


def leaf_specs(payload_class: type[BaseModel]) -> Iterator[FieldSpec]:
    """Yield the fields that have a value of their own: those of nested models instead of the models."""
    return (spec for spec in all_specs(field_specs(payload_class)) if not spec.fields)


def nested_class(annotation: Any) -> type | None:
    """Return the model or dataclass that an annotation names, also if it is optional; None if it is something else."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, UnionType}:
        members = [member for member in get_args(annotation) if member is not NoneType]
        return nested_class(members[0]) if len(members) == 1 else None
    if not isinstance(annotation, type) or issubclass(annotation, Upload | RootModel):
        return None
    return annotation if issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation) else None


@cache
def upload_specs(payload_class: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """Return the fields that take files, without their defaults; raise `MisplacedUpload`."""
    leaves = [spec for spec in declared_specs(payload_class) if not spec.fields]
    definitions = json_schema(payload_class).get("$defs", {})
    for spec in leaves:
        if not spec.is_upload and _mentions_upload(spec.schema, definitions):
            raise MisplacedUpload(payload_class, spec.name)
    return tuple(spec for spec in leaves if spec.is_upload)


def field_of(payload_class: type[BaseModel], location: Sequence[int | str]) -> tuple[str, list[int | str]]:
    """Return the name of the field in which pydantic found an error, and the place inside its value."""
    names = {spec.name for spec in declared_specs(payload_class)}
    for length in range(len(location), 0, -1):
        name = ".".join(map(str, location[:length]))
        if name in names:
            return name, list(location[length:])
    return (str(location[0]), list(location[1:])) if location else ("", [])


@cache
def declared_specs(payload_class: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """Return all fields as they are declared, without defaults: no default factory is called."""
    return tuple(all_specs(_all(payload_class, _Outside(with_defaults=False))))


@dataclass(frozen=True, slots=True)
class _Outside:
    """What is around a field: the path and titles of its sections, their values by default, their classes."""

    path: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    default: Any = ABSENT
    conditional: bool = False
    classes: frozenset[type] = frozenset()
    with_defaults: bool = True


def _all(payload_class: type[BaseModel], outside: _Outside) -> tuple[FieldSpec, ...]:
    root = json_schema(payload_class)
    definitions = root.get("$defs", {})
    return tuple(_specs(_Model(payload_class), _resolved(root, definitions), definitions, outside))


class _Model:
    """The fields of a model or dataclass by their names in a request."""

    def __init__(self, model: type) -> None:
        self.model = model
        if issubclass(model, BaseModel):
            self._infos = {_key(name, info): info for name, info in model.model_fields.items()}
            self._annotations = {name: info.annotation for name, info in self._infos.items()}
            self.takes_others = model.model_config.get("extra") == "allow"
        else:
            self._infos = {}
            self._annotations = get_type_hints(model, include_extras=True)
            self.takes_others = False

    def annotation(self, name: str) -> Any:
        return self._annotations.get(name)

    def default(self, name: str, declared: Mapping[str, Any]) -> Any:
        info = self._infos.get(name)
        if info is None or info.is_required() or info.default_factory_takes_validated_data:
            return declared.get("default", ABSENT)
        return to_jsonable_python(info.get_default(call_default_factory=True), fallback=str)


def _specs(
    model: _Model, root: Mapping[str, Any], definitions: Mapping[str, Any], outside: _Outside
) -> Iterator[FieldSpec]:
    for name, declared in root.get("properties", {}).items():
        schema, nullable = _without_null(declared, definitions)
        path = (*outside.path, name)
        spec = FieldSpec(
            name=".".join(path),
            title=_title(name, declared),
            help=str(declared.get("description", "")),
            example=str(next(iter(declared.get("examples") or ()), "")),
            schema=schema,
            required=name in root.get("required", ()),
            nullable=nullable,
            default=_default(model, name, declared, outside),
            annotation=model.annotation(name),
            path=path,
            sections=outside.sections,
            conditional=outside.conditional,
        )
        yield dataclasses.replace(spec, fields=_nested_specs(spec, definitions, outside))


def _nested_specs(spec: FieldSpec, definitions: Mapping[str, Any], outside: _Outside) -> tuple[FieldSpec, ...]:
    """Return the fields of a nested model; none if the form cannot show it as a section."""
    nested = nested_class(spec.annotation)
    if nested is None or nested in outside.classes or spec.name == _RESERVED or not spec.schema.get("properties"):
        return ()
    model = _Model(nested)
    if model.takes_others:
        return ()
    inside = dataclasses.replace(
        outside,
        path=spec.path,
        sections=(*spec.sections, spec.title),
        default=spec.default,
        conditional=spec.conditional or spec.nullable,
        classes=outside.classes | {nested},
    )
    return tuple(_specs(model, spec.schema, definitions, inside))


def _default(model: _Model, name: str, declared: Mapping[str, Any], outside: _Outside) -> Any:
    if not outside.with_defaults:
        return ABSENT
    if isinstance(outside.default, Mapping) and name in outside.default:
        return outside.default[name]
    return model.default(name, declared)


def _key(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    return alias if isinstance(alias, str) else name


def _title(name: str, declared: Mapping[str, Any]) -> str:
    """Return the author's title; ignore pydantic's generated title, which capitalises each word."""
    title = str(declared.get("title", ""))
    return title if title and title != name.replace("_", " ").title() else humanize(name)


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


def _mentions_upload(schema: Any, definitions: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> bool:
    if isinstance(schema, Mapping):
        if schema.get("upload") is True:
            return True
        reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if reference and reference not in seen:
            seen |= {reference}
            if _mentions_upload(definitions.get(reference), definitions, seen):
                return True
        schema = list(schema.values())
    return isinstance(schema, list) and any(_mentions_upload(part, definitions, seen) for part in schema)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema merged with the one it refers to; its own keys take precedence."""
    reference = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return {**definitions.get(reference, {}), **schema} if reference else dict(schema)


@cache
def json_schema(payload_class: type[BaseModel]) -> dict[str, Any]:
    """Return the cached schema; parts without a schema are ``{}``. Do not modify it."""
    return payload_class.model_json_schema(schema_generator=_Schema)


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
