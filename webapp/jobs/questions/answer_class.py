"""The class of an answer: a pydantic model at the top of a module, from which pages and the API make a form.

The row of a question names it, as the row of a job names its type. Web processes import it from there.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError

from webapp.jobs.definition.field_specs import declared_specs
from webapp.jobs.definition.job_type import field_messages, unknown_fields
from webapp.jobs.model import json_values

PATH_LIMIT = 200  # characters, as in the schema


class InvalidAnswer(Exception):
    """Raised when an answer does not fit the form of its question; ``errors`` maps field names to messages."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Name each field with its message."""
        self.errors = dict(errors)
        listed = " ".join(f"{name or 'answer'}: {text}" for name, text in self.errors.items())
        super().__init__(f"The answer does not fit the form of the question. {listed}")


class UnknownForm(Exception):
    """Raised when the class of an answer cannot be imported here: the code has changed since the question."""

    def __init__(self, path: str) -> None:
        """Name the class."""
        super().__init__(
            f"The form of this question ({path}) does not exist in the code that runs here, so it cannot be answered. "
            "Stop the job and run it again."
        )


def path_of(model: object) -> str:
    """Return the name by which others import a class; raise ``TypeError`` or ``ValueError`` if it makes no form."""
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        message = f"The form of a question must be a pydantic model, not {model!r}."
        raise TypeError(message)
    path = f"{model.__module__}:{model.__qualname__}"
    for spec in declared_specs(model):
        if spec.is_upload or spec.schema.get("format") == "password":
            message = f"The field {spec.name!r} of {path} asks for a file or a secret. An answer is JSON."
            raise ValueError(message)
    if len(path) > PATH_LIMIT or _imported(path) is not model:
        message = f"The form of a question must be a class at the top of a module, so that pages can find it: {path}."
        raise ValueError(message)
    return path


def class_at(path: str) -> type[BaseModel]:
    """Return the class of a stored path; raise `UnknownForm`."""
    found = _imported(path)
    if not isinstance(found, type) or not issubclass(found, BaseModel):
        raise UnknownForm(path)
    return found


def parse_answer(model: type[BaseModel], values: object, *, strict: bool = False) -> BaseModel:
    """Return the answer in its class; raise `InvalidAnswer`. ``strict`` also refuses unknown fields."""
    if not isinstance(values, Mapping):
        raise InvalidAnswer({"": "The answer must be an object."})
    if strict and (unknown := dict(unknown_fields(model, values))):
        raise InvalidAnswer(unknown)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidAnswer(field_messages(model, error)) from None


def stored(answer: BaseModel) -> dict[str, Any]:
    """Return an answer as JSON; raise `NotStorable` if it is too large."""
    return json_values.check_json(answer.model_dump(mode="json", by_alias=True), "The answer")


def _imported(path: str) -> object:
    module, _, names = path.partition(":")
    try:
        found: object = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found
