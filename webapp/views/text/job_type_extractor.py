"""Extracts the texts that job types declare: titles, descriptions, groups and labels of choices.

Job types declare them in plain English; pages translate them with `stored_messages.translated`.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Literal, get_args, get_origin

from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.readable_names import humanize

ExtractedText = tuple[int, str, str, list[str]]


def extract(file: BinaryIO, _keywords: object, _tags: object, options: object) -> Iterator[ExtractedText]:  # noqa: ARG001  (its name)
    """Yield the declared texts of one module in Babel's format: line, function, text, comments."""
    for text in dict.fromkeys(_texts(import_file(file.name))):
        if text:
            yield 0, "", text, []


def import_file(name: str) -> ModuleType:
    """Import the module of a file."""
    path = Path(name)
    parts, folder = [path.stem], path.resolve().parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return import_module(".".join(parts).removesuffix(".__init__"))


def _texts(module: ModuleType) -> Iterator[str]:
    for value in vars(module).values():
        if isinstance(value, JobType):
            yield from (value.title, value.description, value.group)
        elif isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__:
            yield from of_payload(value)


def of_payload(payload_class: type[BaseModel]) -> Iterator[str]:
    """Yield the texts that the form of a payload class shows."""
    for field in payload_class.model_fields.values():
        yield from (field.title or "", field.description or "")
        extra = field.json_schema_extra
        labels = extra.get("labels") if isinstance(extra, Mapping) else None
        yield from map(str, labels.values()) if isinstance(labels, Mapping) else _options(field.annotation)


def _options(annotation: Any) -> Iterator[str]:
    """Yield the texts of options without labels, as forms show them."""
    if get_origin(annotation) is Literal:
        yield from (humanize(value) for value in get_args(annotation) if isinstance(value, str))
    else:
        for part in get_args(annotation):
            yield from _options(part)
