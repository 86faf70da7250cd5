"""Maintenance: what the clock has done every hour; removes what is past its day."""

from datetime import timedelta

from pydantic import BaseModel, Field

from webapp.accounts.sessions import Sessions
from webapp.jobs import JobContext, job_type
from webapp.jobs.maintenance.pruner import Pruner


class Maintenance(BaseModel):
    """Whether it is meant."""

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
def maintenance(job: JobContext, payload: Maintenance, pruner: Pruner, sessions: Sessions) -> None:
    """Do the chores one after the other; each may be cut short and begins anew the next time."""
    only_count = payload.dry_run
    chores = {
        "jobs": lambda: pruner.prune(only_count=only_count),
        "expired files": lambda: pruner.expire_files(only_count=only_count),
        "orphaned files": lambda: pruner.sweep_orphans(only_count=only_count),
        "schedule runs": lambda: pruner.prune_schedule_runs(only_count=only_count),
        "old metrics": lambda: pruner.prune_metrics(only_count=only_count),
        "sessions": lambda: sessions.sweep(only_count=only_count),
    }
    verb, removed = "Would delete" if only_count else "Deleted", {}
    for thing in job.track(tuple(chores)):
        removed[thing] = chores[thing]()
        job.logger.info("%s %s", verb, _counted(removed[thing], thing))
    for file in pruner.missing_files():
        job.warn(f"The file {file.name} of job {file.job_id.hex[-8:]} is missing on disk.")
    job.message(_summary(verb, removed))


def _summary(verb: str, removed: dict[str, int]) -> str:
    found = [_counted(count, thing) for thing, count in removed.items() if count]
    return f"{verb} {', '.join(found)}." if found else "Nothing to delete."


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing.removesuffix('s') if count == 1 else thing}"
