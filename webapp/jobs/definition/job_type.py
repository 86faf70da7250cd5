"""Job types: `@job_type` turns a typed function into a definition, which the registry holds."""

import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError

from webapp.jobs.definition.declaration import (
    check_options,
    place_of,
    read_hook_signature,
    read_signature,
    read_uploads,
)
from webapp.jobs.definition.field_specs import field_of, nested_class
from webapp.jobs.definition.lazy_handlers import refuse_lazy_handler
from webapp.jobs.definition.module_declarations import remember
from webapp.jobs.definition.previews import TablePreview
from webapp.jobs.definition.readable_names import humanize
from webapp.jobs.model import json_values
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.diagnostics import PARAMETERS_LIMIT
from webapp.jobs.model.job import Owner
from webapp.jobs.model.policies import (
    DEFAULT_RESOURCES,
    DEFAULT_RETENTION,
    INSTALLATION_DEFAULT,
    Limits,
    OnDuplicate,
    Resources,
    Retention,
    RetryPolicy,
)
from webapp.jobs.model.rate import Rate


class JobError(Exception):
    """Raised by a handler to fail its job with a message for the owner. The job is not retried.

    ``key`` names a translation that the parameters fill, as in `JobContext.warn`.
    """

    key: str = ""  # for subclasses with an ``__init__`` of their own
    parameters: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, text: str, key: str = "", **parameters: Any) -> None:
        """Store the message and its translation."""
        super().__init__(text)
        self.key = key
        self.parameters = json_values.check_json(parameters, "The parameters of an error", PARAMETERS_LIMIT)


class InvalidPayload(Exception):
    """Raised when a payload does not fit its job type; ``errors`` maps field names to messages."""

    def __init__(self, type_name: str, errors: Mapping[str, str]) -> None:
        """Name the type, and each field with its message."""
        self.errors = dict(errors)
        listed = " ".join(f"{name or 'payload'}: {text}" for name, text in self.errors.items())
        super().__init__(f"The payload does not fit job type {type_name!r}. {listed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """The definition of a job: its payload, its handler and its policies."""

    name: str
    title: str
    title_from: Callable[[Any], str | None] | None  # computes the titles of its jobs
    description: str
    group: str
    handler: Callable[..., Any]
    payload_class: type[BaseModel]
    needs: Mapping[str, type]
    queue: str
    priority: int
    retry: RetryPolicy
    limits: Limits
    resources: Resources
    unique_key: str | Callable[[Any], str | None] | None
    on_duplicate: OnDuplicate
    timeout: timedelta
    stop_grace: timedelta
    stale_after: timedelta | None
    rerun_lost: bool
    own_process: bool
    worker_only: bool
    webhook: bool  # whether messages of other systems can start it
    capture_output: bool
    keep: Retention
    roles: frozenset[str]  # the roles that can start it; empty = all
    for_tenants: bool  # whether users who belong to a tenant can start it
    asks_password: bool  # whether its form asks users for their own password
    acts_as_owner: bool  # whether its handler uses the permissions of its owner
    private_output: bool  # whether its output shows what only its owner may see
    replaces: bool
    keep_files: timedelta
    listed: bool  # whether the catalogue shows it
    approval: Approval | None  # what its jobs need before they start
    on_failed: Callable[..., Any] | None  # called with a job that has finally failed or was lost
    on_failed_needs: Mapping[str, type]
    preview: Callable[..., TablePreview] | None  # shows what its form was given
    uploads: tuple[str, ...]  # the names of the payload's file fields
    place: str  # the file and line of its declaration
    declared_in: str  # the module of its declaration

    def __call__(self, job: Any, payload: BaseModel, **needs: Any) -> Any:
        """Call the handler as a plain function, for tests."""
        return self.handler(job, payload, **needs)

    def may_be_started_by(self, role: str, tenant: str | None) -> bool:
        """Return whether such users can start it, and see the input and output of other users' jobs."""
        return (not self.roles or role in self.roles) and (self.for_tenants or tenant is None)

    @property
    def titles_its_jobs(self) -> bool:
        """Whether its jobs have titles of their own: computed ones, or with the names of their files."""
        return self.title_from is not None or bool(self.uploads)

    def key_of(self, payload: BaseModel) -> str | None:
        """Return the unique key of a job with this payload; ``None`` if the type has none."""
        return self.unique_key(payload) if callable(self.unique_key) else self.unique_key

    def needs_approval(self, payload: BaseModel) -> bool:
        """Return whether a job with this payload must be approved before it starts."""
        return self.approval is not None and self.approval.is_needed_for(payload)

    def rate_key_of(self, payload: BaseModel, owner: Owner) -> str | None:
        """Return the key by which the starts of such a job are counted; ``None`` if it has no rate."""
        rate = self.limits.rate
        return None if rate is None else rate.key_of(self.name, owner, payload)

    @property
    def location(self) -> str:
        """Module and name of the handler, for messages."""
        return f"{self.handler.__module__}.{self.handler.__qualname__}"

    def parse(self, values: Mapping[str, Any], *, strict: bool = False) -> BaseModel:
        """Validate ``values`` (JSON or form text) and return the payload; raises `InvalidPayload`.

        ``strict`` also rejects unknown fields: in a request they are mistakes, in a stored payload
        they are fields that the type once had.
        """
        if strict:
            self._reject_unknown_fields(values)
        try:
            return self.payload_class.model_validate(values)
        except ValidationError as error:
            raise InvalidPayload(self.name, field_messages(self.payload_class, error)) from None

    def _reject_unknown_fields(self, values: Mapping[str, Any]) -> None:
        if unknown := dict(unknown_fields(self.payload_class, values)):
            raise InvalidPayload(self.name, unknown)


def job_type(
    name: str,
    *,
    title: str | Callable[[Any], str | None],
    description: str = "",
    group: str = "General",
    queue: str = "default",
    priority: int = 100,
    max_attempts: int = 1,
    retry: RetryPolicy | None = None,
    max_running: int | None = None,
    max_running_per_owner: int | None = None,
    max_per: Rate | None = None,
    resources: Resources = DEFAULT_RESOURCES,
    unique_key: str | Callable[[Any], str | None] | None = None,
    on_duplicate: OnDuplicate | str = OnDuplicate.REJECT,
    timeout: timedelta = timedelta(hours=1),
    stop_grace: timedelta = timedelta(seconds=10),
    stale_after: timedelta | None = INSTALLATION_DEFAULT,
    rerun_lost: bool = True,
    own_process: bool = False,
    worker_only: bool = False,
    webhook: bool = False,
    capture_output: bool = True,
    keep: Retention = DEFAULT_RETENTION,
    roles: Collection[str] = (),
    for_tenants: bool = True,
    asks_password: bool = False,
    acts_as_owner: bool = False,
    private_output: bool = False,
    replaces: bool = False,
    keep_files: timedelta = timedelta(days=30),
    listed: bool = True,
    approval: Approval | None = None,
    on_failed: Callable[..., Any] | None = None,
    preview: Callable[..., TablePreview] | None = None,
) -> Callable[[Callable[..., Any]], JobType]:
    """Turn a handler ``(job: JobContext, payload: Model, …)`` into a `JobType`.

    The handler is a plain function; `async def` and generators raise `LazyHandler`.

    Parameters after the payload request application services by class (``accounts: Accounts``); the
    worker supplies them.

    - ``title`` is a text, to which the name of the job's file is added ("Letters: may.csv"), or a function of the
      payload that computes the title of each job (at most 200 characters; ``None`` is no title of its own). The
      catalogue then shows a title made from ``name``, as do jobs whose title cannot be computed.
    - ``max_attempts`` is short for ``retry=RetryPolicy(max_attempts=…)``.
    - ``max_per`` is a `Rate`: at most so many jobs start within a period, by type, by owner or by a function of the
      payload. Every attempt counts. The others wait, and say when they may start.
    - ``resources`` are the `Resources` of its processes in queues whose jobs a launcher starts.
    - ``unique_key`` is a text or a function of the payload. At most one unfinished job holds a key;
      ``on_duplicate`` decides what happens to a second one.
    - ``stop_grace`` is the time that a running job has to stop before it is killed.
    - ``rerun_lost=False``: a job whose worker died is not run again without a request. Otherwise it
      runs again while it has attempts left. If it cannot run again, it becomes stale.
    - ``stale_after``: a running or record-only job that reports nothing (no progress, message,
      diagnostic or state) for this long becomes stale; ``None`` disables this, and without it the
      installation decides (``DESKJOB_STALE_AFTER``).
    - ``own_process`` runs every job in its own work-horse.
    - ``worker_only`` forbids running jobs from the command line.
    - ``webhook=True`` lets admins create webhooks that start it when another system sends a signed message.
    - ``capture_output=False`` leaves what the handler prints, its libraries log and its programs write out of the
      job's log; the worker's log has it, as it is.
    - ``keep`` is the retention of finished jobs, ``keep_files`` that of their output files.
    - ``roles`` are the roles that can start the type; empty means all.
    - ``for_tenants=False``: users who belong to a tenant cannot start it, because it changes what all tenants share.
    - ``asks_password``: users confirm with their own password that they start it; it is never run again in bulk, nor
      retried by another user.
    - ``acts_as_owner``: its handler uses the permissions of its owner, so of other users only those retry it, run it
      dry or start it through a schedule who can start every type.
    - ``private_output``: its output shows what its owner can see, so of other users only those open it
      who can start every type.
    - ``listed=False`` hides the type from the catalogue, for types that other pages start.
    - ``approval``: its jobs wait until somebody else has approved them; see `Approval`.
    - ``on_failed`` is a function ``(job: Job, payload: Model, …)``, called once a job has finally failed or was lost:
      after the commit, in a job of its own, with services by class as the handler.
    - ``preview`` is a function ``(payload: Model, files: Mapping[str, BinaryIO])``, called in the web process for the
      button "Preview" of the form; ``files`` are the uploads by field. What it raises as `JobError` is shown.
    - ``replaces=True`` replaces a registered type of the same name.

    Raises `BadJobType`, with the place, for anything that could not work when a job runs.
    """
    options = dict(locals())
    caller = sys._getframe(1)  # noqa: SLF001  (the line of the declaration)
    place = place_of(caller)
    check_options(place, options)

    def declare(handler: Callable[..., Any]) -> JobType:
        refuse_lazy_handler(handler)
        payload_class, needs = read_signature(handler)
        hook_needs = read_hook_signature(on_failed, payload_class) if on_failed else {}
        declared = JobType(
            name=name,
            title=humanize(re.sub("[._-]+", " ", name)) if callable(title) else title,
            title_from=title if callable(title) else None,
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
            limits=Limits(running=max_running, running_per_owner=max_running_per_owner, rate=max_per),
            resources=resources,
            timeout=timeout,
            stop_grace=stop_grace,
            stale_after=stale_after,
            rerun_lost=rerun_lost,
            own_process=own_process,
            worker_only=worker_only,
            webhook=webhook,
            capture_output=capture_output,
            keep=keep,
            roles=frozenset(roles),
            for_tenants=for_tenants,
            asks_password=asks_password,
            acts_as_owner=acts_as_owner,
            private_output=private_output,
            replaces=replaces,
            keep_files=keep_files,
            listed=listed,
            approval=approval,
            on_failed=on_failed,
            on_failed_needs=hook_needs,
            preview=preview,
            uploads=read_uploads(handler, payload_class),
            place=place,
            declared_in=caller.f_globals.get("__name__", ""),
        )
        remember(declared, sys._getframe(1))  # noqa: SLF001  (the module that applies the decorator)
        return declared

    return declare


def field_messages(payload_class: type[BaseModel], error: ValidationError) -> dict[str, str]:
    """Return one readable message per invalid field, the first one of each."""
    messages: dict[str, str] = {}
    for item in error.errors(include_url=False):
        field, _ = field_of(payload_class, item["loc"])
        messages.setdefault(field, _sentence(item["msg"]))
    return messages


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def unknown_fields(model: type, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the fields that a model and its nested models do not have, with a message."""
    annotations = _annotations(model)
    takes_others = getattr(model, "model_config", {}).get("extra") == "allow"
    for name, value in values.items():
        nested = nested_class(annotations.get(name)) if isinstance(value, Mapping) else None
        if nested is not None:
            yield from unknown_fields(nested, value, f"{prefix}{name}.")
        elif name not in annotations and not takes_others:
            fields = ", ".join(_field_names(model)) or "none"
            yield f"{prefix}{name}", f"Unknown field. The fields are: {fields}."


@cache
def _annotations(model: Any) -> Mapping[str, Any]:
    """Return the annotations by the names that a request can use: the fields of a model and their aliases."""
    if not issubclass(model, BaseModel):
        return get_type_hints(model, include_extras=True)
    fields = model.model_fields
    aliases = {field.alias: field.annotation for field in fields.values() if field.alias}
    return {name: field.annotation for name, field in fields.items()} | aliases


def _field_names(model: Any) -> Sequence[str]:
    return list(model.model_fields) if issubclass(model, BaseModel) else list(_annotations(model))
