"""Declaring an operation of the API: its method, path, scope, input and answers.

>>> operations = Operations("jobs")
>>> @operations.add("GET", "/jobs/<uuid:job_id>", scope=Scope.READ, answers={200: Answer(JobDocument)})
... def get_job(job_id: UUID) -> Any:
...     '''Get a job.'''

The function gets the parts of the path, ``query`` and ``body`` if they are declared. It returns the answer's document,
or a `Reply` with a status and headers, or a Flask response. Its docstring is the text of the documentation.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
_PATH_ARGUMENT = re.compile(r"<(?:(?P<kind>[a-z]+)(?:\([^)]*\))?:)?(?P<name>\w+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answers; without a ``model`` it is empty, or a file of the ``media_type``."""

    model: Any = None
    description: str = "Done."
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with a status or headers of its own; ``document`` None has no body."""

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. ``right`` is a right that the user needs besides the ``scope`` of the token.

    ``own_scope`` is enough for what belongs to the user of the token; the handler sees to it that it reaches no more.
    One that ``reveals`` what only the scope `read` permits to see, or lets it be sent elsewhere, needs that scope too.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    tag: str
    scope: Scope
    own_scope: Scope | None
    right: Right | None
    reveals: bool
    query: type[BaseModel] | None
    body: Any
    takes_files: bool
    returns_secret: bool
    answers: Mapping[int, Answer]
    handler: Handler

    @property
    def sentence(self) -> str:
        """The summary as a sentence."""
        return f"{self.summary}."

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The paragraphs of the description, each on one line."""
        return tuple(filter(None, (" ".join(part.split()) for part in self.description.split("\n\n"))))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that a token needs, all of them."""
        return tuple(dict.fromkeys((Scope.READ, self.scope))) if self.reveals else (self.scope,)

    @property
    def takes_key(self) -> bool:
        """Whether the header ``Idempotency-Key`` is read. An answer with a secret is not stored."""
        return self.method == "POST" and not self.returns_secret

    @property
    def path_arguments(self) -> tuple[tuple[str, str], ...]:
        """The names of the path's arguments with their converters."""
        return tuple((found["name"], found["kind"] or "string") for found in _PATH_ARGUMENT.finditer(self.path))

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PATH_ARGUMENT.sub(r"{\g<name>}", self.path)


class Operations:
    """The operations of one resource, in the order of their declaration."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._all: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        """Iterate over the operations."""
        return iter(self._all)

    def add(
        self,
        method: str,
        path: str,
        *,
        scope: Scope,
        own_scope: Scope | None = None,
        right: Right | None = None,
        reveals: bool = False,
        query: type[BaseModel] | None = None,
        body: Any = None,
        takes_files: bool = False,
        returns_secret: bool = False,
        answers: Mapping[int, Answer] = MappingProxyType({}),
    ) -> Callable[[H], H]:
        """Declare the operation that a function carries out; ``body`` is a model, or a union of models."""

        def declare(handler: H) -> H:
            text = inspect.cleandoc(handler.__doc__ or "")
            summary, _blank, description = text.partition("\n\n")
            self._all.append(
                Operation(
                    method=method,
                    path=path,
                    name=handler.__name__,
                    summary=summary.rstrip("."),
                    description=description,
                    tag=self._tag,
                    scope=scope,
                    own_scope=own_scope,
                    right=right,
                    reveals=reveals,
                    query=query,
                    body=body,
                    takes_files=takes_files,
                    returns_secret=returns_secret,
                    answers=answers,
                    handler=handler,
                )
            )
            return handler

        return declare
