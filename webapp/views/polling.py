"""How often a page asks again, and how it learns cheaply that nothing has changed.

The server chooses: each answer carries the interval of the next request in its own trigger,
and an answer without a trigger ends the polling. htmx 4 does not know status 286.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from random import uniform

from flask import Response, request
from flask_login import current_user

from webapp.jobs.job import Job
from webapp.views import language

WAKE = "app:wake from:body"  # app.js says it when a hidden tab is looked at again
NEVER = "app:never"  # the trigger of those who switched live updates off
TAG_HEADER = "HX-PTag"
BUSY_SECONDS, IDLE_SECONDS = 2.0, 10.0
_JITTER = 0.1  # so that all tabs do not ask at once after a restart
_YOUNG, _RECENT = timedelta(seconds=20), timedelta(minutes=2)


def list_interval(counts: Mapping[str, int]) -> float:
    """Seconds until a list is asked for again: soon while something runs or waits."""
    return BUSY_SECONDS if counts["running"] or counts["waiting"] else IDLE_SECONDS


def job_interval(job: Job, now: datetime) -> float | None:
    """Seconds until a job is asked for again: each second at first; ``None`` when it has ended."""
    if job.is_finished:
        return None
    age = now - (job.started_at or job.created_at or now)
    if age < _YOUNG:
        return 1.0
    return 2.0 if age < _RECENT else 5.0


def trigger(seconds: float) -> str:
    """Return the ``hx-trigger`` that asks again after about ``seconds``, unless the person wants none."""
    if not getattr(current_user, "live_updates", True):
        return NEVER
    return f"every {round(1000 * seconds * uniform(1 - _JITTER, 1 + _JITTER))}ms, {WAKE}"  # noqa: S311


def tag(*parts: object) -> str:
    """One short text that differs when any part does, or the language."""
    return blake2b("\0".join(map(str, (language.current(), *parts))).encode(), digest_size=12).hexdigest()


def unchanged(current: str) -> Response | None:
    """Return the empty 304 for a page that already shows what ``current`` stands for."""
    return Response(status=304) if request.headers.get(TAG_HEADER) == current else None


def is_poll() -> bool:
    """Tell whether a page asks by itself, not a person."""
    return request.headers.get("X-Poll") == "1" and "HX-Request" in request.headers
