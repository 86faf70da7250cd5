"""The state of the installation in numbers."""

from datetime import timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.api.lists import Query
from webapp.api.operations import Answer, Operations
from webapp.views.page.request import services

operations = Operations("stats")
_MOST_HOURS = 24 * 366


class StatsQuery(Query):
    """The period."""

    hours: int = Field(default=24, ge=1, le=_MOST_HOURS, description="How far back the ended jobs are counted.")


class EndedJobs(BaseModel):
    """How many jobs of a type ended with a status."""

    model_config = ConfigDict(extra="forbid")

    type: str
    status: str
    jobs: int


class StatsDocument(BaseModel):
    """Counts of running and waiting jobs stop at a ceiling. Periods are in seconds."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    running: int
    waiting: int
    longest_wait: float | None
    workers: int
    paused: bool = Field(description="Whether everything is paused.")
    paused_queues: list[str]
    redis: bool = Field(description="Whether Redis answers.")
    clock_silent_for: float | None = Field(description="Null if no clock has ever run.")
    disk_used: int
    disk_total: int
    ended: list[EndedJobs]


@operations.add(
    "GET",
    "/stats",
    scope=Scope.READ,
    right=Right.SEE_INSTALLATION,
    query=StatsQuery,
    answers={200: Answer(model=StatsDocument, description="The state now, and the ended jobs.")},
)
def get_stats(query: StatsQuery) -> Any:
    """Get the state of the installation in numbers."""
    snapshot = services().health_check.take_snapshot()
    ended = services().metrics.count_ended_by_type(snapshot.at - timedelta(hours=query.hours))
    return {
        "at": snapshot.at,
        "running": snapshot.running,
        "waiting": snapshot.waiting,
        "longest_wait": snapshot.longest_wait.waited if snapshot.longest_wait else None,
        "workers": len(snapshot.workers),
        "paused": snapshot.everything_paused,
        "paused_queues": snapshot.paused_queues,
        "redis": snapshot.redis is not None,
        "clock_silent_for": snapshot.clock_silent_for,
        "disk_used": snapshot.disk.used,
        "disk_total": snapshot.disk.total,
        "ended": [{"type": type_name, "status": status, "jobs": jobs} for (type_name, status), jobs in ended.items()],
    }
