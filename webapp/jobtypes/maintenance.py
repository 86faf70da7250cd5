"""Maintenance: delete expired jobs, files, schedule runs, metrics and sessions. The clock starts it every hour."""

from datetime import timedelta

from pydantic import BaseModel, Field

from webapp.accounts.idempotent_requests import IdempotentRequests
from webapp.accounts.sessions import Sessions
from webapp.jobs import JobContext, job_type
from webapp.jobs.maintenance.pruner import Pruner
from webapp.notifications.delivery_log import DeliveryLog

MESSAGES_KEPT = timedelta(days=30)  # in the log of notifications


class Maintenance(BaseModel):
    """Options of a maintenance run."""

    dry_run: bool = Field(
        default=False,
        title="Dry run",
        description="Counts what would be deleted and deletes nothing.",
        examples=[True],
    )


@job_type(
    "maintenance",
    title="Maintenance",
    description="Deletes expired jobs and files, orphaned files, old schedule runs, old metrics and expired sessions.",
    group="System",
    max_attempts=2,
    timeout=timedelta(hours=2),
    roles=("operator", "admin"),
)
def maintenance(  # noqa: PLR0917  (services are requested by class)
    job: JobContext,
    payload: Maintenance,
    pruner: Pruner,
    sessions: Sessions,
    requests: IdempotentRequests,
    deliveries: DeliveryLog,
) -> None:
    """Run the chores one after the other; an interrupted chore starts again in the next run."""
    only_count = payload.dry_run
    chores = {
        "jobs": lambda: pruner.prune(only_count=only_count),
        "expired files": lambda: pruner.expire_files(only_count=only_count),
        "orphaned files": lambda: pruner.sweep_orphans(only_count=only_count),
        "schedule runs": lambda: pruner.prune_schedule_runs(only_count=only_count),
        "old metrics": lambda: pruner.prune_metrics(only_count=only_count),
        "old rate starts": lambda: pruner.prune_rate_starts(only_count=only_count),
        "old budget counts": lambda: pruner.prune_budget_usage(only_count=only_count),
        "sessions": lambda: sessions.sweep(only_count=only_count),
        "sent messages": lambda: deliveries.prune(MESSAGES_KEPT, only_count=only_count),
        "idempotency keys": lambda: requests.sweep(only_count=only_count),
    }
    if not only_count and (months := pruner.add_months()):
        job.logger.info("Added partitions for %s", _counted(months, "months"))
    verb, counts = "Would delete" if only_count else "Deleted", {}
    for noun in job.track(tuple(chores)):
        counts[noun] = chores[noun]()
        job.logger.info("%s %s", verb, _counted(counts[noun], noun))
    for file in pruner.missing_files():
        job.warn(f"The file {file.name} of job {file.job_id.hex[-8:]} is missing on disk.")
    job.message(_summary(verb, counts))


def _summary(verb: str, counts: dict[str, int]) -> str:
    found = [_counted(count, noun) for noun, count in counts.items() if count]
    return f"{verb} {', '.join(found)}." if found else "Nothing to delete."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}"
