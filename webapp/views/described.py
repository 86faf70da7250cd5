"""A job and what belongs to it as JSON, for people who help. Pure; secrets come in hidden already."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from webapp.jobs.attachments import Attachment
from webapp.jobs.job import Job
from webapp.jobs.queries import Attempt, Event
from webapp.views.parameters import Parameter, as_facts

_LEFT_OUT = frozenset({"payload", "metadata", "state", "lease_id", "fair"})
_ONLY_FOR_OPERATORS = frozenset({"worker", "host", "pid", "traceback", "peak_memory", "cpu_seconds"})


def job(one: Job, *, secrets_hidden: Sequence[Parameter]) -> dict[str, Any]:
    """Describe the row, without what the engine keeps for itself."""
    row = {name: value for name, value in one.to_dict().items() if name not in _LEFT_OUT}
    named = {parameter.name: parameter.text for parameter in secrets_hidden}
    metadata = {fact.name: fact.text for fact in as_facts(one.metadata)}
    return {**row, "parameters": named, "metadata": metadata}


def rows(those: Iterable[Event | Attachment]) -> list[dict[str, Any]]:
    """Describe events or files."""
    return [asdict(one) for one in those]


def attempts(those: Iterable[Attempt], *, operates: bool) -> list[dict[str, Any]]:
    """Describe attempts; where they ran, and the traces, are for those who operate."""
    hidden = frozenset() if operates else _ONLY_FOR_OPERATORS
    return [{name: value for name, value in asdict(one).items() if name not in hidden} for one in those]
