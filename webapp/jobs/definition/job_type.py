"""Job types: `@job_type` turns one typed function into a definition, which registry.py holds."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webapp.jobs.model import json_values
from webapp.jobs.model.diagnostics import PARAMETERS_LIMIT
from webapp.jobs.model.policies import DEFAULT_RETENTION, Limits, OnDuplicate, Retention, RetryPolicy


class JobError(Exception):
    """A sentence for the job's owner: the job cannot go on, and this is why. It is not tried again.

    ``key`` names a translation that the parameters fill, as for `JobContext.warn`.
    """

    def __init__(self, text: str, key: str = "", **parameters: Any) -> None:
        """Keep the translation beside the sentence."""
        super().__init__(text)
        self.key = key
        self.parameters = json_values.check_json(parameters, "The parameters of an error", PARAMETERS_LIMIT)


class InvalidPayload(Exception):
    """A payload fits its job type; ``errors`` maps a field's name to one sentence."""

    def __init__(self, type_name: str, errors: Mapping[str, str]) -> None:
        """Name the type, and every field with its sentence."""
        self.errors = dict(errors)
        listed = " ".join(f"{name or 'payload'}: {text}" for name, text in self.errors.items())
        super().__init__(f"The payload does not fit job type {type_name!r}. {listed}")


class Upload(BaseModel):
    """A file in a payload. What is stored is its description; the bytes are an attachment.

    ``json_schema_extra={"accept": ".csv,.xlsx", "max_bytes": 20_000_000}`` on the field limits
    the endings and the size; an empty file is never taken.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    size: int = Field(ge=0)
    sha256: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """The definition of a job: what it takes, what runs, and under which rules."""

    name: str
    title: str
    description: str
    group: str
    handler: Callable[..., Any]
    payload_class: type[BaseModel]
    needs: Mapping[str, type]
    queue: str
    priority: int
    retry: RetryPolicy
    limits: Limits
    unique_key: str | Callable[[Any], str | None] | None
    on_duplicate: OnDuplicate
    timeout: timedelta
    stop_grace: timedelta
    stale_after: timedelta | None
    rerun_lost: bool
    own_process: bool
    worker_only: bool
    keep: Retention
    roles: frozenset[str]  # who may start it, by role; empty = everyone
    replaces: bool
    keep_files: timedelta
    listed: bool  # whether people find it in the catalogue
    uploads: tuple[str, ...]  # the names of the payload's fields that are files

    def __call__(self, job: Any, payload: BaseModel, **needs: Any) -> Any:
        """Run the handler as the plain function that it is, as a test does."""
        return self.handler(job, payload, **needs)

    def _refuse_strangers(self, values: Mapping[str, Any]) -> None:
        known = _names_of(self.payload_class)
        strange = [name for name in values if name not in known]
        if strange and self.payload_class.model_config.get("extra") != "allow":
            listed = ", ".join(self.payload_class.model_fields) or "none"
            raise InvalidPayload(self.name, dict.fromkeys(strange, f"There is no such field; there are: {listed}."))

    def may_be_started_by(self, role: str) -> bool:
        """Tell whether people of a role may start it, and see what others' jobs of it took and left."""
        return not self.roles or role in self.roles

    def key_of(self, payload: BaseModel) -> str | None:
        """Return the unique key of a job with this payload, if the type gives it one."""
        return self.unique_key(payload) if callable(self.unique_key) else self.unique_key

    @property
    def place(self) -> str:
        """Where its handler is written, for messages."""
        return f"{self.handler.__module__}.{self.handler.__qualname__}"

    def parse(self, values: Mapping[str, Any], *, strict: bool = False) -> BaseModel:
        """Check ``values`` (JSON or form text) and return the payload; else `InvalidPayload`.

        ``strict`` also refuses names that the payload does not have: in a request they are
        mistakes, in an old row they are what the type once had.
        """
        if strict:
            self._refuse_strangers(values)
        try:
            return self.payload_class.model_validate(values)
        except ValidationError as error:
            raise InvalidPayload(self.name, field_messages(error)) from None


def job_type(
    name: str,
    *,
    title: str,
    description: str = "",
    group: str = "General",
    queue: str = "default",
    priority: int = 100,
    max_attempts: int = 1,
    retry: RetryPolicy | None = None,
    max_running: int | None = None,
    max_running_per_owner: int | None = None,
    unique_key: str | Callable[[Any], str | None] | None = None,
    on_duplicate: OnDuplicate | str = OnDuplicate.REJECT,
    timeout: timedelta = timedelta(hours=1),
    stop_grace: timedelta = timedelta(seconds=10),
    stale_after: timedelta | None = None,
    rerun_lost: bool = True,
    own_process: bool = False,
    worker_only: bool = False,
    keep: Retention = DEFAULT_RETENTION,
    roles: Collection[str] = (),
    replaces: bool = False,
    keep_files: timedelta = timedelta(days=30),
    listed: bool = True,
) -> Callable[[Callable[..., Any]], JobType]:
    """Turn a handler ``(job: JobContext, payload: Model, …)`` into a `JobType`.

    Parameters after the payload name what the handler needs of the application by its class
    (``accounts: Accounts``); the worker supplies them. ``own_process`` gives every job a work-horse for
    itself; ``worker_only`` says that nobody may run it by hand. ``keep`` is how long jobs stay that
    have ended; ``roles`` are those whose people may start it, all if none is named; with
    ``listed=False`` it is not in the catalogue, since other pages start it. At most one unfinished job
    holds a ``unique_key``, a text or a function of the payload; what becomes of a second one says
    ``on_duplicate``. ``max_attempts`` is short for a `RetryPolicy` with nothing else. A running job
    that is asked to stop has ``stop_grace`` to do so, then it is ended by force. A job whose worker is
    gone runs again if it has attempts left, unless ``rerun_lost`` says that nobody may start it twice
    unasked; then, or with no attempt left, it is stale. A running job that says nothing (no progress,
    message, note or state) for ``stale_after`` is taken for lost as well, and so is a record-only one;
    None switches that off.
    """

    def declare(handler: Callable[..., Any]) -> JobType:
        payload_class, needs = _signature(handler)
        return JobType(
            name=name,
            title=title,
            description=description or (inspect.getdoc(handler) or "").partition("\n")[0],
            group=group,
            handler=handler,
            payload_class=payload_class,
            needs=needs,
            queue=queue,
            priority=priority,
            retry=retry or RetryPolicy(max_attempts=max_attempts),
            unique_key=unique_key,
            on_duplicate=OnDuplicate(on_duplicate),
            limits=Limits(running=max_running, running_per_owner=max_running_per_owner),
            timeout=timeout,
            stop_grace=stop_grace,
            stale_after=stale_after,
            rerun_lost=rerun_lost,
            own_process=own_process,
            worker_only=worker_only,
            keep=keep,
            roles=frozenset(roles),
            replaces=replaces,
            keep_files=keep_files,
            listed=listed,
            uploads=_uploads(payload_class),
        )

    return declare


def field_messages(error: ValidationError) -> dict[str, str]:
    """One readable sentence per field of a failed validation; the first one counts."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        found.setdefault(field, _sentence(item["msg"]))
    return found


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


@cache
def _names_of(payload_class: type[BaseModel]) -> frozenset[str]:
    """Name what a request may fill: the payload's fields and their aliases."""
    fields = payload_class.model_fields
    return frozenset({*fields, *(field.alias for field in fields.values() if field.alias)})


def _signature(handler: Callable[..., Any]) -> tuple[type[BaseModel], dict[str, type]]:
    hints = get_type_hints(handler)
    _, *names = inspect.signature(handler).parameters
    payload = hints.get(names[0]) if names else None
    if not (isinstance(payload, type) and issubclass(payload, BaseModel)):
        message = f"{handler.__qualname__} must take (job: JobContext, payload: a pydantic model)."
        raise TypeError(message)
    return payload, {name: hints[name] for name in names[1:]}


def _uploads(payload_class: type[BaseModel]) -> tuple[str, ...]:
    hints = get_type_hints(payload_class)
    return tuple(name for name in payload_class.model_fields if _is_upload(hints[name]))


def _is_upload(hint: Any) -> bool:
    if get_origin(hint) in {Union, UnionType}:
        return Upload in get_args(hint)
    return hint is Upload
