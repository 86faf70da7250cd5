"""Jobs as lines and as JSON, for a terminal."""

import json
from typing import Any

from webapp.jobs.job import Job


def as_json(value: Any) -> str:
    """Return JSON; ids and moments as text."""
    return json.dumps(value, default=str, indent=2)


def line(job: Job) -> str:
    """Return one line of a list."""
    return f"{job.id}  {job.status:<10} {job.progress:>5.1f} %  {job.type:<20} {job.title}"


def print_job(job: Job) -> str:
    """Return what people want to know of one job."""
    shown = {
        "id": job.id,
        "name": job.title,
        "type": job.type,
        "status": job.status,
        "progress": f"{job.progress:.1f} %",
        "message": job.message,
        "attempt": f"{job.attempt} of {job.max_attempts}",
        "created": job.created_at,
        "started": job.started_at,
        "finished": job.finished_at,
    }
    notes = [f"{kind}: {note['text']}" for kind, found in _notes(job) for note in found]
    return "\n".join([*(f"{name:<9} {value}" for name, value in shown.items() if value), *notes])


def _notes(job: Job) -> Any:
    return (("error", job.errors), ("warning", job.warnings))
