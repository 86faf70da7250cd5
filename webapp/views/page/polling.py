"""Polling: how often a page refreshes itself, and how it learns cheaply that nothing has changed.

The server chooses: each answer carries the interval of the next request in its own trigger, and an
answer without a trigger ends the polling. htmx 4 does not know status 286. Every answer also
refreshes the top bar: the badge, the bell and the toasts.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from random import uniform
from typing import Any

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.jobs.model.job import Job, Status
from webapp.views.page.assets import template_version
from webapp.views.page.request import viewer, wants_fragment
from webapp.views.page.topbar import toasts, topbar
from webapp.views.text import translations

WAKE = "app:wake from:body"  # live.js sends it when a hidden tab becomes visible
NEVER = "app:never"  # the trigger for users who disabled live updates
TAG_HEADER = "HX-PTag"
BUSY_SECONDS, IDLE_SECONDS, ASLEEP_SECONDS = 2.0, 10.0, 60.0
SCHEDULED_SECONDS = 30.0
_GROWS_OLD = 30  # seconds after which "in 5 min" is wrong
_JITTER = 0.1  # spreads the requests of all tabs after a restart
_ASLEEP_AFTER = timedelta(minutes=5)
_YOUNG, _RECENT = timedelta(seconds=20), timedelta(minutes=2)
# up to which age a running job's page grows old, and how fast; durations above ten minutes have no seconds
_AGES = ((_YOUNG, 1), (_RECENT, 5), (timedelta(minutes=10), _GROWS_OLD), (timedelta.max, 60))


def list_interval(counts: Mapping[str, int], jobs: Collection[Job], now: datetime) -> float:
    """Return the seconds until a list refreshes.

    Short while jobs run or wait, long when nothing has happened for a while, but in time for the next
    scheduled job.
    """
    if counts["running"] or counts["waiting"]:
        return BUSY_SECONDS
    moved = max((job.finished_at or job.started_at or job.created_at or now for job in jobs), default=None)
    awake = moved is not None and now - moved < _ASLEEP_AFTER
    due = (job.run_at for job in jobs if job.status is Status.SCHEDULED and job.run_at)
    waits = [(run_at - now).total_seconds() for run_at in due]
    return max(BUSY_SECONDS, min([IDLE_SECONDS if awake else ASLEEP_SECONDS, *waits]))


def job_interval(job: Job, now: datetime) -> float | None:
    """Return the seconds until a job page refreshes: one second at first; ``None`` when the job has ended.

    A scheduled job refreshes rarely until it is due, because somebody can still stop or reschedule it.
    """
    if job.is_finished:
        return None
    if job.status is Status.SCHEDULED and job.run_at is not None:
        until_due = (job.run_at - now).total_seconds()
        return min(max(until_due / 2, 1.0), SCHEDULED_SECONDS)
    age = now - (job.started_at or job.created_at or now)
    if age < _YOUNG:
        return 1.0
    return 2.0 if age < _RECENT else 5.0


def job_tick(job: Job, now: datetime) -> int:
    """Return a number that changes when relative times on a page become outdated."""
    if job.is_finished:
        return 0
    if not job.is_running:
        return int((now.timestamp() + job.id.int % _GROWS_OLD) // _GROWS_OLD)  # not all pages in the same second
    age = now - (job.started_at or now)
    step = next(step for limit, step in _AGES if age < limit)
    return int(age.total_seconds()) // step * step  # not the number of steps: 10 of one second are 10 of five as well


def trigger(seconds: float) -> str:
    """Return the ``hx-trigger`` that refreshes after about ``seconds``, unless the user disabled live updates."""
    if not getattr(current_user, "live_updates", True):
        return NEVER
    return f"every {round(1000 * seconds * uniform(1 - _JITTER, 1 + _JITTER))}ms, {WAKE}"  # noqa: S311


def tag(*parts: object) -> str:
    """Return a change tag: a short text that differs when any part or the language differs."""
    return blake2b("\0".join(map(str, (translations.language(), *parts))).encode(), digest_size=12).hexdigest()


def unchanged(current: str) -> Response | None:
    """Return an empty 304 if the page already shows the state with the tag ``current``."""
    return Response(status=304) if request.headers.get(TAG_HEADER) == current else None


def is_poll() -> bool:
    """Whether the request is an automatic refresh and not made by the user."""
    return request.headers.get("X-Poll") == "1" and wants_fragment()


def init_app(app: Flask) -> None:
    """Give templates ``poll_state()``."""
    app.jinja_env.globals["poll_state"] = poll_state


def poll_state() -> dict[str, str]:
    """Return the parameters of a refresh: the latest notification the page knows, and whether jobs ran."""
    parameters = {"heard": str(topbar().latest), "ran": "1" if topbar().is_busy else ""}
    return {name: value for name, value in parameters.items() if value}


def polling_context(shown: object, seconds: float) -> dict[str, Any]:
    """Return what a template needs to poll: a tag of everything that can change, and the trigger."""
    return {
        "tag": tag(shown, topbar().activity, viewer(), template_version()),
        "trigger": trigger(seconds),
    }


def poll_response(template: str, page: Mapping[str, Any]) -> ResponseReturnValue:
    """Answer a refresh of the page whose tag is in ``page``; 304 if nothing has changed."""
    if (same := unchanged(page["tag"])) is not None:
        return same
    new_toasts = toasts(request.args.get("heard", 0, int), ran="ran" in request.args) if is_poll() else ()
    fragments = (render_template(template, **page), render_template("page/_topbar_live.html", toasts=new_toasts))
    return "".join(fragments), {TAG_HEADER: page["tag"]}
