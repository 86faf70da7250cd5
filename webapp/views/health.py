"""Health checks: `/healthz` for the web process, `/readyz` for the services it needs."""

from collections.abc import Callable, Mapping

from flask import Blueprint, abort
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import reading
from webapp.jobs.monitoring.clock_heartbeat import is_clock_silent
from webapp.views.page.request import services

bp = Blueprint("health", __name__)
OK, AWAY, SILENT = "ok", "cannot be reached", "silent"


@bp.get("/healthz")
def healthz() -> dict[str, str]:
    """Report that this process serves requests."""
    return {"web": OK}


@bp.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Report the state of each service: 200 if the database is reachable, else 503.

    Without Redis or the clock, pages work and jobs wait. That is reported, but does not make the
    installation unavailable. To monitor one service, use `/readyz/<part>`.
    """
    states = {name: state() for name, state in PARTS.items()}
    return states, _code(states["database"])


@bp.get("/readyz/<part>")
def one_part(part: str) -> tuple[dict[str, str], int]:
    """Report the state of one service: 200 if it is healthy, else 503."""
    if part not in PARTS:
        abort(404)
    state = PARTS[part]()
    return {part: state}, _code(state)


def _code(state: str) -> int:
    return 200 if state == OK else 503


def _database() -> str:
    try:
        with reading(services().engine) as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))  # an empty database is none
    except DBAPIError:
        return AWAY
    return OK


def _redis() -> str:
    try:
        services().redis.ping()
    except RedisError:
        return AWAY
    return OK


def _clock() -> str:
    try:
        return SILENT if is_clock_silent(services().engine) else OK
    except DBAPIError:
        return "not known without the database"


PARTS: Mapping[str, Callable[[], str]] = {"database": _database, "redis": _redis, "clock": _clock}
