"""Compares two runs: what they were given, how they went and what they left behind, value by value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from webapp.jobs.definition.payload import is_secret
from webapp.jobs.job_queries import JobQueries
from webapp.jobs.model.job import Job
from webapp.jobs.store.attachments import Attachment

HIDDEN = "••••••"  # instead of a secret


class Part(StrEnum):
    """The parts of a comparison."""

    RUN = "run"
    INPUT = "input"
    RESULT = "result"
    FILES = "files"
    STEPS = "steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedValue:
    """A value of both runs as JSON; ``None`` if a run has none.

    Of `Part.RUN`, ``name`` is one of "status", "owner", "waited" and "ran" (seconds), "attempts". Of `Part.INPUT`, it
    is the path of a field, with dots. Of `Part.RESULT`, it is "message", "warnings" (a number), "error" or a key of the
    metadata. Of `Part.FILES`, it is the name of an output file, whose value has its size and SHA-256; of `Part.STEPS`,
    that of a step, whose value are its seconds.
    """

    part: Part
    name: str
    first: Any
    second: Any

    @property
    def differs(self) -> bool:
        """Whether the runs differ in it. Secrets are not compared."""
        return bool(self.first != self.second)


def compare_runs(queries: JobQueries, first: Job, second: Job) -> tuple[ComparedValue, ...]:
    """Return all values of two jobs, part by part; the jobs may have different types."""
    return tuple(_compared(_values(queries, first), _values(queries, second)))


def _compared(
    first: Mapping[Part, Mapping[str, Any]], second: Mapping[Part, Mapping[str, Any]]
) -> Iterator[ComparedValue]:
    for part in Part:
        for name in dict.fromkeys([*first[part], *second[part]]):
            yield ComparedValue(part=part, name=name, first=first[part].get(name), second=second[part].get(name))


def _values(queries: JobQueries, job: Job) -> Mapping[Part, Mapping[str, Any]]:
    files = queries.files.attachments(job.id)
    return {
        Part.RUN: _run(job),
        Part.INPUT: dict(_leaves(job.payload)),
        Part.RESULT: _result(job),
        Part.FILES: {file.name: _content(file) for file in files if file.role == "output"},
        Part.STEPS: {step.name: step.period.total_seconds() for step in queries.steps.of(job.id)},
    }


def _run(job: Job) -> Mapping[str, Any]:
    return {
        "status": job.status.value,
        "owner": None if job.owner.user_id is None else str(job.owner.user_id),
        "waited": _seconds(job.created_at, job.started_at),
        "ran": _seconds(job.started_at, job.finished_at),
        "attempts": job.attempt_number,
    }


def _result(job: Job) -> Mapping[str, Any]:
    return {
        "message": job.message or None,
        "warnings": len(job.warnings),
        "error": job.errors[-1]["text"] if job.errors else None,
        **dict(_leaves(job.metadata)),
    }


def _content(file: Attachment) -> Mapping[str, Any]:
    return {"size": file.size, "sha256": file.sha256}


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with their paths."""
    for name, value in values.items():
        if is_secret(value):
            yield f"{path}{name}", HIDDEN
        elif isinstance(value, Mapping) and value and not is_file(value):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def is_file(value: object) -> bool:
    """Return whether a value describes a file, with its name, size and SHA-256."""
    return isinstance(value, Mapping) and {"name", "size", "sha256"} <= set(value)


def _seconds(began: Any, ended: Any) -> float | None:
    return None if began is None or ended is None else (ended - began).total_seconds()
