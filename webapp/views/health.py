"""Whether the house stands: `/healthz` for the web process, `/readyz` for what it needs."""

from flask import Blueprint
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.database import reading
from webapp.views.current import services

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer that this process serves."""
    return {"web": "ok"}


@bp.get("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Tell which of the parts can be reached: 200 if the database can, else 503.

    Without Redis the pages work and jobs wait, so it is told but is no reason for red.
    """
    states = {"database": _database(), "redis": _redis()}
    return states, 200 if states["database"] == "ok" else 503


def _database() -> str:
    try:
        with reading(services().engine) as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError:
        return "cannot be reached"
    return "ok"


def _redis() -> str:
    try:
        services().wake_ups.connection.ping()
    except RedisError:
        return "cannot be reached"
    return "ok"
