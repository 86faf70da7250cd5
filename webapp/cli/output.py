"""Print jobs and other values as lines for a terminal, or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from webapp.jobs.model.job import Job, Status


def as_json(value: Any) -> str:
    """Return JSON: IDs and times as text, periods in seconds."""
    return json.dumps(value, default=_plain, indent=2)


def as_json_line(value: Any) -> str:
    """Return a value with fields as JSON on one line."""
    return json.dumps(as_dict(value), default=_plain)


def as_dict(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, or of a document of another installation."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(vars(value))


def readable(text: object) -> str:
    """Return the text without control characters, except line breaks and tabs."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in str(text))


def print_jobs(jobs: Sequence[Job], *, in_json: bool, alone: bool = False) -> None:
    """Print a line per job, or a JSON list; with ``alone``, a JSON object for the only job."""
    if in_json:
        listed = [job.to_dict() for job in jobs]
        click.echo(as_json(listed[0] if alone else listed))
    for job in () if in_json else jobs:
        click.echo(_line(job))


def job_in_words(job: Job, owner: str, may_start: datetime | None = None) -> str:
    """Return the details of a job as text; ``may_start`` is when its rate lets it start."""
    shown = {
        "id": job.id,
        "name": job.title,
        "type": job.type,
        "owner": owner,
        "shared": job.shared_with and f"with {job.shared_with}",
        "status": f"{job.status}{_status_note(job)}",
        "progress": f"{job.progress:.1f} %",
        "message": job.message,
        "queue": job.queue and f"{job.queue}, priority {job.priority}",
        "attempt": f"{job.attempt_number} of {job.attempts_allowed}",
        "children": _children(job),
        "created": job.created_at,
        "starts": _start(job, may_start),
        "started": job.started_at,
        "finished": job.finished_at,
    }
    diagnostics = [f"{level}: {each['text']}" for level, entries in _diagnostics(job) for each in entries]
    return readable("\n".join([*(f"{name:<9} {value}" for name, value in shown.items() if value), *diagnostics]))


def _start(job: Job, may_start: datetime | None) -> str:
    if job.waits_for_rate:
        return f"{may_start or 'later'}, if the rate of its type permits it then"
    return str(job.run_at) if job.run_at and job.status is Status.SCHEDULED else ""


def progress_line(job: Job) -> str:
    """Return status, progress and message of a job."""
    return readable(f"{job.status}{_status_note(job)} {job.progress:.1f} % {job.message}").rstrip()


def _line(job: Job) -> str:
    return readable(f"{job.id}  {job.status:<10} {job.progress:>5.1f} %  {job.type:<20} {job.title}{_status_note(job)}")


def _status_note(job: Job) -> str:
    if job.done_with_warnings:
        return ", with warnings"
    if job.waits_for_approval:
        return ", waits for approval"
    if job.waits_for_answer:
        return ", waits for an answer"
    if job.cancel_kind in {"rejected", "expired"}:
        return f", {'rejected' if job.cancel_kind == 'rejected' else 'not approved in time'}"
    return ", stopping" if job.cancel_requested_at and not job.is_finished else ""


def _children(job: Job) -> str:
    if not job.parts:
        return ""
    counts = {"completed": job.parts_completed, "failed": job.parts_failed, "cancelled": job.parts_cancelled}
    return f"{job.parts:,}: " + ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())


def _diagnostics(job: Job) -> Any:
    return (("error", job.errors), ("warning", job.warnings))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
