"""What `Jobs` accepts: a rule for each argument, option and changed field. Everything else is a `BadRequest`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from math import isfinite
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from webapp.jobs.model import value_rules
from webapp.jobs.model.incoming_text import TITLE_LIMIT
from webapp.jobs.model.job import COMPLETE, BadRequest, Job, Owner, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.model.tags import TAGS
from webapp.jobs.model.value_rules import ID, IDS, MOMENT, NOTHING, PRIORITY, QUEUE_NAME, TRUTH, ValueRule
from webapp.jobs.store import idempotency_keys
from webapp.jobs.store.file_store import StoredFile, is_content
from webapp.jobs.store.job_store import JobNotFound

_FIELDS = tuple(field.name for field in fields(Job))
_CHOICES = {
    "title": value_rules.text(TITLE_LIMIT),
    "queue": QUEUE_NAME,
    "priority": PRIORITY,
    "unique_key": NOTHING | value_rules.text(value_rules.KEY_LIMIT),
    "max_attempts": value_rules.integer(1, 1_000_000),
    "tolerant": TRUTH,
    "tags": TAGS,
}
CHILD_CHOICES: Mapping[str, ValueRule] = MappingProxyType({**_CHOICES, "run_at": NOTHING | MOMENT})
JOB_CHOICES: Mapping[str, ValueRule] = MappingProxyType(
    {
        **_CHOICES,
        "triggered_by": NOTHING | ID,
        "again_of": NOTHING | ID,
        "shared_with": NOTHING | value_rules.text(80),
    }
)
_PAYLOAD = ValueRule("a mapping or a pydantic model", lambda value: isinstance(value, Mapping | BaseModel))
_ARGUMENTS: Mapping[str, ValueRule] = MappingProxyType(
    {
        "type_name": value_rules.text(80),
        "payload": NOTHING | _PAYLOAD,
        "payloads": ValueRule(
            "a list of mappings and pydantic models",
            lambda value: isinstance(value, Sequence) and all(map(_PAYLOAD.accepts, value)),
        ),
        "files": ValueRule(
            "a mapping of field names to stored files, or to lists of them",
            lambda value: isinstance(value, Mapping) and all(map(_are_files, value.values())),
        ),
        "owner": value_rules.instance(Owner, "an Owner"),
        "user_id": ID,
        "public": TRUTH,
        "priority": PRIORITY,
        "run_at": NOTHING | MOMENT,
        "delay": NOTHING | value_rules.period(zero=True),
        "after": IDS,
        "on_finish": TRUTH,
        "on_duplicate": NOTHING | value_rules.one_of(list(OnDuplicate)),
        "request_key": NOTHING | value_rules.text(idempotency_keys.KEY_LIMIT),
        "dispatch": TRUTH,
        "name": NOTHING | value_rules.text(value_rules.CHILD_NAME_LIMIT),
        "file_name": value_rules.text(255),
        "content": ValueRule("a text, bytes or a file that is open for reading in binary mode", is_content),
        "keep": NOTHING | value_rules.period(),
        "media_type": NOTHING | value_rules.instance(str, "a text"),  # a wrong one is replaced
        "by": NOTHING | ID,
        "older_than": value_rules.period(),
        "only_count": TRUTH,
        "window": value_rules.period(zero=True),
        "with_public": TRUTH,
        "limit": value_rules.integer(1, 1_000_000),
        "step": ValueRule("a function of the job", callable),
        "job": value_rules.instance(Job, "a Job"),
    }
)
_AMOUNT = ValueRule("a finite number", lambda value: type(value) in {int, float} and isfinite(value))
_NOTES = ValueRule(
    "a tuple of mappings",
    lambda value: isinstance(value, tuple) and all(isinstance(note, Mapping) for note in value),
)
# What the steps of `Job` write; JSON is checked where it is stored
_CHANGES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "status": value_rules.instance(Status, "a Status"),
        "progress": ValueRule(
            "a number from 0 to 100", lambda value: _AMOUNT.accepts(value) and 0 <= value <= COMPLETE
        ),
        "done": NOTHING | _AMOUNT,
        "total": NOTHING | _AMOUNT,
        "message": value_rules.instance(str, "a text"),
        **dict.fromkeys(("warnings", "errors"), _NOTES),
        **dict.fromkeys(("metadata", "state"), value_rules.instance(Mapping, "a mapping")),
        "owner": value_rules.instance(Owner, "an Owner"),
        "attempt": value_rules.integer(0, 2**31),
        "cancel_kind": NOTHING | value_rules.text(12),
        "cancel_requested_at": NOTHING | MOMENT,
        "started_at": NOTHING,  # only cleared
        "title": _CHOICES["title"],
    }
)


def _are_files(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(file, StoredFile) for file in value)
    return isinstance(value, StoredFile)


def check_arguments(**values: Any) -> None:
    """Raise `BadRequest` about the first argument that is not accepted."""
    _refuse(values, _ARGUMENTS)


def check_choices(choices: Mapping[str, Any], rules: Mapping[str, ValueRule] = JOB_CHOICES) -> None:
    """Raise `BadRequest` about the first option that does not exist or is not accepted."""
    _refuse(choices, rules)


def check_change(old: Job, new: Job) -> None:
    """Raise `BadRequest` about the first field that a step cannot write, or not with that value."""
    if not isinstance(new, Job):
        message = f"A step must return a Job, not {value_rules.shown(new)}."
        raise BadRequest(message)
    changed = {name: getattr(new, name) for name in _FIELDS if getattr(old, name) != getattr(new, name)}
    if other := next((name for name in changed if name not in _CHANGES), ""):
        message = f"A step cannot change the {other} of a job."
        raise BadRequest(message)
    _refuse(changed, _CHANGES)
    starts = new.is_running and not old.is_running
    if new.attempt - old.attempt not in {0, int(starts)} or new.owner != replace(old.owner, public=new.owner.public):
        message = "A step cannot change the owner and the attempt of a job, except with the methods of Job."
        raise BadRequest(message)


def check_ids(*job_ids: object) -> None:
    """Raise `JobNotFound` for the first one that cannot be the id of a job."""
    for job_id in job_ids:
        if not isinstance(job_id, UUID):
            raise JobNotFound(value_rules.shown(job_id))


def _refuse(values: Mapping[str, Any], rules: Mapping[str, ValueRule]) -> None:
    if objection := value_rules.first_objection(values, rules):
        raise BadRequest(objection)
