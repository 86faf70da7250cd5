"""The fields of each log line besides its message: the request, or the worker, job and attempt that it is about.

A request has its fields for itself, because a serving process has several at once. A worker and its work-horse have
theirs for the whole process, so that its further threads have them too.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_of_process: dict[str, object] = {}
_of_request: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default={})  # noqa: B039
request_id: ContextVar[str] = ContextVar("request_id", default="")  # of the HTTP request that is served


def set_process_fields(**fields: object) -> None:
    """Add these fields to all further lines of this process; None removes one."""
    for name, value in fields.items():
        if value is None:
            _of_process.pop(name, None)
        else:
            _of_process[name] = value


@contextmanager
def request(identifier: str) -> Iterator[None]:
    """Add these fields to all lines of a request within the block."""
    id_before, fields_before = request_id.set(identifier), _of_request.set({})
    try:
        yield
    finally:
        request_id.reset(id_before)
        _of_request.reset(fields_before)


def add_request_fields(**fields: object) -> None:
    """Add these fields to all further lines of this request."""
    _of_request.set({**_of_request.get(), **fields})


def log_fields() -> Mapping[str, object]:
    """Return the fields of a line that is written now."""
    found: dict[str, object] = {**_of_process, **_of_request.get()}
    return {"request_id": request_id.get(), **found} if request_id.get() else found


class process_fields:  # noqa: N801  (used like a function)
    """Add these fields to all lines of this process within the block. Every job does, so it is no generator."""

    __slots__ = ("_fields",)

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        """Add them."""
        _of_process.update(self._fields)

    def __exit__(self, *_: object) -> None:
        """Remove them."""
        for name in self._fields:
            _of_process.pop(name, None)
