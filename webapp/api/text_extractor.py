"""Extracts the texts of operations for the catalogue: summaries, descriptions, and those of parameters and members.

The OpenAPI document is in English; the page of the API shows the texts in the language of the reader.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from pydantic import BaseModel

from webapp.api.operations import Operations
from webapp.views.text.job_type_extractor import ExtractedText, import_file


def extract(file: BinaryIO, _keywords: object, _tags: object, options: object) -> Iterator[ExtractedText]:  # noqa: ARG001  (its name)
    """Yield the texts of one module in Babel's format: line, function, text, comments."""
    for text in dict.fromkeys(_texts(import_file(file.name))):
        if text:
            yield 0, "", text, []


def _texts(module: Any) -> Iterator[str]:
    operations = getattr(module, "operations", None)
    if isinstance(operations, Operations):
        for operation in operations:
            yield from (operation.sentence, *operation.paragraphs)
            for model in (operation.query, operation.body):
                yield from _of_fields(model)


def _of_fields(model: Any) -> Iterator[str]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        for field in model.model_fields.values():
            yield field.description or ""
